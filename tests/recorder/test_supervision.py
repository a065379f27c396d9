"""One failing source never stops the others, and whatever it could not record is told."""

from __future__ import annotations

import pyarrow as pa
import pytest

from formats.errors import UnavailableError
from formats.loss import LossReason
from recorder.source import Pauses, SourceStats
from recorder.source_opening import open_sources
from recorder.supervision import SourceState, SupervisedSource
from tests.recorder.recorder_fakes import SECOND, FakeClock, ScriptedSource, make_context, make_rows


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def supervise(source: ScriptedSource, clock: FakeClock) -> SupervisedSource:
    supervised = SupervisedSource(source, make_context(clock))
    reopen(supervised, clock)
    return supervised


def reopen(supervised: SupervisedSource, clock: FakeClock) -> None:
    """As the source set does it."""
    (problem,) = open_sources([supervised.source], [supervised.context])
    supervised.note_opened(problem, clock())


def losses(supervised: SupervisedSource) -> list[tuple[LossReason, int | None, int, int]]:
    return [(item.reason, item.count, item.from_boot_ns, item.to_boot_ns) for item in supervised.take_losses()]


def test_what_it_gives_is_counted(clock: FakeClock):
    source = ScriptedSource()
    supervised = supervise(source, clock)
    source.waiting = [make_rows([1, 2]), make_rows([3])]
    assert [batch.num_rows for batch in supervised.drain(clock(), 1)] == [2, 1]
    assert supervised.drain(clock(), 1) == []
    assert (supervised.events, supervised.state, supervised.detail) == (3, SourceState.RECORDING, "")
    assert losses(supervised) == []


def test_rows_that_no_reader_would_accept_are_a_failure_and_not_a_silent_loss(clock: FakeClock):
    # GIVEN a source that gives a null where its table has none
    source = ScriptedSource()
    supervised = supervise(source, clock)
    good = make_rows([1, 2])
    name = next(field.name for field in good.schema if not field.nullable)
    nulls = pa.nulls(2, good.schema.field(name).type)
    source.waiting = [good.set_column(good.schema.get_field_index(name), good.schema.field(name), nulls)]
    # WHEN THEN
    assert supervised.drain(clock(), 1) == []
    assert supervised.state is SourceState.FAILED
    assert f"the column {name} has 2 nulls" in supervised.detail
    assert [reason for reason, *_rest in losses(supervised)] == [LossReason.SOURCE_FAILED]


