"""All sources together: opened with one opener where they ask for it, shed in order, restarted, and none stops another."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from formats.columns import Table
from formats.errors import UnavailableError
from formats.tables import memory, oom, pressure, tcp
from recorder.source import Profile, SourceContext, SourceSpec
from recorder.source_set import Drained, SourceSet
from tests.recorder.recorder_fakes import SECOND, FakeClock, ScriptedSource, make_context, make_rows


def make_source(table: Table = pressure.TABLE, **spec: object) -> ScriptedSource:
    """A scripted source of any table."""
    source = ScriptedSource(state=[make_rows([1])])
    source.spec = dataclasses.replace(
        SourceSpec(table=table, needs=(), profile=Profile.LEAN, cost="nothing: it is a fake"), **spec
    )
    return source


class Bench:
    """A set of scripted sources."""

    def __init__(self, *sources: ScriptedSource) -> None:
        self.clock = FakeClock()
        self.log: list[str] = []
        contexts = [make_context(self.clock) for _ in sources]
        self.set = SourceSet.open(sources, contexts, self.clock, self.log.append)

    def states(self) -> dict[str, str]:
        return {source.name: source.state for source in self.set.describe()}


def tables(batches: Drained) -> list[str]:
    return [table.name for table, _ in batches]


class Opener:
    """Opens sources together, as one compiler does for all kernel programs."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[list[str]] = []
        self._error = error

    def __call__(self, sources: Sequence[ScriptedSource], contexts: Sequence[SourceContext]) -> list[Exception | None]:
        assert len(sources) == len(contexts)
        self.calls.append([source.spec.name for source in sources])
        if self._error is not None:
            raise self._error
        return [source.open_error for source in sources]


def test_sources_that_name_one_opener_are_opened_by_one_call():
    # GIVEN two that are opened together, one of which cannot be, and one that opens itself
    opener = Opener()
    first, alone, second = (
        make_source(tcp.TABLE, open_together=opener),
        make_source(pressure.TABLE),
        make_source(oom.TABLE, open_together=opener),
    )
    second.open_error = UnavailableError("no such tracepoint")
    # WHEN all are opened
    bench = Bench(first, alone, second)
    # THEN the opener was called once, and one that failed touched none of the others
    assert opener.calls == [["tcp", "oom"]]
    assert (first.opened, alone.opened, second.opened) == (0, 1, 0)
    assert bench.states() == {"tcp": "recording", "pressure": "recording", "oom": "unavailable"}
    assert bench.log == ["source oom is not running: no such tracepoint"]
    # AND when it is tried again, only it is
    second.open_error = None
    bench.clock.pass_seconds(1)
    assert tables(bench.set.revive(bench.clock())) == ["oom"]
    assert opener.calls == [["tcp", "oom"], ["oom"]]
    assert bench.log[-1] == "source oom is running"


def test_a_defect_of_an_opener_stops_no_other_source():
    bench = Bench(make_source(tcp.TABLE, open_together=Opener(RuntimeError("pop"))), make_source(pressure.TABLE))
    assert bench.states() == {"tcp": "failed", "pressure": "recording"}
    assert bench.log == ["source tcp is not running: RuntimeError: pop"]


def test_a_problem_that_stays_is_logged_once():
    source = make_source()
    source.open_error = UnavailableError("no kubeconfig")
    bench = Bench(source)
    # WHEN it is tried again for an hour THEN one line says why it does not run
    for _ in range(60):
        bench.clock.pass_seconds(60)
        assert tables(bench.set.revive(bench.clock())) == []
    assert source.opened > 5
    assert bench.log == ["source pressure is not running: no kubeconfig"]
    # AND another reason is news
    source.open_error = UnavailableError("access denied")
    bench.clock.pass_seconds(600)
    assert tables(bench.set.revive(bench.clock())) == []
    assert bench.log[1:] == ["source pressure is not running: access denied"]


