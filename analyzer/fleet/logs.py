"""The logs of recorders, each line with its node and safe for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Thread

from analyzer.fleet.recorders import Cluster, RecorderPod
from formats.errors import TapioError
from formats.text import escape_text

MAX_FOLLOWED = 64
"""Nodes that are followed at the same time: each has a connection and a thread."""
_LINE_BYTES = 16_384


def read_lines(pieces: Iterator[bytes]) -> Iterator[str]:
    """The lines of a stream, each cut to a length and with escapes of terminals made visible."""
    left = b""
    for piece in pieces:
        *lines, left = (left + piece).split(b"\n")
        for line in lines:
            yield _show(line)
        if len(left) > _LINE_BYTES:
            yield _show(left)
            left = b""
    if left:
        yield _show(left)


def print_logs(
    cluster: Cluster,
    recorders: Sequence[RecorderPod],
    options: Mapping[str, str],
    *,
    told: Callable[[str], None],
    failed: Callable[[str], None],
) -> bool:
    """Print the logs of recorders: node by node, or as lines come if they are followed.

    Args:
        cluster: of the recorders.
        recorders: whose logs are printed.
        options: of the API server: `follow`, `previous`, `sinceSeconds`, `tailLines`.
        told: is called with each line.
        failed: is called with a sentence for each log that cannot be read.

    Returns:
        Whether all could be read.
    """
    width = max((len(pod.node) for pod in recorders), default=0)

    def show(pod: RecorderPod) -> bool:
        try:
            for line in read_lines(cluster.read_log(pod, options)):
                told(f"{pod.node:<{width}}  {line}")
        except TapioError as error:
            failed(f"{pod.node}: {error}")
            return False
        return True

    if "follow" not in options:
        shown = [show(pod) for pod in recorders]
        return all(shown)
    results: list[bool] = []
    # Not an executor: Ctrl-C must not wait for logs that never end.
    followers = [Thread(target=lambda pod=pod: results.append(show(pod)), daemon=True) for pod in recorders]
    for follower in followers:
        follower.start()
    for follower in followers:
        follower.join()
    return all(results)


def _show(line: bytes) -> str:
    return escape_text(line.decode("utf-8", "replace").rstrip("\r"), limit=_LINE_BYTES)
