"""A Capture as the desk reads it: what each node answered. Whoever may write its status may have written anything."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from analyzer.fleet.recorders import Json, RecorderPod
from formats.capture_kind import FAILED, FREEZING, FROZEN
from formats.rows.kube_json import field, integer, items, text
from formats.text import escape_text

NODE_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?", re.ASCII)
_FILE = re.compile(r"/(?:[A-Za-z0-9_][A-Za-z0-9._-]*/)*[A-Za-z0-9][A-Za-z0-9._-]*\.tapio", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class NodeAnswer:
    """What one node says of its part.

    Attributes:
        node: its name, which is safe as the name of a file.
        state: Freezing, Frozen or Failed; empty: it has not answered.
        message: why there is no file, or why it is not the whole window.
        file: path in the recorder's container; empty if there is none, or if it is no path of a capture.
        size: of the file, in bytes.
        sha256: of the file; empty if not told.
        events: how many the file has.
        losses: how many are known to be missing.
    """

    node: str
    state: str = ""
    message: str = ""
    file: str = ""
    size: int = 0
    sha256: str = ""
    events: int = 0
    losses: int = 0

    @property
    def is_final(self) -> bool:
        """Whether it says no more."""
        return self.state in (FROZEN, FAILED)


def read_answers(capture: Json, recorders: Iterable[RecorderPod]) -> list[NodeAnswer]:
    """The answers of all nodes that have answered, were named, or have a recorder, sorted by node."""
    named = {node for node in items(field(capture, "spec"), "nodes") if isinstance(node, str)}
    entries = field(field(capture, "status"), "nodes")
    nodes = named or {pod.node for pod in recorders}
    answers = [_read_answer(node, field(entries, node)) for node in sorted({*nodes, *entries})]
    return [answer for answer in answers if NODE_NAME.fullmatch(answer.node)]


def _read_answer(node: str, entry: Json) -> NodeAnswer:
    file, sha256 = text(entry, "file"), text(entry, "sha256")
    state = text(entry, "state")
    return NodeAnswer(
        node=node,
        state=state if state in (FREEZING, FROZEN, FAILED) else "",
        message=escape_text(text(entry, "message"), limit=500),
        file=file if _FILE.fullmatch(file) else "",
        size=max(integer(entry, "bytes") or 0, 0),
        sha256=sha256 if _SHA256.fullmatch(sha256) else "",
        events=max(integer(entry, "events") or 0, 0),
        losses=max(integer(entry, "losses") or 0, 0),
    )
