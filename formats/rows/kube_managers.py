"""Who wrote a version of a Kubernetes object, by its managedFields.

An entry says which program (`manager`) wrote which fields by which operation, and when it last changed one of them.
`fieldsV1` is half of an object, so it is read and not recorded.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from formats.rows.kube_json import Json, field, items, text
from formats.rows.kube_time import unix_nano

MANAGER_CHARACTERS = 128
"""Longest name of a manager that the API server accepts."""

USER_PREFIX = "user/"
"""Begins the name of a user of the API server, which stands for a manager where an audit log tells who wrote."""

MAX_ENTRIES = 64
"""Entries that are read. Why: the API server keeps ten managers that update, and the few that apply."""

_OPERATIONS = frozenset({"Apply", "Update"})
_MARK_BYTES = 4


@dataclass(frozen=True, slots=True)
class Manager:
    """Who wrote fields of an object.

    Attributes:
        name: of the field manager, such as kubectl-edit.
        operation: Apply (server-side apply) or Update (anything else).
        subresource: such as status or scale; None if the object itself was written.
        unix_nano: when it last changed a field, Unix ns by the clock of the API server, in whole seconds.
    """

    name: str
    operation: str
    subresource: str | None
    unix_nano: int


@dataclass(frozen=True, slots=True)
class Managers:
    """What the managedFields of one version say.

    Attributes:
        entries: the well-formed ones.
        fields: names of the top fields (`spec`, `data`, …) that each of them owns something of, in the same order.
    """

    entries: tuple[Manager, ...]
    fields: tuple[frozenset[str], ...]

    @property
    def marks(self) -> bytes:
        """What to keep of this version to see which entries of the next one are new."""
        return b"".join(_mark(entry) for entry in self.entries)

    def creator(self) -> Manager | None:
        """Who made the object: the earliest entry outside of `status`; None if there is none."""
        return min(self._outside_status(), key=lambda entry: entry.unix_nano, default=None)

    def last_writer(self, known: Manager | None = None) -> Manager | None:
        """Who wrote the object last, its status aside; None if there is none.

        Args:
            known: who is known to have written last; of several within the same second it is this one.
        """
        return max(self._outside_status(), key=lambda entry: (entry.unix_nano, entry == known), default=None)

    def writer(self, marks_before: bytes, changed: Collection[str]) -> Manager | None:
        """Who made this version of the one before; None if managedFields do not tell.

        They do not tell of a manager that only removed fields of others, nor of a second write within one second: an
        entry that is not new is never blamed.

        Args:
            marks_before: `marks` of the version before.
            changed: paths of the fields that differ.
        """
        known = {marks_before[at : at + _MARK_BYTES] for at in range(0, len(marks_before), _MARK_BYTES)}
        tops = {path.partition(".")[0].partition("[")[0] for path in changed}
        new = [
            (entry, fields)
            for entry, fields in zip(self.entries, self.fields, strict=True)
            if _mark(entry) not in known
        ]
        if len(new) > 1:  # after a gap: only who owns all that differs may have done it alone
            new = [(entry, fields) for entry, fields in new if tops and tops <= fields]
        return new[0][0] if len(new) == 1 else None

    def _outside_status(self) -> Iterator[Manager]:
        return (entry for entry in self.entries if entry.subresource != "status")


def read_managers(raw: Json) -> Managers:
    """The managedFields of an object as received. Whatever is of a wrong type reads as absent.

    Args:
        raw: the object, of any shape.
    """
    entries, fields = [], []
    for listed in items(field(raw, "metadata"), "managedFields")[:MAX_ENTRIES]:
        manager = _read_entry(listed)
        if manager is not None:
            entries.append(manager)
            owned = field(listed, "fieldsV1")
            fields.append(frozenset(name[2:] for name in owned if isinstance(name, str) and name.startswith("f:")))
    return Managers(tuple(entries), tuple(fields))


def _read_entry(listed: Any) -> Manager | None:
    name = text(listed, "manager", MANAGER_CHARACTERS)
    operation = text(listed, "operation")
    time = unix_nano(listed.get("time")) if isinstance(listed, dict) else None
    if not name or operation not in _OPERATIONS or time is None:
        return None
    subresource = text(listed, "subresource", MANAGER_CHARACTERS) or None
    return Manager(sys.intern(name), operation, sys.intern(subresource) if subresource else None, time)


def _mark(entry: Manager) -> bytes:
    told = f"{entry.unix_nano}/{entry.operation}/{entry.subresource}/{entry.name}"
    return zlib.crc32(told.encode("utf-8", "replace")).to_bytes(_MARK_BYTES)
