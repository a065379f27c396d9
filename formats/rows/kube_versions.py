"""The known objects of one resource: turns lists and watch events into rows, and finds what changed before a relist.

One `ObjectVersions` or `EventVersions` follows one list-and-watch conversation, live or from a file. It reads no clock
and keeps memory bounded: of every object only the last version, redacted and compressed.
"""

from __future__ import annotations

import json
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from formats.rows.kube_event import EventRow, event_count, event_row
from formats.rows.kube_json import Json, field, text
from formats.rows.kube_managers import Manager, read_managers
from formats.rows.kube_object import ObjectRow, Observation, object_row, row_of_content
from formats.rows.kube_redaction import Redaction

CONTENT_BYTES = 32 << 20
"""Compressed content kept per resource. Why: 15,000 pods of 2 KiB; beyond it later versions have no `changes`."""

KEYS = 200_000
"""Objects remembered per resource; the oldest are forgotten."""

TOMBSTONES = 4_096
"""Deleted objects remembered, so that a late or repeated message does not bring an object back."""

_CHANGE_BY_WATCH_TYPE = {"ADDED": Observation.ADDED, "MODIFIED": Observation.MODIFIED, "DELETED": Observation.DELETED}

RowT = TypeVar("RowT")


class Versions(Protocol[RowT]):
    """The state of one list-and-watch conversation.

    Attributes:
        rejected: messages that were no object with a name.
        repeated: messages that told nothing new: repeats, and older versions that came late.
    """

    rejected: int
    repeated: int

    def begin_list(self) -> None:
        """A list begins (anew, if the one before was not ended)."""

    def list_page(self, page: Iterable[Any]) -> list[RowT]:
        """Rows of one page of the list: `state` in the first list, inferred changes in later ones."""

    def end_list(self) -> list[RowT]:
        """The list is complete: rows of the objects that it did not have any more."""

    def told(self, watch_type: str, raw: Any) -> RowT | None:
        """The row of one watch event; None if it told nothing new or was no object."""

    def snapshot(self) -> Iterator[RowT]:
        """A `state` row per known object."""


@dataclass(slots=True)
class _Known:
    """What is kept of one object."""

    resource_version: str
    content: bytes | None = None
    count: int = 0
    marks: bytes = b""
    last_writer: Manager | None = None


class _Conversation(Generic[RowT]):
    """What objects and Events have in common: who is known, what a list misses, what comes twice or too late."""

    def __init__(
        self, redaction: Redaction, api_version: str, kind: str, *, end: Observation = Observation.DELETED
    ) -> None:
        self._redaction = redaction
        self._end = end
        self._api_version = api_version
        self._kind = kind
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._tombstones: OrderedDict[str, str] = OrderedDict()
        self._listed: set[str] = set()
        self._was_listed = False
        self.rejected = 0
        self.repeated = 0

    def begin_list(self) -> None:
        self._listed = set()

    def list_page(self, page: Iterable[Any]) -> list[RowT]:
        rows = []
        for raw in page:
            key = self._key(raw)
            if key is None:
                self.rejected += 1
                continue
            self._listed.add(key)
            known = self._known.get(key)
            # Resource versions are opaque across lists: only equality means something.
            if known is not None and known.resource_version == _version(raw):
                continue
            change = Observation.ADDED if known is None else Observation.MODIFIED
            if not self._was_listed:
                change = Observation.STATE
            rows.append(self._accept(key, raw, change, is_inferred=self._was_listed))
        return rows

    def end_list(self) -> list[RowT]:
        gone = [key for key in self._known if key not in self._listed]
        rows = [row for row in (self._vanished(key, self._forget(key)) for key in gone) if row is not None]
        self._was_listed = True
        self._listed = set()
        return rows

    def told(self, watch_type: str, raw: Any) -> RowT | None:
        key = self._key(raw)
        change = _CHANGE_BY_WATCH_TYPE.get(watch_type)
        if key is None or change is None:
            self.rejected += 1
            return None
        change = self._end if change is Observation.DELETED else change
        known = self._known.get(key)
        is_repeated = known is not None and not change.is_end and _is_not_newer(raw, known.resource_version)
        if is_repeated or (key in self._tombstones and _is_not_newer(raw, self._tombstones[key])):
            self.repeated += 1
            return None
        if change is Observation.ADDED and known is not None:
            change = Observation.MODIFIED
        row = self._accept(key, raw, change, is_inferred=False)
        if change.is_end:
            if known is not None:
                self._forget(key)
            self._bury(key, _version(raw))
        return row

    def _key(self, raw: Any) -> str | None:
        """The uid, or namespace and name where there is none; None if it is no object."""
        if not isinstance(raw, dict):
            return None
        metadata = field(raw, "metadata")
        uid, name = text(metadata, "uid"), text(metadata, "name")
        if not uid and not name:
            return None
        return uid or f"{text(metadata, 'namespace')}/{name}"

    def _bury(self, key: str, resource_version: str) -> None:
        self._tombstones[key] = resource_version
        if len(self._tombstones) > TOMBSTONES:
            self._tombstones.popitem(last=False)

    def _forget(self, key: str) -> _Known:
        return self._known.pop(key)

    def _remember(self, key: str, known: _Known) -> None:
        self._known[key] = known
        if len(self._known) > KEYS:
            self._forget(next(iter(self._known)))

    def _accept(self, key: str, raw: Json, change: Observation, *, is_inferred: bool) -> RowT:
        raise NotImplementedError

    def _vanished(self, key: str, known: _Known) -> RowT | None:
        raise NotImplementedError


