"""All sources of a recorder: opened together, drained in order, shed, restarted, and asked what they missed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import pyarrow as pa

from formats.columns import Table
from recorder.ledger import LossEntry
from recorder.source import Source, SourceContext
from recorder.source_opening import open_sources
from recorder.status import SourceStatus
from recorder.supervision import SourceState, SupervisedSource

_DRAIN_BUDGET_NS = 50_000_000
"""What one source may use of a turn; the rest waits for the next turn, which follows at once."""

Drained: TypeAlias = Iterator[tuple[Table, pa.RecordBatch]]
"""Batches and the tables that they belong to, in the order of the sources."""


class SourceSet:
    """The sources, in the order in which they are drained and tell their state. `SourceSet.open` opens them.

    Args:
        supervised: the sources, each with what it is opened with.
        boot_time_ns: reads CLOCK_BOOTTIME.
        log: takes one sentence for the operator.
    """

    def __init__(
        self, supervised: Sequence[SupervisedSource], boot_time_ns: Callable[[], int], log: Callable[[str], None]
    ) -> None:
        self._supervised = tuple(supervised)
        self._clock = boot_time_ns
        self._log = log
        self._logged: dict[str, str] = {}
        self._has_changed = True
        self.is_behind = False
        """Whether a source had more to give at the last drain than its budget allowed."""
        self.is_idle = True
        """Whether no source gave anything at the last drain."""

    @classmethod
    def open(
        cls,
        sources: Sequence[Source],
        contexts: Sequence[SourceContext],
        boot_time_ns: Callable[[], int],
        log: Callable[[str], None] = lambda _: None,
    ) -> SourceSet:
        """Open every source. One that cannot be opened is tried again later; one that opens slowly is not waited for.

        Args:
            sources: not yet open.
            contexts: what each is opened with.
            boot_time_ns: reads CLOCK_BOOTTIME.
            log: takes one sentence for the operator.
        """
        supervised = [SupervisedSource(source, context) for source, context in zip(sources, contexts, strict=True)]
        opened = cls(supervised, boot_time_ns, log)
        opened._start(supervised, boot_time_ns())
        return opened

    @property
    def tables(self) -> list[str]:
        """Names of the tables, which are those of the sources."""
        return [item.spec.name for item in self._supervised]

    # Rows.

    def drain(self, now_ns: int) -> Drained:
        """Give what has happened; each source is drained when the batches of the one before have been taken."""
        self.is_behind, self.is_idle = False, True
        for item in self._supervised:
            begin, was_open = self._clock(), item.is_open
            batches = item.drain(now_ns, _DRAIN_BUDGET_NS)
            self._notice_failure(item, was_open=was_open)
            if batches:
                self.is_idle = False
                self.is_behind |= self._clock() - begin >= _DRAIN_BUDGET_NS
            for batch in batches:
                yield item.spec.table, batch

    def snapshot(self, now_ns: int) -> Drained:
        """Give the state of every source, so that a segment that begins now can be read alone."""
        for item in self._supervised:
            yield from self._snapshot_of(item, now_ns)

    def revive(self, now_ns: int) -> Drained:
        """Take over what was opened in threads, and open again what failed and has waited; give the state of both."""
        opened = [item for item in self._supervised if item.finish_opening()]
        waiting = [item for item in self._supervised if item.wants_restart(now_ns)]
        self._start(waiting, now_ns)
        for item in opened:
            self._log_problem(item)
        for item in [*opened, *waiting]:
            if item.state is SourceState.RECORDING:
                self._log(f"source {item.spec.name} is running")
                self._logged.pop(item.spec.name, None)
                self._has_changed = True
                yield from self._snapshot_of(item, now_ns)

    # The budget.

    def shed_one(self, now_ns: int, why: str) -> None:
        """Stop recording the source that is first in the order of shedding, if there is one.

        Args:
            now_ns: CLOCK_BOOTTIME.
            why: for the log.
        """
        running = [item for item in self._supervised if item.state is SourceState.RECORDING]
        candidates = [(item.spec.shed_order, item) for item in running if item.spec.shed_order is not None]
        if candidates:
            _, chosen = min(candidates, key=lambda pair: pair[0])
            chosen.shed(now_ns)
            self._has_changed = True
            self._log(f"source {chosen.spec.name} was shed: {why}")

    def restore_one(self, now_ns: int) -> Drained:
        """Record the source again that is last in the order of shedding, if one is shed; give its state."""
        shed = [item for item in self._supervised if item.state is SourceState.SHED and not item.is_opening]
        if not shed:
            return
        chosen = max(shed, key=lambda item: item.spec.shed_order or 0)
        if not chosen.resume(now_ns):
            self._start([chosen], now_ns)
        self._has_changed = True
        yield from self._snapshot_of(chosen, now_ns)

    # Losses.

    def take_stats(self, now_ns: int, *, of_all: bool = False) -> None:
        """Ask the sources for their totals: those whose totals may have changed, or all."""
        for item in self._supervised:
            if of_all or item.wants_stats(now_ns):
                was_open = item.is_open
                item.take_stats(now_ns)
                self._notice_failure(item, was_open=was_open)

    def tell_absences(self, now_ns: int) -> None:
        """Note which sources did not record until now, so that a segment that ends now says what is not in it."""
        for item in self._supervised:
            was_open = item.is_open
            item.take_stats(now_ns)
            self._notice_failure(item, was_open=was_open)
            item.tell_absence(now_ns)

    def take_losses(self) -> list[LossEntry]:
        """The losses of all sources since the last call."""
        return [entry for item in self._supervised for entry in item.take_losses()]

    # The whole.

    def take_wake_fds(self) -> tuple[int, ...] | None:
        """The descriptors of all sources, if they may have changed since the last call; else None."""
        if not self._has_changed:
            return None
        self._has_changed = False
        return tuple(descriptor for item in self._supervised for descriptor in item.wake_fds())

    def describe(self) -> tuple[SourceStatus, ...]:
        """What every source is doing."""
        return tuple(
            SourceStatus(
                name=item.spec.name,
                state=item.state,
                detail=item.detail,
                events=item.events,
                bytes=item.bytes,
                lost=item.lost,
                restarts=item.restarts,
            )
            for item in self._supervised
        )

    def await_openings(self, seconds: float) -> None:
        """Wait until the threads that open sources have ended, each at most that long."""
        for item in self._supervised:
            item.await_opening(seconds)

    def close(self, now_ns: int) -> None:
        """Close every source for good; its last losses are in `take_losses`."""
        for item in self._supervised:
            item.close(now_ns)

    def _start(self, items: Sequence[SupervisedSource], now_ns: int) -> None:
        if not items:
            return  # and nothing has changed: a descriptor that is watched anew wakes the loop at once
        quick = [item for item in items if not item.spec.opens_slowly]
        for item in items:
            if item.spec.opens_slowly:
                item.open_in_background(now_ns)
        problems = open_sources([item.source for item in quick], [item.context for item in quick])
        for item, problem in zip(quick, problems, strict=True):
            item.note_opened(problem, now_ns)
            self._log_problem(item)
        self._has_changed = True

    def _snapshot_of(self, item: SupervisedSource, now_ns: int) -> Drained:
        was_open = item.is_open
        batches = item.snapshot(now_ns)
        self._notice_failure(item, was_open=was_open)
        for batch in batches:
            yield item.spec.table, batch

    def _notice_failure(self, item: SupervisedSource, *, was_open: bool) -> None:
        if was_open and not item.is_open:
            self._log(f"source {item.spec.name} failed: {item.detail}")
            self._has_changed = True

    def _log_problem(self, item: SupervisedSource) -> None:
        """Say why it is not running; once, as long as it is the same reason at every attempt."""
        if not item.is_open and self._logged.get(item.spec.name) != item.detail:
            self._logged[item.spec.name] = item.detail
            self._log(f"source {item.spec.name} is not running: {item.detail}")
