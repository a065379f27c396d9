"""Everything that the recorder has on disk: the open journal, sealing, the ring of segments, freezes.

`Store.open` recovers what the run before has left and gives a store that is ready.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path

import pyarrow as pa

from formats.columns import Table
from formats.errors import StorageError, TapioError
from formats.loss import LossReason
from recorder.config import RecorderConfig
from recorder.ledger import LossEntry, LossLedger
from recorder.store.captures import capture_path
from recorder.store.freeze import FreezeRequest, FreezeResult, TriggeredFreeze, result_to_json
from recorder.store.freezer import Freezer
from recorder.store.journaling import Journaling
from recorder.store.layout import DataDirectory
from recorder.store.node import Node, read_node
from recorder.store.recovery import Recovered, recover
from recorder.store.resumption import find_positions
from recorder.store.sealer import Sealer
from recorder.store.segment_ring import SegmentRing
from recorder.store.store_status import StoreStatus
from recorder.store.triggers import find_firings
from recorder.store.uploader import Uploader
from recorder.wall_clock import WallClock

_STOP_SECONDS = 4.0
"""What is not sealed by then is sealed at the next start: a recorder ends within 5 s."""


class Store:
    """The recorder's directory while this process has it. No method waits for a child but `close`.

    Args:
        config: what to keep.
        node: who records.
        wall_clock: dates rows, segments and captures; who reads the clocks keeps it current.
        opened_boot_ns: CLOCK_BOOTTIME of the start.
        directory: made and locked.
        lock: descriptor of the directory's lock.
        recovered: what the run before has left.
        log: takes one sentence for the operator.
        positions: up to where sources had read, by table, as `open` found them.
    """

    def __init__(
        self,
        config: RecorderConfig,
        node: Node,
        wall_clock: WallClock,
        *,
        opened_boot_ns: int,
        directory: DataDirectory,
        lock: int,
        recovered: Recovered,
        log: Callable[[str], None],
        positions: Mapping[str, str],
    ) -> None:
        self.positions = dict(positions)
        self._node = node
        self._wall_clock = wall_clock
        self._opened_boot_ns = opened_boot_ns
        self._lock = lock
        self._log = log
        self._last_event = recovered.last_event
        self._triggers = config.freeze.triggers
        self._ledger = LossLedger()
        self._ring = SegmentRing(directory, config.ring, recovered.segments)
        self._sealer = Sealer(directory.ring)
        self._directory = directory
        self.uploader = Uploader(directory, config.upload, node.name, log=log)
        """Its `find_uri` may be called from any thread."""
        self._freezer = Freezer(directory, config.freeze, node.short_boot_id, self.uploader.may_delete)
        self._journaling = Journaling(
            directory,
            config.journal,
            node,
            wall_clock,
            queue_bytes=config.budget.queue_bytes,
            ledger=self._ledger,
            next_seq=recovered.next_seq,
        )
        for journal in recovered.journals:
            self._sealer.submit(journal)

    @classmethod
    def open(
        cls,
        config: RecorderConfig,
        wall_clock: WallClock,
        now_boot_ns: int,
        *,
        log: Callable[[str], None] = lambda _: None,
        resuming: Mapping[str, str] | None = None,
    ) -> Store:
        """Take the directory, and recover what the run before has left.

        Args:
            config: what to keep.
            wall_clock: dates rows, segments and captures; it is current.
            now_boot_ns: CLOCK_BOOTTIME.
            log: takes one sentence for the operator.
            resuming: tables whose newest position is looked for, and the column that has it.

        Raises:
            ConfigurationError: the boot id cannot be read.
            TapioError: the directory cannot be used, or another recorder has it.
        """
        node = read_node(config)
        directory = DataDirectory(config.data_dir)
        directory.create()
        lock = directory.lock()
        recovered = recover(directory)
        for note in recovered.notes:
            log(note)
        return cls(
            config,
            node,
            wall_clock,
            opened_boot_ns=now_boot_ns,
            directory=directory,
            lock=lock,
            recovered=recovered,
            log=log,
            positions=find_positions(directory, recovered, resuming or {}),
        )

    # Rows and losses.

    def add(self, table: Table, batch: pa.RecordBatch, now_boot_ns: int) -> bool:
        """Queue a drained batch; False if it does not have the table's schema: then it is counted as lost."""
        try:
            self._journaling.add(table, batch)
        except TapioError as error:
            self._ledger.add(
                LossEntry(table.name, LossReason.REJECTED, batch.num_rows, now_boot_ns, now_boot_ns, str(error))
            )
            self._log(f"source {table.name}: {error}")
            return False
        return True

    def note_losses(self, entries: Iterable[LossEntry]) -> None:
        """Losses are written with the next flush."""
        for entry in entries:
            self._ledger.add(entry)

    def note_downtime(self, tables: Iterable[str], now_boot_ns: int) -> None:
        """Record as lost, for these tables, the time between the last event of the previous run and now."""
        last = self._last_event
        if last is None:
            return
        same_boot = last.boot == self._node.short_boot_id
        detail = "" if same_boot else f"boot {self._node.boot_id}; the previous recording is of boot {last.boot}"
        since = min(last.boot_time_ns, now_boot_ns) if same_boot else 0
        for table in tables:
            self._ledger.add(LossEntry(table, LossReason.RECORDER_DOWN, None, since, now_boot_ns, detail))

    def flush(self, now_boot_ns: int, *, at_once: bool = False) -> None:
        """Write and sync what waits, if it is time or at once."""
        self._journaling.flush(now_boot_ns, at_once=at_once)

    @property
    def next_sync_boot_ns(self) -> int:
        """When what comes from now on is to be synced."""
        return self._journaling.next_sync_boot_ns

    @property
    def acknowledged(self) -> dict[str, int]:
        """Number after the last event that is safe on disk or counted as lost, by table."""
        return dict(self._journaling.acknowledged)

    def next_seq(self, table: str) -> int:
        """Number of the table's next event."""
        return self._journaling.next_seq(table)

    @property
    def open_journal(self) -> Path | None:
        """The journal that is written to; None while the disk refuses one."""
        return self._journaling.open_path

    # Segments.

    def wants_new_segment(self, now_boot_ns: int) -> bool:
        """Whether the open journal is full, or a freeze waits for it."""
        return self._journaling.is_full(now_boot_ns) or self._freezer.is_due(now_boot_ns)

    def end_segment(self, now_boot_ns: int) -> None:
        """Write what waits and close the journal: it is sealed, and what comes next begins another one."""
        self._journaling.close(now_boot_ns)
        self._submit_closed()
        self._freezer.await_journals(now_boot_ns, [journal.name for journal in self._sealer.waiting])

    def advance(self, now_boot_ns: int) -> None:
        """Start and finish the children that seal, freeze and upload."""
        self._submit_closed()
        self._take_over_sealed(now_boot_ns)
        self._freezer.advance()
        self.uploader.advance(self._wall_clock.at(now_boot_ns))

    def retain(self, now_boot_ns: int) -> None:
        """Delete the oldest segments that the limits do not allow."""
        try:
            self._ring.retain(self._unsealed_bytes(), self._wall_clock.at(now_boot_ns).unix_nano)
        except OSError as error:
            self._log(f"cannot enforce the limits of the ring: {error.strerror}")

    # Freezes.

    def freeze(self, request: FreezeRequest, now_boot_ns: int) -> Future[FreezeResult]:
        """Freeze for somebody.

        Raises:
            UsageError: the name is not allowed, or the window is.
            OutputError: there is such a capture.
            UnavailableError: too many freezes are in progress, or there is no room for one.
            StorageError: it cannot be remembered that the capture stays on the node.
        """
        if request.stays_on_node and request.name:
            try:  # before there is anything that could be uploaded
                self.uploader.keep_on_node(capture_path(self._directory.captures, request.name).name)
            except OSError as error:
                raise StorageError(
                    f"the state of uploads cannot be written ({error.strerror})",
                    errno=error.errno or 0,
                    where=str(self._directory.state),
                    next_step="free space",
                ) from error
        return self._freezer.request(self._wall_clock.at(now_boot_ns), self._ring.names, request)

    def fire_triggers(self, table: str, batch: pa.RecordBatch, now_boot_ns: int) -> list[TriggeredFreeze]:
        """Freeze if a recorded event is one of those that freeze by themselves; gives what has begun."""
        started = []
        for firing in find_firings(self._triggers, table, batch):
            now = self._wall_clock.at(now_boot_ns)
            begun = self._freezer.trigger(now, self._ring.names, key=firing.key, reason=firing.reason)
            if begun is not None:
                started.append(begun)
        return started

    @property
    def next_freeze_boot_ns(self) -> int | None:
        """When the window of the next freeze ends; None if there is none."""
        return self._freezer.next_due_boot_ns()

    # The whole.

    def describe(self, now_boot_ns: int) -> StoreStatus:
        """The state of the store, for `status`."""
        now, started = (self._wall_clock.at(boot_ns).unix_nano for boot_ns in (now_boot_ns, self._opened_boot_ns))
        sealed, waiting = self._ring.names, self._sealer.waiting
        last = self._freezer.last
        return StoreStatus(
            written=dict(self._journaling.events),
            losses=tuple((table, str(reason), count) for (table, reason), count in self._ledger.totals.items()),
            started_unix_nano=started,
            have_from_unix_nano=min(
                (name.begin_unix_nano for name in (*sealed, *(journal.name for journal in waiting))), default=started
            ),
            have_to_unix_nano=now,
            segments=len(sealed),
            ring_bytes=self._ring.size,
            journal_bytes=self._unsealed_bytes(),
            unsealed_journals=len(waiting),
            queued_bytes=self._journaling.queued_bytes,
            bytes_written=self._journaling.bytes_written,
            storage_problem=self._journaling.problem or self._sealer.problem,
            pending_freezes=self._freezer.pending,
            suppressed_freezes=self._freezer.suppressed,
            failed_freezes=self._freezer.failed,
            freeze_problem=self._freezer.problem,
            last_freeze=None if last is None else result_to_json(last),
            upload=self.uploader.describe(),
        )

    def close(self, clock: Callable[[], int]) -> None:
        """Seal what there is, and let go of the directory; what takes too long to seal is sealed at the next start.

        Args:
            clock: reads CLOCK_BOOTTIME, ns.
        """
        self.uploader.stop()
        self._freezer.stop()
        self._journaling.close(clock())
        self._submit_closed()
        deadline = time.monotonic() + _STOP_SECONDS
        while self._sealer.waiting and time.monotonic() < deadline:
            self._take_over_sealed(clock())
            self._sealer.wait(max(deadline - time.monotonic(), 0))
        self._take_over_sealed(clock())
        self._sealer.stop()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _submit_closed(self) -> None:
        for journal in self._journaling.take_closed():
            self._sealer.submit(journal)

    def _take_over_sealed(self, now_boot_ns: int) -> None:
        for sealed in self._sealer.advance(now_boot_ns):
            if sealed.problem:
                self._log(f"{sealed.journal.path.name} was quarantined: {sealed.problem}")
            for entry in sealed.undecoded:
                self._ledger.add(entry)
                self._log(f"{entry.count:,} events of {entry.table} cannot be read: {entry.detail}")
            try:
                self._ring.take_over(sealed)
            except OSError as error:
                self._log(f"{sealed.journal.path.name} cannot be deleted: {error.strerror}")
            self._freezer.note_sealed(sealed.journal.name, is_whole=sealed.size is not None)

    def _unsealed_bytes(self) -> int:
        return self._journaling.open_bytes + sum(_size(journal.path) for journal in self._sealer.waiting)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