def test_sources_are_shed_in_their_order_and_restored_in_the_reverse():
    # GIVEN one that may never be shed, and two that may
    never, late, early = make_source(oom.TABLE), make_source(tcp.TABLE, shed_order=20), make_source(shed_order=10)
    bench = Bench(never, late, early)
    # WHEN the recorder is over its budget three times
    seen = []
    for _ in range(3):
        bench.set.shed_one(bench.clock(), "30 % CPU")
        seen.append([name for name, state in bench.states().items() if state == "shed"])
    # THEN they are shed one after the other, and what must not be shed is not
    assert seen == [["pressure"], ["tcp", "pressure"], ["tcp", "pressure"]]
    assert bench.log == ["source pressure was shed: 30 % CPU", "source tcp was shed: 30 % CPU"]
    # AND the one that was shed last comes back first, with its state
    bench.clock.pass_seconds(60)
    assert tables(bench.set.restore_one(bench.clock())) == ["tcp"]
    assert tables(bench.set.restore_one(bench.clock())) == ["pressure"]
    assert tables(bench.set.restore_one(bench.clock())) == []
    assert set(bench.states().values()) == {"recording"}
    # AND the time between is told
    told = [(loss.table, str(loss.reason), loss.to_boot_ns - loss.from_boot_ns) for loss in bench.set.take_losses()]
    assert told == [("tcp", "shed", 60 * SECOND), ("pressure", "shed", 60 * SECOND)]
    assert bench.set.take_losses() == []


def test_a_source_that_opens_slowly_is_restored_without_waiting_for_it():
    source = make_source(shed_order=10, opens_slowly=True)
    bench = Bench(source)
    bench.set.await_openings(30)
    assert tables(bench.set.revive(bench.clock())) == ["pressure"]
    bench.set.shed_one(bench.clock(), "")
    assert tables(bench.set.restore_one(bench.clock())) == []
    assert tables(bench.set.restore_one(bench.clock())) == [], "it is being opened already"
    bench.set.await_openings(30)
    assert tables(bench.set.revive(bench.clock())) == ["pressure"]
    assert source.opened == 2


def test_descriptors_are_asked_for_only_when_they_may_have_changed(monkeypatch: pytest.MonkeyPatch):
    # GIVEN a source with a descriptor
    source = make_source()
    monkeypatch.setattr(source, "wake_fds", lambda: (7,))
    bench = Bench(source)
    assert bench.set.take_wake_fds() == (7,)
    assert bench.set.take_wake_fds() is None
    # AND turns in which no source changes do not ask: a descriptor that is watched anew wakes the loop at once, for ever
    for turn in range(1, 4):
        list(bench.set.revive(turn * SECOND))
        list(bench.set.drain(turn * SECOND))
        assert bench.set.take_wake_fds() is None
    # WHEN it fails while it is drained, gives its state or its totals THEN it has none, until it is open again
    for method in ("drain", "snapshot", "stats"):
        with monkeypatch.context() as patch:
            patch.setattr(source, method, lambda *_: 1 / 0)
            assert tables(bench.set.drain(bench.clock())) == []
            assert tables(bench.set.snapshot(bench.clock())) in ([], ["pressure"])
            bench.set.take_stats(bench.clock(), of_all=True)
        assert bench.set.take_wake_fds() == ()
        assert bench.log[-1] == "source pressure failed: ZeroDivisionError: division by zero"
        bench.clock.pass_seconds(600)
        assert tables(bench.set.revive(bench.clock())) == ["pressure"]
        assert bench.set.take_wake_fds() == (7,)


def test_draining_says_whether_there_is_more_and_whether_there_was_anything(monkeypatch: pytest.MonkeyPatch):
    source = make_source()
    bench = Bench(source, make_source(memory.TABLE))
    assert tables(bench.set.drain(bench.clock())) == []
    assert (bench.set.is_idle, bench.set.is_behind) == (True, False)
    source.waiting = [make_rows([1]), make_rows([2])]
    assert tables(bench.set.drain(bench.clock())) == ["pressure", "pressure"]
    assert (bench.set.is_idle, bench.set.is_behind) == (False, False)
    # WHEN a source used up its budget THEN the next turn follows at once

    def drain_for_long(budget_ns: int) -> list[object]:
        bench.clock.now += budget_ns
        return [make_rows([3])]

    monkeypatch.setattr(source, "drain", drain_for_long)
    assert tables(bench.set.drain(bench.clock())) == ["pressure"]
    assert bench.set.is_behind


def test_a_segment_that_ends_says_which_sources_were_not_in_it():
    source = make_source()
    source.open_error = UnavailableError("no BTF")
    bench = Bench(source, make_source(memory.TABLE))
    assert len(bench.set.take_losses()) == 1, "at once, so that a short recording says it, too"
    bench.clock.pass_seconds(600)
    bench.set.tell_absences(bench.clock())
    (told,) = bench.set.take_losses()
    assert (told.table, told.to_boot_ns - told.from_boot_ns, told.detail) == ("pressure", 600 * SECOND, "no BTF")
