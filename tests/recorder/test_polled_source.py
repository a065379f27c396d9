"""What every polled source does without a line of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from formats.loss import LossReason
from formats.rows.psi import read_pressure
from formats.tables import pressure
from recorder.polled_source import PolledSource, Row
from recorder.source import Profile, SourceContext, SourceSpec
from tests.recorder.sources.fake_host import PSI, FakeHost, rows_of

BUDGET = 10**12


class ShelfSource(PolledSource):
    """Reads what the test puts on a shelf."""

    spec = SourceSpec(pressure.TABLE, (), Profile.LEAN, "nothing", options={"interval_s": 5})
    key = ("pressure.resource",)

    def __init__(self, host: FakeHost) -> None:
        super().__init__()
        self.host = host
        self.shelf: dict[str, int] = {}
        self.completed = 0

    def rows(self, context: SourceContext) -> Iterator[Row]:
        for name, figure in self.shelf.items():
            self.host.clock.pass_seconds(0.01)
            yield {"cgroup_id": 0, "pressure.resource": name, "pressure.some_ns": figure}

    def complete(self, row: Row) -> Row:
        self.completed += 1
        return row | {"pressure.full_ns": self.completed}


@pytest.fixture
def source(tmp_path: Path) -> ShelfSource:
    host = FakeHost(tmp_path)
    source = ShelfSource(host)
    host.open(source)
    return source


def look(source: ShelfSource, budget_ns: int = BUDGET) -> list[object]:
    """Names that a drain gives after the interval."""
    source.host.clock.pass_seconds(5)
    return [row["pressure.resource"] for row in rows_of(source.drain(budget_ns))]


def test_a_row_has_time_event_name_and_severity_without_a_word_of_the_source(source: ShelfSource):
    source.shelf = {"a": 1}
    (row,) = rows_of(source.snapshot())
    assert row["boot_time_ns"] == source.host.clock()
    assert (row["event_name"], row["severity_number"]) == ("pressure.sample", 9)


def test_only_rows_that_changed_are_completed_and_recorded(source: ShelfSource):
    source.shelf = {"a": 1, "b": 1}
    assert look(source) == ["a", "b"]
    source.shelf["b"] = 2
    assert look(source) == ["b"]
    assert look(source) == []
    assert source.completed == 3
    assert source.stats().produced == 3


def test_what_vanished_and_came_back_is_recorded_again(source: ShelfSource):
    source.shelf = {"a": 1, "b": 1}
    look(source)
    del source.shelf["b"]
    assert look(source) == []
    source.shelf["b"] = 1
    assert look(source) == ["b"]


def test_a_snapshot_has_everything_and_later_rows_are_compared_with_it(source: ShelfSource):
    source.shelf = {"a": 1, "b": 1}
    look(source)
    source.shelf["b"] = 2
    assert len(rows_of(source.snapshot())) == 2
    assert look(source) == []


def test_a_look_pauses_at_its_budget_also_among_rows_that_did_not_change(source: ShelfSource):
    # GIVEN 30 rows, each of which takes 10 ms to read, of which only the last one changes
    source.shelf = {f"row {number}": 1 for number in range(30)}
    look(source)
    source.shelf["row 29"] = 2
    # WHEN a drain may take 100 ms THEN it reads ten, and the next ones continue there
    source.host.clock.pass_seconds(5)
    begin = source.host.clock()
    calls = [rows_of(source.drain(100_000_000)) for _ in range(3)]
    assert [len(rows) for rows in calls] == [0, 0, 1]
    assert source.host.clock() - begin == 300_000_000
    # AND nothing is looked at before the next interval
    assert source.drain(BUDGET) == []
    assert source.host.clock() - begin == 300_000_000


def test_without_an_interval_only_snapshots_look(source: ShelfSource, tmp_path: Path):
    source.close()
    source.open(SourceContext("n", {}, source.host.clock))
    source.shelf = {"a": 1}
    assert look(source) == []
    assert len(rows_of(source.snapshot())) == 1


def test_a_file_that_is_gone_is_normal_and_one_of_another_form_is_counted(source: ShelfSource):
    files = source.host.proc
    source.host.write(files / "good", PSI.format(some=1, full=2))
    source.host.write(files / "bad", "nothing\n")
    good = source.read(read_pressure, files / "good")
    assert good is not None
    assert good.some_ns == 1_000
    assert source.read(read_pressure, files / "gone") is None
    assert source.stats().missing == {}
    assert source.read(read_pressure, files / "bad") is None
    assert source.stats().missing == {LossReason.REJECTED: 1}
    assert source.stats().produced == 1
