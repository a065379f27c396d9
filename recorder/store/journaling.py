"""Batches wait in a bounded queue, are written to the open journal, and are safe when it is synced.

The rules for sick disks: what the disk refuses (ENOSPC) stays in the queue until it takes it or the queue is full; a
sync that failed is believed, so that file is set aside for good and what was not synced before is counted as lost.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from formats.batches import complete_batch
from formats.catalog import CATALOG_VERSION
from formats.columns import BOOT_TIME_NS, EVENT_SEQ, Table
from formats.errors import FormatError, LimitError, StorageError
from formats.journal.reading import JournalHeader, JournalWriter
from formats.limits import FRAME_ROWS
from formats.loss import LossReason
from formats.segment.sealing import sync_directory
from formats.tables import loss
from recorder.config import JournalConfig
from recorder.ledger import LossEntry, LossLedger, to_batch
from recorder.store.layout import JOURNAL_SUFFIX, DataDirectory, SegmentName
from recorder.store.sealing import ClosedJournal
from recorder.store.sequences import write_sequences

_RETRY_NS = 1_000_000_000
_WRITE_BYTES = 4 << 20
"""The queue is written without waiting for the sync interval when it holds this much. Why: it bounds our memory. A
full frame of a narrow table is that large, so a busy source's frames are written in the turn that drains them."""

_MAX_ROWS = 8_000_000
"""A journal with more rows is full, however small. Why: rows that compress to nothing still take time to seal, and at
SIGTERM there are 5 s for it."""

_FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class Node:
    """Who records, for the header of every journal.

    Attributes:
        name: `k8s.node.name`.
        boot_id: of this boot.
    """

    name: str
    boot_id: str


@dataclass(slots=True)
class _Extent:
    """How many rows lie between two moments."""

    rows: int
    from_boot_ns: int
    to_boot_ns: int

    def add(self, rows: int, begin: int, end: int) -> None:
        self.rows += rows
        self.from_boot_ns = min(self.from_boot_ns, begin)
        self.to_boot_ns = max(self.to_boot_ns, end)


@dataclass(slots=True)
class _Queued:
    table: Table
    batch: pa.RecordBatch
    begin: int
    end: int
    size: int


