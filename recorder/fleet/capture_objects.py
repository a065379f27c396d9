"""The kind Capture as the recorder reads and writes it (deploy/kubernetes/base/capture.yaml has its schema)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from formats.capture_kind import API_VERSION, FAILED, FREEZING, FROZEN, GROUP, KIND, PLURAL
from formats.errors import UsageError
from formats.rows.kube_json import Json, field, integer, items, text
from formats.rows.kube_resources import Served
from formats.text import escape_text
from formats.times import NANOSECONDS, format_time, parse_time
from recorder.store.captures import AUTOMATIC
from recorder.store.freeze import TriggeredFreeze

CAPTURES = Served(API_VERSION, PLURAL, KIND)

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_BEFORE_S, _AFTER_S = 600, 30
"""Where a Capture has no window: a server without our schema fills in no defaults."""
UPLOAD, NODE = "Upload", "Node"
"""Values of `destination` in the `spec`. Why no URI: whoever may create Captures would choose where recordings go."""
_MAX_BEFORE_S = 604_800
_MAX_AFTER_S = 3_600
_REASON_CHARACTERS = 500
_KEY_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class SeenCapture:
    """A Capture that there is, as its metadata says.

    Attributes:
        name: in its namespace; it is part of a file's name, so nothing else than the schema allows is let through.
        uid: of the object.
        created_unix_nano: when it was created, by the API server's clock.
    """

    name: str
    uid: str
    created_unix_nano: int

    @property
    def stored_bytes(self) -> int:
        """Size while it waits in a queue."""
        return 200

    @property
    def file_stem(self) -> str:
        """Name of its file on every node, without the suffix; another Capture of the same name has another one."""
        return f"{self.name}-{re.sub('[^0-9a-f]', '', self.uid)[:8]}"


class CaptureVersions:
    """Which Captures there are: the state of the conversation that follows them. Gives each once."""

    def __init__(self) -> None:
        self.rejected = 0
        self.repeated = 0
        self._known: dict[str, SeenCapture] = {}
        self._listed: set[str] = set()

    @property
    def known(self) -> int:
        """How many there are."""
        return len(self._known)

    def begin_list(self) -> None:
        """A list begins."""
        self._listed = set()

    def list_page(self, page: Iterable[Any]) -> list[SeenCapture]:
        """Those of a page that were not known."""
        return [found for raw in page if (found := self._see(raw)) is not None]

    def end_list(self) -> list[SeenCapture]:
        """The list is complete: the others are no more."""
        self._known = {uid: seen for uid, seen in self._known.items() if uid in self._listed}
        return []

    def told(self, watch_type: str, raw: Any) -> SeenCapture | None:
        """The Capture of a watch event if it was not known."""
        if watch_type == "DELETED":
            self._known.pop(text(field(raw, "metadata"), "uid"), None)
            return None
        return self._see(raw)

    def snapshot(self) -> Iterator[SeenCapture]:
        """All that there are."""
        yield from list(self._known.values())

    def _see(self, raw: Any) -> SeenCapture | None:
        seen = read_metadata(raw)
        if seen is None:
            self.rejected += 1
            return None
        self._listed.add(seen.uid)
        if seen.uid in self._known:
            self.repeated += 1
            return None
        self._known[seen.uid] = seen
        return seen


@dataclass(frozen=True, slots=True)
class Order:
    """What a Capture asks of one node.

    Attributes:
        window_unix_nano: begin and end of the window.
        reason: why, in one sentence.
        concerns_node: whether the node is among those that shall freeze.
        is_done: whether the node has answered already.
        stays_on_node: whether its capture is not to be uploaded.
        file: name of the node's capture, as its entry says; empty if it has frozen nothing.
        is_uploaded: whether its entry says where the capture was uploaded to.
    """

    window_unix_nano: tuple[int, int]
    reason: str
    concerns_node: bool
    is_done: bool
    stays_on_node: bool = False
    file: str = ""
    is_uploaded: bool = False


def read_metadata(raw: Any) -> SeenCapture | None:
    """The Capture that an object's metadata names; None if it is none, or has a name that the schema forbids."""
    metadata = field(raw, "metadata")
    name, uid = text(metadata, "name"), text(metadata, "uid")
    try:
        created = parse_time(text(metadata, "creationTimestamp"))
    except ValueError:
        return None
    return SeenCapture(name, uid, created) if uid and _NAME.fullmatch(name) else None


