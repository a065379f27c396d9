"""One source under the recorder's care: its failures stay its own, its losses are told, it comes back by itself."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum

import pyarrow as pa

from formats.errors import TapioError, UnavailableError
from formats.loss import LossReason
from recorder.ledger import LossEntry
from recorder.source import Need, Source, SourceContext, SourceSpec, SourceStats

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


_ABSENCE_REASONS = {SourceState.STARTING: LossReason.STARTING, SourceState.SHED: LossReason.SHED}
"""Why nothing is recorded in a state; everything else is a failure."""


@dataclass(slots=True)
class SupervisedSource:
    """One source and what the recorder knows of it.

    Attributes:
        source: the source.
        context: what it is opened with.
        state: what it is doing.
        problem: why it does not run; empty if it does.
        events: rows that it gave since the recorder started.
        bytes: of these rows in memory.
        restarts: how often it was opened again.
    """

    source: Source
    context: SourceContext
    state: SourceState = SourceState.STARTING
    problem: str = "not opened yet"
    events: int = 0
    bytes: int = 0
    restarts: int = 0
    _pause_ns: int = _FIRST_PAUSE_NS
    _retry_at_ns: int = 0
    _opened_at_ns: int = 0
    _last_drain_ns: int = 0
    _absent_since_ns: int = 0
    _last_stats_ns: int = 0
    _drained_since_stats: bool = False
    _missing: dict[LossReason, int] = field(default_factory=dict)
    _gaps: frozenset[tuple[int, int, LossReason, str]] = frozenset()
    _stats: SourceStats = field(default_factory=SourceStats)
    _opening: Future[None] | None = None
    _losses: list[LossEntry] = field(default_factory=list)

    @property
    def spec(self) -> SourceSpec:
        """Of the source."""
        return self.source.spec

    @property
    def is_open(self) -> bool:
        """Whether it is attached or connected: it runs, or was shed while its kernel part goes on."""
        return self.state is SourceState.RECORDING or (self.state is SourceState.SHED and self._drains_when_shed)

    @property
    def detail(self) -> str:
        """One sentence for people: why it does not run, or what it says itself."""
        return self.problem or self._stats.detail

    @property
    def lost(self) -> int:
        """Events that it missed since it was opened, where known."""
        return sum(self._stats.missing.values())

    @property
    def _drains_when_shed(self) -> bool:
        """Kernel programs go on making records: counting them is exact, and cheap beside recording them."""
        return Need.BPF in self.spec.needs

    def open(self, now_ns: int) -> None:
        """Open it; whatever it raises is its state."""
        problem: Exception | None = None
        try:
            self.source.open(self.context)
        except Exception as error:  # noqa: BLE001 - one failing source never stops the others
            problem = error
        self.note_opened(problem, now_ns)

    def open_beside(self, now_ns: int) -> None:
        """Open it in a thread: a peer that does not answer holds up nobody. `finish_opening` tells when it is done.

        No other method is called meanwhile, so the source still sees one thread at a time.
        """
        self._opening = Future()
        if self.state is SourceState.STARTING:
            self.problem = "being opened"
        if self._absent_since_ns == 0:
            self._absent_since_ns = now_ns
        threading.Thread(target=self._open_in_thread, args=(self._opening,), name=self.spec.name, daemon=True).start()

    def finish_opening(self, now_ns: int) -> bool:
        """Whether an opening in a thread has ended since the last call; then the state says how."""
        if self._opening is None or not self._opening.done():
            return False
        opening, self._opening = self._opening, None
        error = opening.exception()
        self.note_opened(error if isinstance(error, Exception) else None, now_ns)
        return True

    def _open_in_thread(self, opening: Future[None]) -> None:
        try:
            self.source.open(self.context)
        except Exception as error:  # noqa: BLE001 - one failing source never stops the others
            opening.set_exception(error)
        else:
            opening.set_result(None)

    def note_opened(self, problem: Exception | None, now_ns: int) -> None:
        """The source was opened, here or together with others, or could not be."""
        if problem is None:
            self.tell_absence(now_ns)
            self.state, self.problem, self._absent_since_ns = SourceState.RECORDING, "", 0
            self._opened_at_ns = self._last_drain_ns = self._last_stats_ns = now_ns
            self._missing, self._gaps = {}, frozenset()
            return
        if self._absent_since_ns == 0:
            self._absent_since_ns = now_ns
        unavailable = isinstance(problem, UnavailableError) and self.state is not SourceState.FAILED
        self.state = SourceState.UNAVAILABLE if unavailable else SourceState.FAILED
        self.problem = _describe(problem)
        self._close_quietly()
        self.tell_absence(now_ns)
        self._back_off(now_ns)

    def wants_restart(self, now_ns: int) -> bool:
        """Whether it does not run, and its pause is over."""
        return (
            self._opening is None
            and self.state in (SourceState.UNAVAILABLE, SourceState.FAILED)
            and now_ns >= self._retry_at_ns
        )

    def drain(self, now_ns: int, budget_ns: int) -> list[pa.RecordBatch]:
        """What has happened; empty if it does not run, is shed, or fails now."""
        if not self.is_open:
            return []
        try:
            batches = self.source.drain(budget_ns)
        except Exception as error:  # noqa: BLE001 - one failing source never stops the others
            self._fail(error, now_ns)
            return []
        if self.state is SourceState.SHED:
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
        if self.state is not SourceState.RECORDING:
            return []
        try:
            batches = self.source.snapshot()
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

    def shed(self, now_ns: int) -> None:
        """Stop recording it."""
        self.take_stats(now_ns)
        self.state, self.problem = SourceState.SHED, "switched off to stay within the recorder's budget"
        self._absent_since_ns = now_ns
        if not self._drains_when_shed:
            self._close_quietly()

    def restore(self, now_ns: int) -> None:
        """Record it again after it was shed."""
        self.tell_absence(now_ns)
        if self._drains_when_shed:
            self.state, self.problem, self._absent_since_ns = SourceState.RECORDING, "", 0
        else:
            self.state, self._absent_since_ns = SourceState.UNAVAILABLE, 0
            self.open(now_ns)

    def tell_absence(self, now_ns: int) -> None:
        """Note that nothing was recorded since it stopped, so that every segment says what is not in it."""
        if self._absent_since_ns == 0 or self.is_open:
            return
        reason = _ABSENCE_REASONS.get(self.state, LossReason.SOURCE_FAILED)
        detail = "" if self.state is SourceState.STARTING else self.problem
        self._add_loss(reason, None, self._absent_since_ns, now_ns, detail)
        self._absent_since_ns = now_ns

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
        for reason, total in stats.missing.items():
            grown = total - self._missing.get(reason, 0)
            if grown > 0:
                self._add_loss(reason, grown, self._last_stats_ns, now_ns, "")
            self._missing[reason] = total
        for gap in stats.unknown_gaps:
            if gap not in self._gaps:
                self._add_loss(gap[2], None, gap[0], gap[1], gap[3])
        self._gaps = frozenset(stats.unknown_gaps)
        self._stats = stats
        self._last_stats_ns = now_ns
        self._drained_since_stats = False

    def take_losses(self) -> list[LossEntry]:
        """The losses since the last call."""
        losses, self._losses = self._losses, []
        return losses

    def close(self, now_ns: int) -> None:
        """Close it for good."""
        self.take_stats(now_ns)
        if self._opening is None:  # else its thread still uses it, and ends with the process
            self._close_quietly()

    def _fail(self, error: Exception, now_ns: int) -> None:
        if now_ns - self._opened_at_ns >= _HEALTHY_AFTER_NS:
            self._pause_ns = _FIRST_PAUSE_NS
        self.state, self.problem = SourceState.FAILED, _describe(error)
        self._close_quietly()
        self._absent_since_ns = self._last_drain_ns
        self.tell_absence(now_ns)
        self._back_off(now_ns)

    def _back_off(self, now_ns: int) -> None:
        self._retry_at_ns = now_ns + self._pause_ns
        self._pause_ns = min(2 * self._pause_ns, _MAX_PAUSE_NS)
        self.restarts += 1

    def _close_quietly(self) -> None:
        try:
            self.source.close()
        except Exception as error:  # noqa: BLE001 - one failing source never stops the others
            self.problem = self.problem or _describe(error)

    def _count(self, batches: list[pa.RecordBatch]) -> None:
        self.events += sum(batch.num_rows for batch in batches)
        self.bytes += sum(batch.nbytes for batch in batches)

    def _add_loss(self, reason: LossReason, count: int | None, from_ns: int, to_ns: int, detail: str) -> None:
        self._losses.append(LossEntry(self.spec.name, reason, count, min(from_ns, to_ns), to_ns, detail))


def _describe(error: Exception) -> str:
    if isinstance(error, TapioError):
        return str(error)
    return f"{type(error).__name__}: {error}"