def test_a_source_that_raises_comes_back_with_growing_pauses(clock: FakeClock):
    # GIVEN a source that runs
    source = ScriptedSource()
    supervised = supervise(source, clock)
    supervised.drain(clock(), 1)
    clock.pass_seconds(2)

    # WHEN it raises
    source.error = ValueError("broken pipe of thought")
    assert supervised.drain(clock(), 1) == []

    # THEN it is closed, says why, and the time since it was last drained is unknown
    assert supervised.state is SourceState.FAILED
    assert supervised.detail == "ValueError: broken pipe of thought"
    assert source.closed == 1
    assert losses(supervised) == [(LossReason.SOURCE_FAILED, None, 1_000 * SECOND, 1_002 * SECOND)]
    # AND it is tried again after 1 s, then 2 s, then 4 s
    pauses = []
    source.open_error = UnavailableError("still broken")
    for _ in range(3):
        begin = clock()
        while not supervised.wants_restart(clock()):
            clock.pass_seconds(1)
        pauses.append((clock() - begin) // SECOND)
        reopen(supervised, clock)
    assert pauses == [1, 2, 4]
    # AND when it is back, the whole gap is told without a hole
    source.open_error = None
    clock.pass_seconds(8)
    reopen(supervised, clock)
    assert supervised.state is SourceState.RECORDING
    told = losses(supervised)
    assert [entry[:2] for entry in told] == [(LossReason.SOURCE_FAILED, None)] * len(told)
    assert [entry[2] for entry in told[1:]] == [entry[3] for entry in told[:-1]]
    assert (told[0][2], told[-1][3]) == (1_002 * SECOND, clock())


def test_a_source_that_cannot_open_is_told_in_every_segment(clock: FakeClock):
    # GIVEN a source without what it needs
    source = ScriptedSource()
    source.open_error = UnavailableError("no BTF", next_step="get a kernel")
    supervised = supervise(source, clock)
    assert supervised.state is SourceState.UNAVAILABLE
    assert "no BTF; get a kernel" in supervised.detail
    assert len(losses(supervised)) == 1

    # WHEN a segment ends THEN its last row says that this table is missing, since when, and why
    clock.pass_seconds(600)
    supervised.tell_absence(clock())
    assert losses(supervised) == [(LossReason.SOURCE_FAILED, None, 1_000 * SECOND, 1_600 * SECOND)]


def test_growth_of_totals_becomes_losses(clock: FakeClock):
    source = ScriptedSource()
    supervised = supervise(source, clock)
    gap = (1, 2, LossReason.WATCH_GAP, "pods")
    source.totals = SourceStats(10, {LossReason.REJECTED: 4}, (gap,), "grumbles")
    clock.pass_seconds(1)
    supervised.take_stats(clock())
    assert losses(supervised) == [
        (LossReason.REJECTED, 4, 1_000 * SECOND, 1_001 * SECOND),
        (LossReason.WATCH_GAP, None, 1, 2),
    ]
    supervised.take_stats(clock())
    assert losses(supervised) == [], "told once"
    source.totals = SourceStats(12, {LossReason.REJECTED: 6}, (gap,))
    clock.pass_seconds(1)
    supervised.take_stats(clock())
    assert losses(supervised) == [(LossReason.REJECTED, 2, 1_001 * SECOND, 1_002 * SECOND)]
    assert supervised.lost == 6


def test_what_is_left_when_it_is_detached_is_counted(clock: FakeClock, monkeypatch: pytest.MonkeyPatch):
    # GIVEN a source that finds undrained records when it detaches
    source = ScriptedSource()
    supervised = supervise(source, clock)
    source.totals = SourceStats(10, {LossReason.REJECTED: 4})

    def detach() -> None:
        source.totals = SourceStats(17, {LossReason.REJECTED: 4, LossReason.RECORDER_DOWN: 7})

    monkeypatch.setattr(source, "close", detach)
    # WHEN it is closed for good THEN they are told beside what was known before
    clock.pass_seconds(1)
    supervised.close(clock())
    told = [(reason, count) for reason, count, _, _ in losses(supervised)]
    assert told == [(LossReason.REJECTED, 4), (LossReason.RECORDER_DOWN, 7)]


@pytest.mark.parametrize("method", ["snapshot", "stats", "close", "wake_fds"])
def test_no_method_can_break_the_recorder(clock: FakeClock, method: str, monkeypatch: pytest.MonkeyPatch):
    source = ScriptedSource()
    supervised = supervise(source, clock)

    def fail(*_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(source, method, fail)
    # WHEN everything is asked of it THEN nothing is raised
    supervised.snapshot(clock())
    supervised.take_stats(clock())
    supervised.wake_fds()
    supervised.close(clock())


def test_a_shed_kernel_source_counts_what_it_leaves_out(clock: FakeClock):
    # GIVEN a source whose kernel part goes on
    source = ScriptedSource(in_kernel=True)
    supervised = supervise(source, clock)
    supervised.shed(clock())

    # WHEN events come meanwhile
    source.waiting = [make_rows([1, 2, 3])]
    clock.pass_seconds(1)
    assert supervised.drain(clock(), 1) == []

    # THEN they are counted exactly, and it goes on at once when it is restored
    assert losses(supervised) == [(LossReason.SHED, 3, 1_000 * SECOND, 1_001 * SECOND)]
    assert supervised.resume(clock())
    source.waiting = [make_rows([4])]
    assert len(supervised.drain(clock(), 1)) == 1
    assert source.opened == 1
    assert losses(supervised) == []


def test_a_shed_polling_source_is_closed_and_opened_again(clock: FakeClock):
    source = ScriptedSource()
    supervised = supervise(source, clock)
    supervised.shed(clock())
    assert source.closed == 1
    source.waiting = [make_rows([1])]
    assert supervised.drain(clock(), 1) == []
    clock.pass_seconds(30)
    assert not supervised.resume(clock()), "it must be opened"
    reopen(supervised, clock)
    assert losses(supervised) == [(LossReason.SHED, None, 1_000 * SECOND, 1_030 * SECOND)]
    assert supervised.state is SourceState.RECORDING
    assert source.opened == 2


def test_pauses_by_design_are_told_once_and_to_the_end_of_each_segment(clock: FakeClock):
    # GIVEN a source that pauses
    source = ScriptedSource()
    supervised = supervise(source, clock)
    begin = clock()
    source.totals = SourceStats(pauses=Pauses(since_ns=begin + SECOND))
    clock.pass_seconds(3)
    supervised.take_stats(clock())
    assert losses(supervised) == []

    # WHEN a segment ends, and later the pause
    supervised.tell_absence(clock())
    first = losses(supervised)
    clock.pass_seconds(3)
    source.totals = SourceStats(pauses=Pauses(ended=((begin + SECOND, begin + 5 * SECOND),)))
    for _ in range(2):
        supervised.take_stats(clock())
    supervised.tell_absence(clock())

    # THEN
    assert first == [(LossReason.IN_TURNS, None, begin + SECOND, begin + 3 * SECOND)]
    assert losses(supervised) == [(LossReason.IN_TURNS, None, begin + 3 * SECOND, begin + 5 * SECOND)]
