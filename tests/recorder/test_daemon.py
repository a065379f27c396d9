"""The recorder as a whole, with a clock and sources that do as the test says; disk, children and captures are real."""

from __future__ import annotations

from pathlib import Path

import pytest

from formats.batches import batch_from_rows
from formats.errors import ConfigurationError, TapioError, UnavailableError
from formats.tables import oom
from recorder.config import BudgetConfig
from recorder.supervision import SourceState
from tests.recorder.recorder_bench import Bench, read_table
from tests.recorder.recorder_fakes import SECOND, make_rows

pytestmark = pytest.mark.usefixtures("inline_children")


def test_what_is_drained_is_in_the_ring_after_the_end(bench: Bench):
    # GIVEN events over some turns
    for _ in range(5):
        bench.turn(rows=3)

    # WHEN the recorder ends in order
    bench.daemon.finish()

    # THEN they are sealed, with dense numbers, behind the state of the segment's begin
    rows = read_table(bench.directory.ring, "pressure")
    assert [row["event_seq"] for row in rows] == list(range(16))
    assert list(bench.directory.journals.iterdir()) == []
    assert read_table(bench.directory.ring, "clock")[0]["event_name"] == "clock.snapshot"


def test_a_fatal_event_is_synced_at_once(bench: Bench):
    bench.turn(5)
    bench.turn(0.01, rows=1)
    before = bench.acknowledged.get("pressure", 0)
    bench.turn(0.01, rows=1)
    assert bench.acknowledged["pressure"] == before, "an ordinary event waits for the interval"
    bench.source.waiting.append(make_rows([bench.clock()], severity=21))
    bench.turn(0.01)
    assert bench.acknowledged["pressure"] == before + 2


def test_every_segment_begins_with_the_state(bench: Bench):
    bench.turn(rows=1)
    for _ in range(2):
        bench.turn(61)
    bench.daemon.finish()
    segments = sorted(bench.directory.ring.iterdir())
    assert len(segments) == 3
    for segment in segments:
        assert read_table(segment, "clock"), "the wall clock is known"
        assert read_table(segment, "pressure"), "and the state"


def test_a_failing_source_stops_no_other(bench: Bench):
    # GIVEN one source that raises
    bench.source.error = RuntimeError("pop")
    bench.kills.kill(bench.clock())
    bench.turn()

    # THEN the other one's event is recorded, and the failure is logged, told as a loss, and over soon
    assert bench.acknowledged["oom"] == 1
    assert any("RuntimeError: pop" in line for line in bench.log)
    for _ in range(12):
        bench.turn()
    assert bench.daemon.status is not None
    assert {source.name: source.state for source in bench.daemon.status.sources}["pressure"] == SourceState.RECORDING
    bench.daemon.finish()
    losses = read_table(bench.directory.ring, "loss")
    assert {row["loss.reason"] for row in losses} == {"source_failed"}


def test_a_batch_of_the_wrong_schema_is_counted_as_rejected(bench: Bench):
    bench.source.waiting.append(batch_from_rows(oom.TABLE, []))
    wrong = make_rows([1, 2]).select(["boot_time_ns", "event_name", "severity_number"])
    bench.source.waiting = [wrong]
    bench.turn()
    bench.daemon.finish()
    (loss,) = read_table(bench.directory.ring, "loss")
    assert (loss["loss.table"], loss["loss.reason"], loss["loss.count"]) == ("pressure", "rejected", 2)


def test_over_budget_the_first_in_the_order_is_shed_and_told(tmp_path: Path):
    # GIVEN a recorder whose memory budget is far too small
    bench = Bench(tmp_path / "data", budget=BudgetConfig(memory_bytes=1))

    # WHEN it has been over its budget for a window
    for _ in range(13):
        bench.turn(1, rows=1)

    # THEN the one source that may be shed is, the others are not, and its absence is a loss
    assert bench.daemon.status is not None
    states = {source.name: source.state for source in bench.daemon.status.sources}
    assert states == {"clock": "recording", "oom": "recording", "pressure": "shed"}
    bench.turn(61)
    bench.daemon.finish()
    losses = read_table(bench.directory.ring, "loss")
    assert {(row["loss.table"], row["loss.reason"], row["event_name"]) for row in losses} == {
        ("pressure", "shed", "loss.suppressed")
    }


def test_status_says_how_far_back_a_freeze_reaches(bench: Bench):
    bench.turn(rows=2)
    bench.turn(61, rows=1)
    bench.work(lambda: bench.store.segments == 1)
    bench.turn(1)
    status = bench.daemon.status
    assert status is not None
    assert 60 * SECOND < status.have_to_unix_nano - status.have_from_unix_nano < 120 * SECOND
    assert status.segments == 1
    assert status.ring_bytes > 0
    assert status.written["pressure"] == 5
    assert status.storage_problem == ""


def test_a_second_recorder_is_refused(bench: Bench, tmp_path: Path):
    with pytest.raises(UnavailableError, match="another recorder"):
        Bench(tmp_path / "data")


def test_a_cgroup_that_does_not_exist_is_refused(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="the cgroup /no/such does not exist"):
        Bench(tmp_path / "data", cgroups=("/no/such",))


def test_a_journal_that_cannot_be_sealed_is_set_aside(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    # GIVEN a journal that turned into something else before it was sealed
    bench.turn(rows=1)
    path = bench.daemon.store.open_journal
    assert path is not None
    bench.clock.pass_seconds(61)
    path.write_bytes(b"no journal at all")
    bench.turn()

    # WHEN sealing has failed often enough
    bench.work(lambda: bool(list(bench.directory.quarantine.iterdir())), turns=5_000)

    # THEN it is kept for people, and recording goes on
    assert [item.name for item in bench.directory.quarantine.iterdir()] == [path.name]
    assert any("was quarantined" in line for line in bench.log)
    bench.turn(rows=1)
    bench.daemon.finish()
    assert read_table(bench.directory.ring, "pressure")


def test_an_unusable_directory_stops_the_start(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TapioError):
        Bench(tmp_path / "file" / "data")
