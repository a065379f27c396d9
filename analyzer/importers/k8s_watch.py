"""`tapio import --from k8s-watch`: raw lists and watch events of a Kubernetes API, recorded or from kubectl.

Two forms, told apart by the first line that is JSON:

* one JSON object per line, `{"t": unix ns, "boot_ns": boot clock ns, "resource": …, "type": …, "object": …}` with type
  LIST, ADDED, MODIFIED, DELETED, BOOKMARK or ERROR, the object as received;
* what `kubectl get … -o json` prints: one List or object, or several one after the other.

Both plain, gzip or zstd.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analyzer.importers.foreign_file import ForeignFile
from analyzer.importers.kube_conversations import EVENT_RESOURCES, KubeConversations
from analyzer.importers.recording import Recording
from formats.clock import Instant
from formats.errors import FormatError
from formats.loss import LossReason
from formats.rows.kube_json import Json, integer, items, parse_object, text
from formats.rows.kube_redaction import Redaction
from formats.rows.kube_resources import EVENTS, OBJECT_RESOURCES
from formats.rows.kube_time import unix_nano

WATCH_TYPES = frozenset({"LIST", "ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"})
DOCUMENT_BYTES = 1 << 30
"""Largest output of kubectl, which is one document over many lines and so must be held as a whole."""

EXPECTED = (
    'one JSON object per line with "t", "boot_ns", "resource", "type" and "object", '
    "or the output of `kubectl get -o json`"
)
_CORE_EVENTS = re.compile(rb'"resource"\s*:\s*"events"')
_TIMES = re.compile(
    r'"(?:creationTimestamp|lastTimestamp|eventTime|startedAt|finishedAt|lastTransitionTime|lastHeartbeatTime|time)"\s*:\s*"([^"]{20,35})"'
)
_RESOURCE_BY_KIND = {resource.kind: resource.name for resource in (*OBJECT_RESOURCES, EVENTS)}


@dataclass(frozen=True, slots=True)
class InputSummary:
    """What a first reading of the file found.

    Attributes:
        digest: of the file as stored, 32 bytes.
        lines: that are not empty.
        is_watch: whether it is a recording of lists and watches, line by line.
        has_core_events: whether Events of core/v1 are in it, so that their other form is left out.
        damage: what was wrong below the lines; None if nothing.
    """

    digest: bytes
    lines: int
    is_watch: bool
    has_core_events: bool
    damage: str | None


def read_k8s_watch(
    path: Path,
    *,
    node_name: str,
    configmap_values: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> tuple[Recording, str]:
    """The rows of a recorded conversation with a Kubernetes API.

    Args:
        path: the file.
        node_name: who recorded it.
        configmap_values: whether values of ConfigMaps are kept.
        on_progress: called now and then with the bytes read so far, of twice the size of the file.

    Returns:
        The recording, and what identifies it: equal files and options give equal texts.

    Raises:
        FormatError: nothing in the file is what it should be.
        MissingInputError: the file cannot be read.
    """
    survey = _survey(path, on_progress)
    # Whoever has only the capture does not have the file, and so not the key.
    key = hashlib.blake2b(survey.digest, person=b"tapio-redaction").digest()[:32]
    redaction = Redaction(key, configmap_values)
    recording = Recording(node_name)
    if survey.is_watch:
        _read_watch(path, survey, recording, redaction, on_progress)
    else:
        _read_documents(path, survey, recording, redaction)
    if not recording.rows:
        raise FormatError("no Kubernetes object was found in the file", where=str(path), next_step=f"give {EXPECTED}")
    return recording, f"{survey.digest.hex()} {node_name} {configmap_values}"


def _survey(path: Path, on_progress: Callable[[int], None] | None) -> InputSummary:
    file = ForeignFile(path, on_progress)
    lines = 0
    is_watch = False
    has_core_events = False
    for line in file.lines():
        if not line.strip():
            continue
        lines += 1
        if not is_watch and b'"resource"' in line:
            is_watch = _is_watch_line(parse_object(line))
        has_core_events = has_core_events or _CORE_EVENTS.search(line, 0, 4_096) is not None
    if not lines:
        raise FormatError(
            f"the file is empty{f': {file.damage}' if file.damage else ''}",
            where=str(path),
            next_step=f"give {EXPECTED}",
        )
    return InputSummary(file.digest.digest(), lines, is_watch, has_core_events, file.damage)


def _is_watch_line(line: Json | None) -> bool:
    return line is not None and isinstance(line.get("resource"), str) and text(line, "type") in WATCH_TYPES


def _read_watch(
    path: Path,
    survey: InputSummary,
    recording: Recording,
    redaction: Redaction,
    on_progress: Callable[[int], None] | None,
) -> None:
    conversations = KubeConversations(recording, redaction)
    unreadable = _Unreadable()
    begin: Instant | None = None
    at = Instant(0, 0)
    already_read = path.stat().st_size
    file = ForeignFile(path, (lambda read: on_progress(already_read + read)) if on_progress else None)
    for number, raw in enumerate(file.lines(), start=1):
        if not raw.strip():
            continue
        line = parse_object(raw)
        if line is None or not _is_watch_line(line):
            unreadable.add(number)
            continue
        at = _instant(line, at)
        if begin is None:
            begin = at
        recording.tell_clock(at)
        resource, watch_type = text(line, "resource"), line["type"]
        if resource in EVENT_RESOURCES and resource != "events" and survey.has_core_events:
            continue
        if watch_type == "LIST":
            conversations.list(resource, line.get("object") or {}, at)
        else:
            conversations.tell(resource, watch_type, line.get("object"), at)
    begin = begin or at
    conversations.end(begin, at)
    if unreadable.lines:
        recording.add_loss(
            "kube_object", LossReason.DAMAGED, unreadable.lines, since=begin, until=at, detail=unreadable.detail
        )
    if survey.damage:
        recording.add_loss("kube_object", LossReason.DAMAGED, None, since=at, until=at, detail=survey.damage)


class _Unreadable:
    """Counts lines that are no list and no watch event."""

    def __init__(self) -> None:
        self.lines = 0
        self._first = 0

    def add(self, number: int) -> None:
        self.lines += 1
        self._first = self._first or number

    @property
    def detail(self) -> str:
        return f"lines that are neither a list nor a watch event, the first at line {self._first}"


def _instant(line: Json, before: Instant) -> Instant:
    """When a line was received; a time that is missing follows from the line before."""
    unix, boot = integer(line, "t"), integer(line, "boot_ns")
    offset = before.unix_nano - before.boot_ns
    if unix is None and boot is None:
        return before
    if unix is None:
        return Instant(_int64((boot or 0) + offset), boot or 0)
    return Instant(unix, _int64(unix - offset) if boot is None else boot)


def _int64(value: int) -> int:
    return min(max(value, -(2**63)), 2**63 - 1)


def _read_documents(path: Path, survey: InputSummary, recording: Recording, redaction: Redaction) -> None:
    file = ForeignFile(path)
    parts = []
    size = 0
    for line in file.lines():
        size += len(line)
        if size > DOCUMENT_BYTES:
            raise FormatError(
                f"the document has more than {DOCUMENT_BYTES:,} bytes", where=str(path), next_step=f"give {EXPECTED}"
            )
        parts.append(line)
    document = b"\n".join(parts).decode("utf-8", "replace").lstrip("\ufeff")
    objects: dict[str, list[Any]] = {}
    unread: list[int] = []
    for found in _documents(document, unread):
        for item in items(found, "items") if "items" in found else [found]:
            kind = text(item, "kind") or text(found, "kind").removesuffix("List")
            typed = {"apiVersion": text(found, "apiVersion"), "kind": kind, **item} if isinstance(item, dict) else item
            objects.setdefault(_RESOURCE_BY_KIND.get(kind, kind), []).append(typed)
    newest = max((time for time in map(unix_nano, _TIMES.findall(document)) if time is not None), default=0)
    # Lists do not say when they were read: not before the newest time in them.
    at = Instant(newest, newest)
    recording.tell_clock(at)
    conversations = KubeConversations(recording, redaction)
    for resource, listed in sorted(objects.items()):
        conversations.list(resource, {"items": listed, "kind": text(listed[0], "kind")}, at)
    conversations.end(at, at)
    if unread:
        detail = f"invalid JSON from character {unread[0]:,} on"
        recording.add_loss("kube_object", LossReason.DAMAGED, None, since=at, until=at, detail=detail)
    if survey.damage:
        recording.add_loss("kube_object", LossReason.DAMAGED, None, since=at, until=at, detail=survey.damage)


def _documents(document: str, unread: list[int]) -> Iterator[Json]:
    """JSON objects that stand one after the other; `unread` gets the place of what is none, where reading ends."""
    decoder = json.JSONDecoder(parse_constant=lambda _name: None)
    position = 0
    while True:
        while position < len(document) and document[position].isspace():
            position += 1
        if position >= len(document):
            return
        try:
            value, position = decoder.raw_decode(document, position)
        except (ValueError, RecursionError):
            unread.append(position)
            return
        if isinstance(value, dict):
            yield value