class Journaling:
    """The open journal and what waits for it.

    Args:
        directory: where journals are.
        config: when to sync, and when a journal is full.
        node: who records.
        queue_bytes: most that waits while the disk refuses.
        ledger: where losses are noted, and taken from to be written.
        next_seq: number of each table's next event.
    """

    def __init__(
        self,
        directory: DataDirectory,
        config: JournalConfig,
        node: Node,
        *,
        queue_bytes: int,
        ledger: LossLedger,
        next_seq: Mapping[str, int],
    ) -> None:
        self._directory = directory
        self._config = config
        self._queue_bytes = queue_bytes
        self._node = node
        self._ledger = ledger
        self._next_seq = dict(next_seq)
        self._queue: deque[_Queued] = deque()
        self._queued_bytes = 0
        self._open: _OpenJournal | None = None
        self._closed: list[ClosedJournal] = []
        self._not_before_ns = 0
        self._last_sync_ns = 0
        self.unix_minus_boot_ns = 0
        """CLOCK_REALTIME less CLOCK_BOOTTIME by the newest clock snapshot; the daemon keeps it current."""
        self.acknowledged: dict[str, int] = {}
        """Number after the last event that is safe on disk or counted as lost, by table."""
        self.events: dict[str, int] = {}
        """Rows written since the start, by table."""
        self.bytes_written = 0
        self.problem = ""
        """Why nothing can be written now; empty if all is well."""
        self._cause = LossReason.QUEUE_FULL

    @property
    def queued_bytes(self) -> int:
        """What waits, in bytes of memory."""
        return self._queued_bytes

    @property
    def open_bytes(self) -> int:
        """Size of the open journal."""
        return self._open.writer.size if self._open else 0

    @property
    def open_path(self) -> Path | None:
        """The open journal; None while the disk refuses one."""
        return self._open.writer.path if self._open else None

    @property
    def next_sync_boot_ns(self) -> int:
        """When what is written from now on is to be synced; in the past if nothing was for a while."""
        return self._last_sync_ns + self._config.sync_interval_ns

    def next_seq(self, table: str) -> int:
        """Number of the table's next event."""
        return self._next_seq.get(table, 0)

    def add(self, table: Table, drained: pa.RecordBatch) -> None:
        """Number a drained batch and queue it.

        Raises:
            TapioError: it has not the table's schema; nothing was queued.
        """
        rows = drained.num_rows
        if rows == 0:
            return
        first_seq = self._next_seq.get(table.name, 0)
        batch = complete_batch(
            table,
            drained,
            node_name=self._node.name,
            first_seq=first_seq,
            unix_minus_boot_ns=self.unix_minus_boot_ns,
        )
        self._next_seq[table.name] = first_seq + rows
        boot = batch.column(BOOT_TIME_NS.name).to_numpy()
        queued = _Queued(table, batch, int(boot.min()), int(boot.max()), batch.nbytes)
        self._queue.append(queued)
        self._queued_bytes += queued.size

    def begin(self, now_boot_ns: int) -> bool:
        """Open a journal if there is none; False if the disk refuses, or did a moment ago."""
        if self._open is not None:
            return True
        if now_boot_ns < self._not_before_ns:
            return False
        created = now_boot_ns + self.unix_minus_boot_ns
        journal_id = secrets.token_bytes(16)
        name = f"{created:020d}-{journal_id.hex()}"
        header = JournalHeader(journal_id, self._node.name, self._node.boot_id, created, now_boot_ns, CATALOG_VERSION)
        path = self._directory.journals / f"{name}{JOURNAL_SUFFIX}"
        writer = None
        try:
            write_sequences(self._directory, name, self._first_unwritten())
            writer = JournalWriter(path, header)
            sync_directory(self._directory.journals)
        except (OSError, StorageError) as error:
            if writer is not None:
                _close_quietly(writer)
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            self._refused(error.errno or 0, now_boot_ns)
            return False
        self._open = _OpenJournal(writer, name, now_boot_ns)
        self._last_sync_ns = now_boot_ns
        return True

    def flush(self, now_boot_ns: int, *, at_once: bool = False) -> None:
        """Write and sync what waits if it is time, or at once.

        Losses are written first. What the disk refuses stays queued, up to the queue's bound.
        """
        is_due = at_once or now_boot_ns - self._last_sync_ns >= self._config.sync_interval_ns
        if not is_due and self._queued_bytes < _WRITE_BYTES:
            return
        if self.begin(now_boot_ns) and self._write(now_boot_ns) and is_due:
            self._sync(now_boot_ns)
        self._bound_queue()

    def is_full(self, now_boot_ns: int) -> bool:
        """Whether the open journal has reached its size, its rows or its age."""
        if self._open is None:
            return False
        rows = self._open.extent.rows if self._open.extent else 0
        age_ns = now_boot_ns - self._open.begun_boot_ns
        is_large = self._open.writer.size >= self._config.max_bytes or rows >= _MAX_ROWS
        return is_large or age_ns >= self._config.max_age_ns

    def close(self, now_boot_ns: int) -> None:
        """Write and sync what waits, and close the journal; it is then among `take_closed`."""
        self.flush(now_boot_ns, at_once=True)
        if self._open is not None:
            journal, self._open = self._open, None
            _close_quietly(journal.writer)
            self._hand_over(journal, journal.writer.path)

    def take_closed(self) -> list[ClosedJournal]:
        """The journals that were closed since the last call, to be sealed."""
        closed, self._closed = self._closed, []
        return closed

    def _first_unwritten(self) -> dict[str, int]:
        """Number of each table's first event that a new journal will hold: what is queued was numbered before."""
        numbers = dict(self._next_seq)
        for item in reversed(self._queue):
            numbers[item.table.name] = item.batch.column(EVENT_SEQ.name)[0].as_py()
        return numbers

    def _write(self, now_boot_ns: int) -> bool:
        """Append the losses and the queue as one write; False if the disk refused."""
        journal = self._open
        if journal is None:
            return False
        entries = self._ledger.take()
        batches = self._complete_losses(entries)
        if not batches and not self._queue:
            return True
        queued = list(self._queue)
        batches += _concat_by_table(queued)
        size_before = journal.writer.size
        try:
            self.bytes_written += journal.writer.append(batches)
        except StorageError as error:
            self._ledger.put_back(entries)
            self._abandon_tail(journal, size_before, error.errno, now_boot_ns)
            return False
        except (LimitError, FormatError) as error:
            # A row that fits no frame: nothing was written. One source's fault must not stop the others' rows.
            self._ledger.put_back(entries)
            self._reject_unwritable(journal, str(error))
            return False
        self._queue.clear()
        self._queued_bytes = 0
        self._count_written(journal, entries, queued, batches)
        self.problem = ""
        return True

    def _complete_losses(self, entries: list[LossEntry]) -> list[pa.RecordBatch]:
        if not entries:
            return []
        return [
            complete_batch(
                loss.TABLE,
                to_batch(entries),
                node_name=self._node.name,
                first_seq=self._next_seq.get(loss.TABLE.name, 0),
                unix_minus_boot_ns=self.unix_minus_boot_ns,
            )
        ]

    def _count_written(
        self, journal: _OpenJournal, entries: list[LossEntry], queued: list[_Queued], batches: list[pa.RecordBatch]
    ) -> None:
        if entries:
            rows = [(loss.TABLE.name, len(entries), *_span(batches[0]))]
            self._next_seq[loss.TABLE.name] = self._next_seq.get(loss.TABLE.name, 0) + len(entries)
            journal.unsynced_losses += entries
        else:
            rows = []
        rows += [(item.table.name, item.batch.num_rows, item.begin, item.end) for item in queued]
        for table, count, begin, end in rows:
            journal.add(table, count, begin, end)
            self.events[table] = self.events.get(table, 0) + count

    def _sync(self, now_boot_ns: int) -> None:
        journal = self._open
        if journal is None:
            return
        if not journal.unsynced:
            return
        self._last_sync_ns = now_boot_ns
        try:
            journal.writer.sync()
        except StorageError as error:
            self._set_aside(journal, error.errno)
            self._refused(error.errno, now_boot_ns)
            return
        journal.synced_bytes = journal.writer.size
        journal.unsynced.clear()
        journal.unsynced_losses.clear()
        self.acknowledged = dict(self._next_seq)

    def _abandon_tail(self, journal: _OpenJournal, size_before: int, number: int, now_boot_ns: int) -> None:
        """A write failed: cut its torn part off, keep what was written before, begin a new journal later."""
        self._open = None
        path = journal.writer.path
        try:
            os.truncate(path, size_before)
            journal.writer.sync()
        except (OSError, StorageError) as error:
            self._set_aside(journal, error.errno or 0)
        else:
            _close_quietly(journal.writer)
            self._hand_over(journal, path)
        self._refused(number, now_boot_ns)

    def _reject_unwritable(self, journal: _OpenJournal, problem: str) -> None:
        kept: deque[_Queued] = deque()
        for item in self._queue:
            try:
                self.bytes_written += journal.writer.append([item.batch])
            except (LimitError, FormatError):
                detail = f"cannot be written: {problem}"
                self._ledger.add(
                    LossEntry(item.table.name, LossReason.REJECTED, item.batch.num_rows, item.begin, item.end, detail)
                )
                self._queued_bytes -= item.size
            except StorageError:
                kept.append(item)  # the next flush meets the same error and deals with it
            else:
                journal.add(item.table.name, item.batch.num_rows, item.begin, item.end)
                self.events[item.table.name] = self.events.get(item.table.name, 0) + item.batch.num_rows
                self._queued_bytes -= item.size
        self._queue = kept

    def _set_aside(self, journal: _OpenJournal, number: int) -> None:
        """A sync failed: that file is never synced again. What was synced before is copied and kept, the rest is lost.

        Source: PostgreSQL's fsync of 2018: after a failure the kernel may report success over pages that are gone.
        """
        self._open = None
        _close_quietly(journal.writer)
        reason = LossReason.DISK_FULL if number in _FULL_DISK else LossReason.DISK_ERROR
        for table, extent in journal.unsynced.items():
            if table != loss.TABLE.name:
                detail = f"not synced: {os.strerror(number)}"
                self._ledger.add(LossEntry(table, reason, extent.rows, extent.from_boot_ns, extent.to_boot_ns, detail))
        self._ledger.put_back(journal.unsynced_losses)
        path = journal.writer.path
        quarantined = self._directory.quarantine / path.name
        try:
            path.rename(quarantined)
            if journal.synced_bytes:
                _copy_prefix(quarantined, path, journal.synced_bytes)
        except OSError as error:
            # Neither moved nor copied: recovery at the next start reads what can be read of it.
            self.problem = f"{path.name} cannot be set aside ({error.strerror})"
            return
        if journal.synced_bytes:
            self._hand_over(journal, path)

    def _hand_over(self, journal: _OpenJournal, path: Path) -> None:
        if journal.extent is None:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            return
        name = SegmentName(
            journal.extent.from_boot_ns + self.unix_minus_boot_ns,
            self._node.boot_id[:8],
            journal.extent.from_boot_ns,
            journal.extent.to_boot_ns,
            journal.name.rpartition("-")[2],
        )
        self._closed.append(ClosedJournal(path, name, self._next_seq.get(loss.TABLE.name, 0)))

    def _refused(self, number: int, now_boot_ns: int) -> None:
        self._cause = LossReason.DISK_FULL if number in _FULL_DISK else LossReason.DISK_ERROR
        self.problem = f"the disk takes nothing ({os.strerror(number)})"
        self._not_before_ns = now_boot_ns + _RETRY_NS

    def _bound_queue(self) -> None:
        reason = self._cause if self.problem else LossReason.QUEUE_FULL
        while self._queued_bytes > self._queue_bytes and self._queue:
            item = self._queue.popleft()
            self._queued_bytes -= item.size
            self._ledger.add(LossEntry(item.table.name, reason, item.batch.num_rows, item.begin, item.end))


