"""One supervised source: its failures do not affect others, its losses are recorded, and it is restarted."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Future
from enum import StrEnum

import pyarrow as pa

from formats.errors import TapioError, UnavailableError
from formats.loss import LossReason
from recorder.ledger import LossEntry
from recorder.source import Source, SourceContext, SourceSpec, SourceStats
from recorder.source_opening import open_sources

_FIRST_PAUSE_NS = 1_000_000_000
_MAX_PAUSE_NS = 600_000_000_000
_STATS_NS = 5_000_000_000
_HEALTHY_AFTER_NS = 60_000_000_000
"""A source that ran this long begins again with the shortest pause when it fails."""


class SourceState(StrEnum):
    """What a source is doing."""

    STARTING = "starting"
    """It is being opened for the first time."""
    RECORDING = "recording"
    UNAVAILABLE = "unavailable"
    """It could not open; it is tried again."""
    FAILED = "failed"
    """It ran and raised; it is tried again."""
    SHED = "shed"
    """The recorder is over its budget."""


_FAILURES = frozenset({SourceState.UNAVAILABLE, SourceState.FAILED})
_ABSENCE_REASONS = {
    SourceState.STARTING: LossReason.STARTING,
    SourceState.UNAVAILABLE: LossReason.SOURCE_FAILED,
    SourceState.FAILED: LossReason.SOURCE_FAILED,
    SourceState.SHED: LossReason.SHED,
}


class SupervisedSource:
    """One source and what the recorder knows of it. `_to` is the only place where its state changes.

    Args:
        source: not yet open.
        context: what it is opened with.
    """

    def __init__(self, source: Source, context: SourceContext) -> None:
        self.source = source
        self.context = context
        self._state = SourceState.STARTING
        self._why = ""
        self._absent_since_ns: int | None = None
        self._absence_is_told = False
        self._opening: Future[tuple[Exception | None, int]] | None = None
        self._opened_at_ns = 0
        self._last_drain_ns = 0
        self._last_stats_ns = 0
        self._drained_since_stats = False
        self._paused_until_ns = 0
        self._pause_ns = _FIRST_PAUSE_NS
        self._retry_at_ns = 0
        self._stats = SourceStats()
        self._losses: list[LossEntry] = []
        self.events = 0
        """Rows that it gave since the recorder started."""
        self.bytes = 0
        """Size of these rows in memory, in bytes."""
        self.restarts = 0
        """How often it failed, and was or will be opened again."""

    @property
    def spec(self) -> SourceSpec:
        """The spec of the source."""
        return self.source.spec

    @property
    def state(self) -> SourceState:
        """The state of the source."""
        return self._state

    @property
    def is_open(self) -> bool:
        """Whether it is attached or connected: it records, or was shed and goes on to be drained."""
        return self._state is SourceState.RECORDING or (self._state is SourceState.SHED and self.spec.drains_when_shed)

    @property
    def is_opening(self) -> bool:
        """Whether a thread is opening it: nothing else may use it then."""
        return self._opening is not None

    @property
    def detail(self) -> str:
        """One sentence for people: why it does not record, or what it says itself; empty if all is well."""
        return self._why or self._stats.detail

    @property
    def lost(self) -> int:
        """Events that it missed since it was opened, where known."""
        return sum(self._stats.missing.values())

    # Opening.

    def open_in_background(self, now_ns: int) -> None:
        """Open the source in a thread, so that a slow peer does not block the loop; `finish_opening` completes it."""
        opening: Future[tuple[Exception | None, int]] = Future()
        self._opening = opening
        if self._absent_since_ns is None:
            self._absent_since_ns = now_ns

        def work() -> None:
            (problem,) = open_sources([self.source], [self.context])
            opening.set_result((problem, self.context.boot_time_ns()))

        threading.Thread(target=work, name=self.spec.name, daemon=True).start()

    def finish_opening(self) -> bool:
        """Whether an opening in a thread has ended since the last call; then the state says how.

        It records from when it was open, not from now on: what it has seen since waits to be drained.
        """
        if self._opening is None or not self._opening.done():
            return False
        problem, ended_ns = self._opening.result()
        self._opening = None
        self.note_opened(problem, ended_ns)
        return True

    def await_opening(self, seconds: float) -> None:
        """Wait until a thread that opens it has ended, at most that long."""
        if self._opening is not None:
            self._opening.result(seconds)

    def note_opened(self, problem: Exception | None, now_ns: int) -> None:
        """It was opened, or could not be."""
        if problem is None:
            self._opened_at_ns = self._last_drain_ns = self._last_stats_ns = now_ns
            self._stats = SourceStats()
            self._to(SourceState.RECORDING, "", now_ns)
        elif isinstance(problem, UnavailableError) and self._state is not SourceState.FAILED:
            self._to(SourceState.UNAVAILABLE, _describe(problem), now_ns)
        else:
            self._to(SourceState.FAILED, _describe(problem), now_ns)

    def wants_restart(self, now_ns: int) -> bool:
        """Whether it does not run, and its pause is over."""
        return not self.is_opening and self._state in _FAILURES and now_ns >= self._retry_at_ns

    # Rows.

    def drain(self, now_ns: int, budget_ns: int) -> list[pa.RecordBatch]:
        """What has happened; empty if it does not run, is shed, or fails now."""
        if not self.is_open:
            return []
        try:
            batches = _without_wrong_nulls(self.source.drain(budget_ns))
        except Exception as error:  # noqa: BLE001 - one failing source never stops the others
            self._fail(error, now_ns)
            return []
        if self._state is SourceState.SHED:
            rows = sum(batch.num_rows for batch in batches)
            if rows:
                self._add_loss(LossReason.SHED, rows, self._last_drain_ns, now_ns, "")
            batches = []
        if batches:
            self._count(batches)
            self._drained_since_stats = True
        self._last_drain_ns = now_ns
        return batches

    def snapshot(self, now_ns: int) -> list[pa.RecordBatch]:
        """Its state for a segment's start; empty if it does not run."""
        if self._state is not SourceState.RECORDING:
            return []
        try:
            batches = _without_wrong_nulls(self.source.snapshot())
        except Exception as error:  # noqa: BLE001 - one failing source never stops the others
            self._fail(error, now_ns)
            return []
        self._count(batches)
        return batches

    def wake_fds(self) -> tuple[int, ...]:
        """Its descriptors; none if it does not run."""
        try:
            return self.source.wake_fds() if self.is_open else ()
        except Exception:  # noqa: BLE001 - without a bell it is drained by the timer
            return ()

    # The budget.

    def shed(self, now_ns: int) -> None:
        """Stop recording it."""
        self.take_stats(now_ns)
        if self._state is SourceState.RECORDING:
            self._to(SourceState.SHED, "turned off to stay within the recorder's budget", now_ns)

    def resume(self, now_ns: int) -> bool:
        """Record it again after it was shed; False if it must be opened for that."""
        if self._state is not SourceState.SHED or not self.spec.drains_when_shed:
            return False
        self._to(SourceState.RECORDING, "", now_ns)
        return True

    # Losses.

    def wants_stats(self, now_ns: int) -> bool:
        """Whether its totals may have changed: it gave something, or was not asked for some seconds."""
        return self._drained_since_stats or now_ns - self._last_stats_ns >= _STATS_NS

    def take_stats(self, now_ns: int) -> None:
        """Ask it for its totals; their growth becomes losses since it was last asked."""
        if not self.is_open:
            return
        try:
            stats = self.source.stats()
        except Exception as error:  # noqa: BLE001 - one failing source never stops the others
            self._fail(error, now_ns)
            return
        self._account(stats, now_ns)

    def _account(self, stats: SourceStats, now_ns: int) -> None:
        for reason, total in stats.missing.items():
            grown = total - self._stats.missing.get(reason, 0)
            if grown > 0:
                self._add_loss(reason, grown, self._last_stats_ns, now_ns, "")
        for from_ns, to_ns in stats.pauses.ended:
            self._tell_pause(from_ns, to_ns, stats.pauses.reason)
        for from_ns, to_ns, reason, detail in stats.unknown_gaps:
            if (from_ns, to_ns, reason, detail) not in self._stats.unknown_gaps:
                self._add_loss(reason, None, from_ns, to_ns, detail)
        self._stats = stats
        self._last_stats_ns = now_ns
        self._drained_since_stats = False

    def tell_absence(self, now_ns: int) -> None:
        """Note that nothing was recorded since it stopped or paused, so that every segment says what is not in it."""
        if self.is_open and self._stats.pauses.since_ns is not None:
            self._tell_pause(self._stats.pauses.since_ns, now_ns, self._stats.pauses.reason)
        if self._absent_since_ns is None or (self._absence_is_told and self._absent_since_ns >= now_ns):
            return
        self._add_loss(_ABSENCE_REASONS[self._state], None, self._absent_since_ns, now_ns, self._why)
        self._absent_since_ns = now_ns
        self._absence_is_told = True

    def _tell_pause(self, from_ns: int, to_ns: int, reason: LossReason) -> None:
        """Note the part of a pause that was not noted before."""
        if to_ns > self._paused_until_ns:
            self._add_loss(reason, None, max(from_ns, self._paused_until_ns), to_ns, "")
            self._paused_until_ns = to_ns

    def take_losses(self) -> list[LossEntry]:
        """The losses since the last call."""
        losses, self._losses = self._losses, []
        return losses

    def close(self, now_ns: int) -> None:
        """Close it for good. Events that it had not yet returned when it was detached are also counted."""
        self.take_stats(now_ns)
        self.tell_absence(now_ns)
        if self.is_opening:  # its thread still uses it, and ends with the process
            return
        self._close_quietly()
        if self.is_open:
            with contextlib.suppress(Exception):  # its totals of before are accounted for
                self._account(self.source.stats(), now_ns)

    # Its state.

    def _to(self, state: SourceState, why: str, now_ns: int, absent_since_ns: int | None = None) -> None:
        """Change the state.

        What is missing until now is told for the reason of the state that ends; but what was never open and cannot be
        opened was not starting, it failed.

        Args:
            state: the new one.
            why: one sentence; empty if it records.
            now_ns: CLOCK_BOOTTIME.
            absent_since_ns: from when on nothing is recorded if it was until now; None: from now on.
        """
        failed_to_start = self._state is SourceState.STARTING and state in _FAILURES
        if not failed_to_start:
            self.tell_absence(now_ns)
        self._state, self._why = state, why
        if self.is_open:
            self._absent_since_ns, self._absence_is_told = None, False
            return
        if self._absent_since_ns is None:
            self._absent_since_ns = now_ns if absent_since_ns is None else absent_since_ns
        self._close_quietly()
        if state in _FAILURES:
            self.tell_absence(now_ns)
            self._retry_at_ns = now_ns + self._pause_ns
            self._pause_ns = min(2 * self._pause_ns, _MAX_PAUSE_NS)
            self.restarts += 1

    def _fail(self, error: Exception, now_ns: int) -> None:
        if now_ns - self._opened_at_ns >= _HEALTHY_AFTER_NS:
            self._pause_ns = _FIRST_PAUSE_NS
        self._to(SourceState.FAILED, _describe(error), now_ns, absent_since_ns=self._last_drain_ns)

    def _close_quietly(self) -> None:
        try:
            self.source.close()
        except Exception as error:  # noqa: BLE001 - one failing source never stops the others
            self._why = self._why or _describe(error)

    def _count(self, batches: list[pa.RecordBatch]) -> None:
        self.events += sum(batch.num_rows for batch in batches)
        self.bytes += sum(batch.nbytes for batch in batches)

    def _add_loss(self, reason: LossReason, count: int | None, from_ns: int, to_ns: int, detail: str) -> None:
        self._losses.append(LossEntry(self.spec.name, reason, count, min(from_ns, to_ns), to_ns, detail))


def _describe(error: Exception) -> str:
    if isinstance(error, TapioError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _without_wrong_nulls(batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    """The batches as they are. Readers leave out a batch with a null where its table has none, so no one may write it.

    Raises:
        ValueError: a column that is not nullable has nulls.
    """
    for batch in batches:
        for field, column in zip(batch.schema, batch.columns, strict=True):
            if column.null_count and not field.nullable:
                raise ValueError(f"the column {field.name} has {column.null_count} nulls: its table allows none")
    return batches
