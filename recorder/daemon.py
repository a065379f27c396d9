"""The recorder's loop: drain the sources into the store, flush, seal, freeze, stay within the budget, and sleep.

It knows no kernel program, no Kubernetes and no file: what a source is, is the sources' business, and what is on disk
the store's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from formats.columns import SEVERITY_NUMBER
from formats.severity import SeverityNumber
from recorder.budget import Advice, Budget, read_own_usage
from recorder.config import RecorderConfig
from recorder.freeze_inbox import FreezeInbox
from recorder.source_set import Drained, SourceSet
from recorder.status import RecorderStatus, assemble_status
from recorder.store.freeze import FreezeRequest, FreezeResult, TriggeredFreeze
from recorder.store.store import Store
from recorder.wakeup import Wakeup

TICK_NS: Final = 200_000_000
"""Shortest wait for the timer while events come."""
MAX_TICK_NS: Final = 1_000_000_000
"""Longest wait. Why so long: events cost nothing while they wait in the kernel, a turn costs some milliseconds, and a
ring that fills or has something urgent rings its bell. While events come, the timer ends with the sync interval, so
that one turn drains, writes and syncs: what a crash loses is then never older than 1.25 s. What comes first after a
pause is synced in the turn that finds it."""
_QUIET_NS: Final = 5_000_000
"""Shortest time between two turns that bells cause, so that a busy bell cannot make us spin."""
_SECOND: Final = 1_000_000_000


class Daemon:
    """The recorder of one node. `recorder.start` makes it.

    Args:
        config: what to record and keep.
        sources: open.
        store: open.
        boot_time_ns: reads CLOCK_BOOTTIME.
        stop: ends the loop; set by a signal handler, whose signal also wakes the loop.
        on_trigger: is told of every freeze that a recorded event has begun; must not wait.
    """

    def __init__(
        self,
        config: RecorderConfig,
        sources: SourceSet,
        store: Store,
        *,
        boot_time_ns: Callable[[], int],
        stop: threading.Event,
        on_trigger: Callable[[TriggeredFreeze], None] = lambda _: None,
    ) -> None:
        self._config = config
        self._sources = sources
        self._store = store
        self._clock = boot_time_ns
        self._stop = stop
        self._on_trigger = on_trigger
        self._budget = Budget(config.budget, read_own_usage)
        self._wakeup = Wakeup()
        self._freezes = FreezeInbox()
        self._is_finished = False
        self._last_turn_ns = 0
        self._next_second_ns = 0
        self._begin_segment()
        self._watch_sources()
        self.status: RecorderStatus = self._describe()
        """The newest snapshot, replaced as a whole every second: other threads may read it."""

    @property
    def sources(self) -> SourceSet:
        """The sources of this recorder."""
        return self._sources

    @property
    def store(self) -> Store:
        """The store of this recorder."""
        return self._store

    def run(self) -> None:
        """Turn until `stop` is set, then end in order."""
        self._wakeup.catch_signals()
        try:
            while not self._stop.is_set():
                self._wait()
                self.turn()
        finally:
            self.finish()

    def request_freeze(self, request: FreezeRequest) -> Future[FreezeResult]:
        """Ask for a freeze; may be called from any thread."""
        reply = self._freezes.put(request)
        self._wakeup.ring()
        return reply

    def turn(self) -> None:
        """Everything once: drain, journal, seal, freeze, and once a second what is slow to change."""
        now = self._last_turn_ns = self._clock()
        self._record(self._sources.revive(now))
        is_urgent = self._drain(now)
        self._freezes.answer(lambda request: self._store.freeze(request, self._clock()))
        self._flush(at_once=is_urgent)
        if self._store.wants_new_segment(now):
            self._sources.tell_absences(self._clock())
            self._store.note_losses(self._sources.take_losses())
            self._store.end_segment(now)
            self._begin_segment()
        self._store.advance(now)
        if now >= self._next_second_ns:
            self._next_second_ns = now + _SECOND
            self._sources.take_stats(now)
            self._keep_budget(now)
            self._store.retain(now)
            self.status = self._describe()
        self._watch_sources()

    def finish(self) -> None:
        """Drain and seal what there is, and let go of everything. Doing it again does nothing."""
        if self._is_finished:
            return
        self._is_finished = True
        now = self._clock()
        self._drain(now)
        self._sources.close(now)
        self._store.note_losses(self._sources.take_losses())
        self._store.close(self._clock)
        self._wakeup.close()

    def _wait(self) -> None:
        if self._sources.is_behind:
            return
        quiet_ns = self._last_turn_ns + _QUIET_NS - self._clock()
        if quiet_ns > 0:
            time.sleep(quiet_ns / _SECOND)
        until = self._last_turn_ns + MAX_TICK_NS
        if not self._sources.is_idle:
            until = max(min(until, self._store.next_sync_boot_ns), self._last_turn_ns + TICK_NS)
        due = self._store.next_freeze_boot_ns
        if due is not None:
            until = min(until, due)
        self._wakeup.wait(max(until - self._clock(), 0) / _SECOND)

    def _watch_sources(self) -> None:
        descriptors = self._sources.take_wake_fds()
        if descriptors is not None:
            self._wakeup.watch(descriptors)

    def _drain(self, now: int) -> bool:
        """Drain every source; True if something is so bad that it must be safe at once."""
        is_urgent = False
        for table, batch in self._sources.drain(now):
            if self._store.add(table, batch, self._clock()):
                is_urgent |= _is_fatal(batch)
                for begun in self._store.fire_triggers(table.name, batch, self._clock()):
                    self._on_trigger(begun)
        return is_urgent

    def _record(self, batches: Drained) -> None:
        for table, batch in batches:
            self._store.add(table, batch, self._clock())

    def _flush(self, *, at_once: bool) -> None:
        self._store.note_losses(self._sources.take_losses())
        self._store.flush(self._clock(), at_once=at_once)

    def _begin_segment(self) -> None:
        """Every source reports its state first, so that the segment can be read alone."""
        now = self._clock()
        self._sources.take_stats(now, of_all=True)
        self._record(self._sources.snapshot(now))
        self._flush(at_once=True)

    def _keep_budget(self, now: int) -> None:
        advice = self._budget.judge(now)
        if advice is Advice.SHED:
            self._sources.shed_one(now, f"{self._budget.cpu_percent:.0f} % CPU")
        elif advice is Advice.RESTORE:
            self._record(self._sources.restore_one(now))

    def _describe(self) -> RecorderStatus:
        self._store.note_losses(self._sources.take_losses())
        return assemble_status(
            self._config,
            self._store.describe(self._clock()),
            self._sources.describe(),
            cpu_percent=self._budget.cpu_percent,
            resident_bytes=self._budget.resident_bytes,
        )


def _is_fatal(batch: pa.RecordBatch) -> bool:
    highest = pc.max(batch.column(SEVERITY_NUMBER.name)).as_py()
    return highest is not None and highest >= SeverityNumber.FATAL