def read_order(raw: Json, seen: SeenCapture, node: str) -> Order:
    """What a Capture asks of a node; its author is not trusted, and the server may have no schema.

    Raises:
        UsageError: the window or the destination is none; it says why.
    """
    spec = field(raw, "spec")
    at = seen.created_unix_nano
    if told := text(spec, "at"):
        try:
            at = parse_time(told)
        except ValueError as error:
            raise UsageError(f"`at` of the Capture is not a time: {error}") from error
    before, after = integer(spec, "beforeSeconds"), integer(spec, "afterSeconds")
    before, after = _BEFORE_S if before is None else before, _AFTER_S if after is None else after
    if not (0 <= before <= _MAX_BEFORE_S and 0 <= after <= _MAX_AFTER_S):
        raise UsageError(f"the window of {before} s before and {after} s after is out of range")
    destination = text(spec, "destination")
    if destination not in ("", UPLOAD, NODE):
        raise UsageError(f"`destination` of the Capture must be {UPLOAD} or {NODE}")
    nodes = items(spec, "nodes")
    entry = field(field(field(raw, "status"), "nodes"), node)
    state = text(entry, "state")
    return Order(
        window_unix_nano=(at - before * NANOSECONDS, at + after * NANOSECONDS),
        reason=escape_text(text(spec, "reason"), limit=_REASON_CHARACTERS) or f"Capture {seen.name}",
        concerns_node=not nodes or node in nodes,
        is_done=state in (FROZEN, FAILED),
        stays_on_node=destination == NODE,
        file=Path(text(entry, "file")).name if state == FROZEN else "",
        is_uploaded=bool(text(entry, "uploaded")),
    )


def automatic_prefix(key: str) -> str:
    """What the names of all Captures begin with that one trigger has created, on whichever node."""
    return f"{AUTOMATIC}{re.sub('[^a-z0-9]+', '-', key.lower()).strip('-')[:_KEY_CHARACTERS]}-"


def make_capture(begun: TriggeredFreeze, node: str, min_interval_ns: int) -> Json:
    """The Capture for a freeze that a trigger has begun.

    Recorders that do so within the same interval choose the same name, so the API server lets one of them create it.
    """
    slot = format_time(begun.at_unix_nano // min_interval_ns * min_interval_ns)
    return {
        "apiVersion": CAPTURES.api_version,
        "kind": CAPTURES.kind,
        "metadata": {
            "name": automatic_prefix(begun.key) + slot[:19].replace("-", "").replace(":", "").lower() + "z",
            "labels": {"app.kubernetes.io/name": "tapio", f"{GROUP}/trigger": begun.key[:63]},
        },
        "spec": {
            "at": format_time(begun.at_unix_nano),
            "beforeSeconds": min(begun.before_ns // NANOSECONDS, _MAX_BEFORE_S),
            "afterSeconds": min(-(-begun.after_ns // NANOSECONDS), _MAX_AFTER_S),
            "reason": escape_text(f"{node}: {begun.reason}", limit=_REASON_CHARACTERS),
        },
    }


def summarize(raw: Json) -> Json:
    """The parts of the status that are over all nodes, from the entries of the nodes."""
    entries = field(field(raw, "status"), "nodes")
    states = [text(entry, "state") for entry in entries.values()]
    asked = {name for name in items(field(raw, "spec"), "nodes") if isinstance(name, str)} | set(entries)
    frozen = states.count(FROZEN)
    state = FREEZING if FREEZING in states else FROZEN if frozen else FAILED
    return {"state": state, "frozen": f"{frozen}/{len(asked)}"}


def is_covered(
    prefix: str, now_unix_nano: int, min_interval_ns: int, known: Callable[[], Iterable[SeenCapture]]
) -> bool:
    """Whether a Capture of the same trigger was created so recently that another one would say nothing new."""
    return any(
        seen.name.startswith(prefix) and abs(now_unix_nano - seen.created_unix_nano) < min_interval_ns
        for seen in known()
    )
