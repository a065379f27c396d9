"""The log format of the Container Runtime Interface: `TIME STREAM TAGS MESSAGE`, where long messages come in pieces."""

from __future__ import annotations

from collections.abc import Iterable

MAX_MESSAGE = 16384
"""Characters of a message that are joined from pieces; more are left out."""


def join_messages(lines: Iterable[str]) -> list[str]:
    """The messages of some lines of a log, oldest first; a line of another form is left out.

    Source: kubernetes pkg/kubelet/kuberuntime/logs: the first tag, separated by `:`, is `P` for all pieces of a message
    but the last, which has `F`. Pieces of the two streams may alternate.
    """
    messages: list[str] = []
    pieces: dict[str, str] = {}
    for line in lines:
        fields = line.split(" ", 3)
        if len(fields) < 3 or fields[1] not in {"stdout", "stderr"}:
            continue
        stream, tag, piece = fields[1], fields[2].partition(":")[0], fields[3] if len(fields) == 4 else ""
        message = pieces.pop(stream, "")
        message += piece[: MAX_MESSAGE - len(message)]
        if tag == "P":
            pieces[stream] = message
        else:
            messages.append(message)
    # What was written last may lack its end: the process is gone.
    return [*messages, *pieces.values()]