class _OpenJournal:
    """The journal that is written to, and what of it is not safe yet."""

    def __init__(self, writer: JournalWriter, name: str, begun_boot_ns: int) -> None:
        self.writer = writer
        self.name = name
        self.begun_boot_ns = begun_boot_ns
        self.synced_bytes = 0
        self.unsynced: dict[str, _Extent] = {}
        self.unsynced_losses: list[LossEntry] = []
        self.extent: _Extent | None = None

    def add(self, table: str, rows: int, begin: int, end: int) -> None:
        if table in self.unsynced:
            self.unsynced[table].add(rows, begin, end)
        else:
            self.unsynced[table] = _Extent(rows, begin, end)
        if self.extent is None:
            self.extent = _Extent(rows, begin, end)
        else:
            self.extent.add(rows, begin, end)


def _concat_by_table(queued: list[_Queued]) -> list[pa.RecordBatch]:
    """The batches of each table put together to at most one frame each, in the order in which the tables were queued.

    Why put together: few large frames compress best. Why not to more: it would be copied only to be cut again.
    """
    by_table: dict[str, list[list[pa.RecordBatch]]] = {}
    for item in queued:
        groups = by_table.setdefault(item.table.name, [[]])
        if sum(batch.num_rows for batch in groups[-1]) + item.batch.num_rows > FRAME_ROWS and groups[-1]:
            groups.append([])
        groups[-1].append(item.batch)
    return [
        group[0] if len(group) == 1 else pa.concat_batches(group) for groups in by_table.values() for group in groups
    ]


def _span(batch: pa.RecordBatch) -> tuple[int, int]:
    bounds = pc.min_max(batch.column(BOOT_TIME_NS.name))
    return bounds["min"].as_py(), bounds["max"].as_py()


def _copy_prefix(source: Path, target: Path, size: int) -> None:
    with source.open("rb") as reader, target.open("xb") as writer:
        left = size
        while left and (part := reader.read(min(left, 1 << 20))):
            writer.write(part)
            left -= len(part)
        writer.flush()
        os.fsync(writer.fileno())
    shutil.copymode(source, target)
    sync_directory(target.parent)


def _close_quietly(writer: JournalWriter) -> None:
    with contextlib.suppress(StorageError):
        writer.close()
