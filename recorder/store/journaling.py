"""Batches wait in a bounded queue, are written to the open journal, and are safe when it is synced.

The rules for sick disks: what the disk refuses (ENOSPC) stays in the queue until it takes it or the queue is full; a
sync that failed is believed, so that file is set aside for good and what was not synced before is counted as lost.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from formats.columns import BOOT_TIME_NS, Table
from formats.errors import FormatError, LimitError, StorageError
from formats.loss import LossReason
from formats.tables import loss
from recorder.config import JournalConfig
from recorder.ledger import LossEntry, LossLedger, to_batch
from recorder.store.batch_queue import BatchQueue, QueuedBatch, concat_by_table
from recorder.store.layout import DataDirectory
from recorder.store.node import Node
from recorder.store.open_journal import Extent, OpenJournal
from recorder.store.sealer import ClosedJournal
from recorder.wall_clock import WallClock

_RETRY_NS = 1_000_000_000
_WRITE_BYTES = 4 << 20
"""The queue is written without waiting for the sync interval when it holds this much. Why: it bounds our memory. A
full frame of a narrow table is that large, so a busy source's frames are written in the turn that drains them."""

_MAX_ROWS = 8_000_000
"""A journal with more rows is full, however small. Why: rows that compress to nothing still take time to seal, and at
SIGTERM there are 5 s for it."""

_FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT})