class ObjectVersions(_Conversation[ObjectRow]):
    """The objects of one resource.

    Args:
        redaction: what may be recorded.
        api_version: of the resource, for items of lists, which do not carry it.
        kind: same.
        end: what it means that an object is not there any more.
    """

    def __init__(
        self, redaction: Redaction, api_version: str, kind: str, *, end: Observation = Observation.DELETED
    ) -> None:
        super().__init__(redaction, api_version, kind, end=end)
        self._content_bytes = 0

    def snapshot(self) -> Iterator[ObjectRow]:
        """A `state` row per object whose content is kept."""
        for known in list(self._known.values()):
            if known.content is not None:
                content = zlib.decompress(known.content).decode()
                yield row_of_content(json.loads(content), content, Observation.STATE, manager=known.last_writer)

    def _accept(self, key: str, raw: Json, change: Observation, *, is_inferred: bool) -> ObjectRow:
        typed = {**raw, "apiVersion": raw.get("apiVersion") or self._api_version, "kind": raw.get("kind") or self._kind}
        if self._kind in ("Secret", "ConfigMap"):
            # What is asked for as a Secret is treated as one, whatever it calls itself.
            typed["kind"] = self._kind
        known = self._known.get(key)
        previous = None
        if known is not None and known.content is not None and not change.is_end:
            previous = json.loads(zlib.decompress(known.content))
        managers, marks = read_managers(raw), None if known is None else known.marks
        row = object_row(
            typed,
            change,
            self._redaction,
            previous=previous,
            managers=managers,
            marks_before=marks,
            is_inferred=is_inferred,
        )
        if not change.is_end:
            if known is not None:
                self._forget(key)
            content: bytes | None = zlib.compress(row.content.encode(), 1)
            if self._content_bytes + len(content or b"") > CONTENT_BYTES:
                content = None
            self._content_bytes += len(content or b"")
            last_writer = managers.last_writer(row.manager or (known.last_writer if known else None))
            self._remember(
                key,
                _Known(row.resource_version, content, marks=managers.marks, last_writer=last_writer),
            )
        return row

    def _forget(self, key: str) -> _Known:
        known = super()._forget(key)
        self._content_bytes -= len(known.content or b"")
        return known

    def _vanished(self, key: str, known: _Known) -> ObjectRow | None:
        if known.content is None:
            namespace, _, name = key.rpartition("/")
            recorded: Json = {"apiVersion": self._api_version, "kind": self._kind, "metadata": {"uid": key}}
            if "/" in key:
                recorded["metadata"] = {"namespace": namespace, "name": name}
            return row_of_content(recorded, json.dumps(recorded), self._end, is_inferred=True)
        content = zlib.decompress(known.content).decode()
        return row_of_content(json.loads(content), content, self._end, is_inferred=True)


class EventVersions(_Conversation[EventRow]):
    """The Kubernetes Events of one API.

    An Event that a relist does not have any more has only become older than the API server keeps them (one hour by
    default): that makes no row.
    """

    def snapshot(self) -> Iterator[EventRow]:
        """Nothing: Events are no state."""
        return iter(())

    def _accept(self, key: str, raw: Json, change: Observation, *, is_inferred: bool) -> EventRow:
        known = self._known.get(key)
        previous_count = None if known is None else known.count
        row = event_row(raw, change, self._redaction, previous_count=previous_count, is_inferred=is_inferred)
        if change is not Observation.DELETED:
            self._remember(key, _Known(_version(raw), count=event_count(raw)))
        return row

    def _vanished(self, key: str, known: _Known) -> EventRow | None:  # noqa: ARG002 - see the class
        return None


def _version(raw: Any) -> str:
    return text(field(raw, "metadata"), "resourceVersion")


def _is_not_newer(raw: Any, known: str) -> bool:
    """Whether a watch event contains a version that is known or older.

    Within one watch, versions of one object may be compared as numbers where both are such (KEP-5504); else only
    equality counts.
    """
    version = _version(raw)
    if version == known:
        return bool(version)
    if version.isascii() and version.isdigit() and known.isascii() and known.isdigit():
        return int(version) < int(known)
    return False
