"""The account of what is missing, until it is written: bounded, and the last thing that is ever given up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from formats.batches import batch_from_rows
from formats.loss import LossReason
from formats.rows.loss_row import loss_row
from formats.tables import loss

_MAX_ENTRIES = 1024
_DETAIL_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class LossEntry:
    """Events of one table that are missing for one reason.

    Attributes:
        table: the table that misses them.
        count: how many; None = unknown.
        from_boot_ns: nothing was lost before.
        to_boot_ns: nothing was lost after.
        detail: where exactly; empty if the reason says all.
    """

    table: str
    reason: LossReason
    count: int | None
    from_boot_ns: int
    to_boot_ns: int
    detail: str = ""

    def to_row(self) -> dict[str, object]:
        """The entry as a row of the table `loss`."""
        return loss_row(
            self.table,
            self.reason,
            self.count,
            from_boot_ns=self.from_boot_ns,
            to_boot_ns=self.to_boot_ns,
            detail=self.detail,
        )


def to_batch(entries: Iterable[LossEntry]) -> pa.RecordBatch:
    """The entries as a batch of the table `loss`, in the order of time."""
    return batch_from_rows(
        loss.TABLE, [entry.to_row() for entry in sorted(entries, key=lambda entry: entry.to_boot_ns)]
    )


class LossLedger:
    """Collects losses; those that are not written yet merge, so that it stays small however long the disk is full."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, LossReason, bool, str], LossEntry] = {}
        self.totals: dict[tuple[str, LossReason], int] = {}
        """Known counts since the start, by table and reason, for metrics."""

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: LossEntry) -> None:
        """Note a loss. A count of 0 is none."""
        if entry.count == 0:
            return
        key = (entry.table, entry.reason)
        self.totals[key] = self.totals.get(key, 0) + (entry.count or 0)
        self._merge(entry)

    def take(self) -> list[LossEntry]:
        """All entries, to be written now; give them back with `put_back` if that fails."""
        entries = list(self._entries.values())
        self._entries.clear()
        return entries

    def put_back(self, entries: Iterable[LossEntry]) -> None:
        """Keep entries that could not be written."""
        for entry in entries:
            self._merge(entry)

    def _merge(self, entry: LossEntry) -> None:
        detail = entry.detail[:_DETAIL_CHARACTERS]
        key = (entry.table, entry.reason, entry.count is None, detail)
        if key not in self._entries and len(self._entries) >= _MAX_ENTRIES:
            detail, key = "", (entry.table, entry.reason, entry.count is None, "")
        before = self._entries.get(key)
        if before is None:
            merged = LossEntry(entry.table, entry.reason, entry.count, entry.from_boot_ns, entry.to_boot_ns, detail)
        else:
            merged = LossEntry(
                entry.table,
                entry.reason,
                None if entry.count is None or before.count is None else before.count + entry.count,
                min(before.from_boot_ns, entry.from_boot_ns),
                max(before.to_boot_ns, entry.to_boot_ns),
                detail,
            )
        self._entries[key] = merged