class Journaling:
    """The open journal and what waits for it.

    Args:
        directory: where journals are.
        config: when to sync, and when a journal is full.
        node: who records.
        wall_clock: gives every row its wall clock.
        queue_bytes: most that waits while the disk refuses.
        ledger: where losses are noted, and taken from to be written.
        next_seq: number of each table's next event.
    """

    def __init__(
        self,
        directory: DataDirectory,
        config: JournalConfig,
        node: Node,
        wall_clock: WallClock,
        *,
        queue_bytes: int,
        ledger: LossLedger,
        next_seq: Mapping[str, int],
    ) -> None:
        self._directory = directory
        self._config = config
        self._node = node
        self._wall_clock = wall_clock
        self._ledger = ledger
        self._queue = BatchQueue(node.name, wall_clock, max_bytes=queue_bytes, next_seq=next_seq)
        self._open: OpenJournal | None = None
        self._closed: list[ClosedJournal] = []
        self._not_before_ns = 0
        self._last_sync_ns = 0
        self._cause = LossReason.QUEUE_FULL
        self.acknowledged: dict[str, int] = {}
        """Number after the last event that is safe on disk or counted as lost, by table."""
        self.events: dict[str, int] = {}
        """Rows written since the start, by table."""
        self.bytes_written = 0
        self.problem = ""
        """Why nothing can be written now; empty if all is well."""

    @property
    def queued_bytes(self) -> int:
        """What waits, in bytes of memory."""
        return self._queue.bytes

    @property
    def open_bytes(self) -> int:
        """Size of the open journal."""
        return self._open.size if self._open else 0

    @property
    def open_path(self) -> Path | None:
        """The open journal; None while the disk refuses one."""
        return self._open.path if self._open else None

    @property
    def next_sync_boot_ns(self) -> int:
        """When what is written from now on is to be synced; in the past if nothing was for a while."""
        return self._last_sync_ns + self._config.sync_interval_ns

    def next_seq(self, table: str) -> int:
        """Number of the table's next event."""
        return self._queue.next_seq(table)

    def add(self, table: Table, drained: pa.RecordBatch) -> None:
        """Number a drained batch and queue it.

        Raises:
            TapioError: it does not have the table's schema; nothing was queued.
        """
        self._queue.add(table, drained)

    def begin(self, now_boot_ns: int) -> bool:
        """Open a journal if there is none; False if the disk refuses, or did a moment ago."""
        if self._open is not None:
            return True
        if now_boot_ns < self._not_before_ns:
            return False
        try:
            self._open = OpenJournal.create(
                self._directory,
                self._node,
                now_boot_ns=now_boot_ns,
                unix_minus_boot_ns=self._wall_clock.unix_minus_boot_ns,
                first_numbers=self._queue.first_unwritten(),
            )
        except (OSError, StorageError) as error:
            self._note_refusal(error.errno or 0, now_boot_ns)
            return False
        self._last_sync_ns = now_boot_ns
        return True

    def flush(self, now_boot_ns: int, *, at_once: bool = False) -> None:
        """Write and sync what waits if it is time, or at once.

        Losses are written first. What the disk refuses stays queued, up to the queue's bound.
        """
        is_due = at_once or now_boot_ns - self._last_sync_ns >= self._config.sync_interval_ns
        if not is_due and self._queue.bytes < _WRITE_BYTES:
            return
        if self.begin(now_boot_ns) and self._write(now_boot_ns) and is_due:
            self._sync(now_boot_ns)
        self._count_lost(self._queue.drop_excess(), self._cause if self.problem else LossReason.QUEUE_FULL)

    def is_full(self, now_boot_ns: int) -> bool:
        """Whether the open journal has reached its size, its rows or its age."""
        if self._open is None:
            return False
        is_large = self._open.size >= self._config.max_bytes or self._open.rows >= _MAX_ROWS
        return is_large or now_boot_ns - self._open.begun_boot_ns >= self._config.max_age_ns

    def close(self, now_boot_ns: int) -> None:
        """Write and sync what waits, and close the journal; it is then among `take_closed`."""
        self.flush(now_boot_ns, at_once=True)
        if self._open is not None:
            journal, self._open = self._open, None
            journal.close()
            self._hand_over(journal)

    def take_closed(self) -> list[ClosedJournal]:
        """The journals that were closed since the last call, to be sealed."""
        closed, self._closed = self._closed, []
        return closed

    # Writing and syncing.

    def _write(self, now_boot_ns: int) -> bool:
        """Append the losses and the queue as one write; False if the disk refused."""
        journal = self._open
        if journal is None:
            return False
        entries = self._ledger.take()
        losses = self._queue.complete(loss.TABLE, to_batch(entries)) if entries else None
        queued = self._queue.waiting()
        if losses is None and not queued:
            return True
        batches = concat_by_table(queued)
        size_before = journal.size
        try:
            self.bytes_written += journal.append(batches if losses is None else [losses, *batches])
        except StorageError as error:
            self._ledger.put_back(entries)
            self._abandon_tail(journal, size_before, error.errno, now_boot_ns)
            return False
        except (LimitError, FormatError) as error:
            # A row that fits no frame: nothing was written. One source's fault must not stop the others' rows.
            self._ledger.put_back(entries)
            self._reject_unwritable(journal, str(error))
            return False
        if losses is not None:
            self._queue.take_numbers(loss.TABLE.name, losses.num_rows)
            journal.unsynced_losses += entries
            self._note_written(journal, loss.TABLE.name, _measure(losses))
        for item in queued:
            self._note_written(journal, item.table.name, _extent_of(item))
        self._queue.remove(queued)
        self.problem = ""
        return True

    def _note_written(self, journal: OpenJournal, table: str, extent: Extent) -> None:
        journal.note_written(table, extent)
        self.events[table] = self.events.get(table, 0) + extent.rows

    def _sync(self, now_boot_ns: int) -> None:
        journal = self._open
        if journal is None or not journal.unsynced:
            return
        self._last_sync_ns = now_boot_ns
        try:
            journal.sync()
        except StorageError as error:
            self._set_aside(journal, error.errno)
            self._note_refusal(error.errno, now_boot_ns)
            return
        self.acknowledged = self._queue.numbers

    # Sick disks.

    def _abandon_tail(self, journal: OpenJournal, size_before: int, number: int, now_boot_ns: int) -> None:
        """A write failed: cut its torn part off, keep what was written before, begin a new journal later."""
        self._open = None
        try:
            journal.cut(size_before)
        except (OSError, StorageError) as error:
            self._set_aside(journal, error.errno or 0)
        else:
            journal.close()
            self._hand_over(journal)
        self._note_refusal(number, now_boot_ns)

    def _reject_unwritable(self, journal: OpenJournal, problem: str) -> None:
        """Write one batch after the other, and count those that fit no frame as lost."""
        done: list[QueuedBatch] = []
        for item in self._queue.waiting():
            try:
                self.bytes_written += journal.append([item.batch])
            except (LimitError, FormatError):
                self._count_lost([item], LossReason.REJECTED, f"cannot be written: {problem}")
            except StorageError:
                continue  # the next flush meets the same error and deals with it
            else:
                self._note_written(journal, item.table.name, _extent_of(item))
            done.append(item)
        self._queue.remove(done)

    def _set_aside(self, journal: OpenJournal, number: int) -> None:
        """A sync failed: that file is never synced again. What was synced before is copied and kept, the rest is lost.

        Source: PostgreSQL's fsync of 2018: after a failure the kernel may report success over pages that are gone.
        """
        self._open = None
        journal.close()
        detail = f"not synced: {os.strerror(number)}"
        for table, extent in journal.unsynced.items():
            if table != loss.TABLE.name:
                reason = _reason_of(number)
                self._ledger.add(LossEntry(table, reason, extent.rows, extent.from_boot_ns, extent.to_boot_ns, detail))
        self._ledger.put_back(journal.unsynced_losses)
        try:
            has_safe_part = journal.quarantine(self._directory)
        except OSError as error:
            # Neither moved nor copied: recovery at the next start reads what can be read of it.
            self.problem = f"{journal.path.name} cannot be quarantined ({error.strerror})"
            return
        if has_safe_part:
            self._hand_over(journal)

    def _hand_over(self, journal: OpenJournal) -> None:
        """The file at its path is closed: it is to be sealed, or goes if it has no rows."""
        name = journal.name_segment(self._node, self._wall_clock.unix_minus_boot_ns)
        if name is None:
            with contextlib.suppress(OSError):
                journal.path.unlink(missing_ok=True)
            return
        self._closed.append(ClosedJournal(journal.path, name, self._queue.next_seq(loss.TABLE.name)))

    def _note_refusal(self, number: int, now_boot_ns: int) -> None:
        self._cause = _reason_of(number)
        self.problem = f"the disk rejects writes ({os.strerror(number)})"
        self._not_before_ns = now_boot_ns + _RETRY_NS

    def _count_lost(self, items: Iterable[QueuedBatch], reason: LossReason, detail: str = "") -> None:
        for item in items:
            self._ledger.add(
                LossEntry(item.table.name, reason, item.batch.num_rows, item.from_boot_ns, item.to_boot_ns, detail)
            )


def _reason_of(number: int) -> LossReason:
    return LossReason.DISK_FULL if number in _FULL_DISK else LossReason.DISK_ERROR


def _extent_of(item: QueuedBatch) -> Extent:
    return Extent(item.batch.num_rows, item.from_boot_ns, item.to_boot_ns)


def _measure(batch: pa.RecordBatch) -> Extent:
    bounds = pc.min_max(batch.column(BOOT_TIME_NS.name))
    return Extent(batch.num_rows, bounds["min"].as_py(), bounds["max"].as_py())
