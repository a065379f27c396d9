"""The recorder as a whole, with a clock and sources that do as the test says; disk, children and captures are real."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from formats.batches import batch_from_rows
from formats.capture.reading import open_capture
from formats.errors import ConfigurationError, OutputError, TapioError, UnavailableError, UsageError
from formats.loss import Damage
from formats.tables import oom
from recorder.config import BudgetConfig, FreezeConfig, TriggerConfig
from recorder.daemon import Daemon, FreezeRequest
from recorder.source import Need, Profile, SourceContext, SourceSpec
from recorder.sources.clock import ClockSource
from recorder.supervision import SourceState
from tests.recorder.recorder_fakes import SECOND, FakeClock, ScriptedSource, make_config, make_rows, run_children_inline


class OomLike(ScriptedSource):
    """A scripted source of the table `oom`."""

    spec = SourceSpec(table=oom.TABLE, needs=(), profile=Profile.LEAN, cost="nothing: it is a fake")

    def kill(self, time: int, command: str = "cache") -> None:
        row = {
            "boot_time_ns": time,
            "event_name": "oom.kill",
            "severity_number": 21,
            "process.pid": 7,
            "cgroup_id": 3,
            "process.command": command,
        }
        self.waiting.append(batch_from_rows(oom.TABLE, [row]))


class Bench:
    """A recorder on a bench: turns when told."""

    def __init__(self, data: Path, *, begin: int = 1_000, **changes) -> None:
        self.clock = FakeClock(begin * SECOND)
        self.source = ScriptedSource(state=[make_rows([begin * SECOND])])
        self.kills = OomLike()
        self.log: list[str] = []
        self.daemon = Daemon(
            make_config(data, **changes),
            [ClockSource(self.clock.snapshot), self.kills, self.source],
            boot_time_ns=self.clock,
            log=self.log.append,
        )
        self.daemon.start()

    def turn(self, seconds: float = 0.2, *, rows: int = 0) -> None:
        self.clock.pass_seconds(seconds)
        if rows:
            self.source.waiting.append(make_rows([self.clock()] * rows))
        self.daemon.turn()

    def work(self, until: Callable[[], bool], turns: int = 600) -> None:
        """Turn until something holds."""
        for _ in range(turns):
            if until():
                return
            self.turn(0.05)
        raise AssertionError("it never came to that")


@pytest.fixture(autouse=True)
def _children(monkeypatch: pytest.MonkeyPatch) -> None:
    run_children_inline(monkeypatch)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    found = Bench(tmp_path / "data")
    yield found
    if found.daemon._lock_fd >= 0:
        found.daemon.finish()


def read_table(path: Path, table: str) -> list[dict[str, object]]:
    with open_capture(path) as capture:
        assert list(capture.verify()) == []
        rows = []
        for batch in capture.batches(table):
            assert not isinstance(batch, Damage)
            rows += batch.to_pylist()
    return rows


def test_what_is_drained_is_in_the_ring_after_the_end(bench: Bench):
    # GIVEN events over some turns
    for _ in range(5):
        bench.turn(rows=3)

    # WHEN the recorder ends in order
    bench.daemon.finish()

    # THEN they are sealed, with dense numbers, behind the state of the segment's begin
    rows = read_table(bench.daemon._directory.ring, "pressure")
    assert [row["event_seq"] for row in rows] == list(range(16))
    assert list(bench.daemon._directory.journals.iterdir()) == []
    assert read_table(bench.daemon._directory.ring, "clock")[0]["event_name"] == "clock.snapshot"


def test_a_fatal_event_is_synced_at_once(bench: Bench):
    bench.turn(5)
    bench.turn(0.01, rows=1)
    before = bench.daemon.acknowledged.get("pressure", 0)
    bench.turn(0.01, rows=1)
    assert bench.daemon.acknowledged["pressure"] == before, "an ordinary event waits for the interval"
    bench.source.waiting.append(make_rows([bench.clock()], severity=21))
    bench.turn(0.01)
    assert bench.daemon.acknowledged["pressure"] == before + 2


def test_every_segment_begins_with_the_state(bench: Bench):
    bench.turn(rows=1)
    for _ in range(2):
        bench.turn(61)
    bench.daemon.finish()
    segments = sorted(bench.daemon._directory.ring.iterdir())
    assert len(segments) == 3
    for segment in segments:
        assert read_table(segment, "clock"), "the wall clock is known"
        assert read_table(segment, "pressure"), "and the state"


def test_a_restart_goes_on_and_tells_how_long_it_was_down(tmp_path: Path, bench: Bench):
    # GIVEN a recorder that ended
    bench.turn(rows=2)
    bench.daemon.finish()

    # WHEN it starts again later
    second = Bench(tmp_path / "data", begin=1_100)
    second.turn(rows=1)
    second.daemon.finish()

    # THEN numbers are dense, and the time between is a loss of unknown size, for every source
    rows = read_table(tmp_path / "data/ring", "pressure")
    assert [row["event_seq"] for row in rows] == list(range(len(rows)))
    down = [row for row in read_table(tmp_path / "data/ring", "loss") if row["loss.reason"] == "recorder_down"]
    assert {row["loss.table"] for row in down} == {"clock", "oom", "pressure"}
    assert {row["loss.count"] for row in down} == {None}
    assert {row["loss.to_boot_ns"] for row in down} == {1_100 * SECOND}


def test_a_failing_source_stops_no_other(bench: Bench):
    # GIVEN one source that raises
    bench.source.error = RuntimeError("pop")
    bench.kills.kill(bench.clock())
    bench.turn()

    # THEN the other one's event is recorded, and the failure is logged, told as a loss, and over soon
    assert bench.daemon.acknowledged["oom"] == 1
    assert any("RuntimeError: pop" in line for line in bench.log)
    for _ in range(12):
        bench.turn()
    assert bench.daemon.status is not None
    assert {source.name: source.state for source in bench.daemon.status.sources}["pressure"] == SourceState.RECORDING
    bench.daemon.finish()
    losses = read_table(bench.daemon._directory.ring, "loss")
    assert {row["loss.reason"] for row in losses} == {"source_failed"}


def test_a_batch_of_the_wrong_schema_is_counted_as_rejected(bench: Bench):
    bench.source.waiting.append(batch_from_rows(oom.TABLE, []))
    wrong = make_rows([1, 2]).select(["boot_time_ns", "event_name", "severity_number"])
    bench.source.waiting = [wrong]
    bench.turn()
    bench.daemon.finish()
    (loss,) = read_table(bench.daemon._directory.ring, "loss")
    assert (loss["loss.table"], loss["loss.reason"], loss["loss.count"]) == ("pressure", "rejected", 2)


def freeze(bench: Bench, **request) -> Future:
    reply = bench.daemon.request_freeze(FreezeRequest(**request))
    bench.turn()
    return reply


def test_a_freeze_collects_the_window_while_recording_goes_on(bench: Bench):
    # GIVEN three segments, of which the first is before the window
    bench.turn(rows=1)
    bench.turn(61, rows=1)
    bench.turn(61, rows=1)
    bench.work(lambda: len(bench.daemon._ring.names) == 2)

    # WHEN somebody freezes the last half a minute and one more second
    reply = freeze(bench, name="night", reason="it broke\x1b[31m", before_ns=30 * SECOND)
    bench.turn(0.5, rows=5)
    bench.turn(1, rows=1)
    bench.work(reply.done)

    # THEN the capture holds the segments of the window, says why and what was asked for, and recording went on
    result = reply.result(0)
    assert result.segments == 2
    path = bench.daemon._directory.captures / "night.tapio"
    assert result.path == str(path)
    with open_capture(path) as capture:
        assert list(capture.verify()) == []
        assert capture.info.frozen_because == "it broke\\x1b[31m"
        asked = capture.info.asked_to_unix_nano - capture.info.asked_from_unix_nano
        assert asked == 31 * SECOND
        assert capture.info.achieved_from_unix_nano <= capture.info.asked_from_unix_nano + 31 * SECOND
    assert len([row for row in read_table(path, "pressure") if row["event_seq"] > 2]) >= 6
    assert list(bench.daemon._directory.frozen.iterdir()) == []
    bench.turn(rows=1)
    bench.daemon.finish()
    assert len(read_table(bench.daemon._directory.ring, "pressure")) >= 12


def test_several_freezes_at_once_each_have_their_window(bench: Bench):
    bench.turn(rows=1)
    replies = [freeze(bench, name=f"f{number}", after_ns=number * SECOND) for number in range(3)]
    for _ in range(20):
        bench.turn(rows=1)
    bench.work(lambda: all(reply.done() for reply in replies))
    sizes = [len(read_table(Path(reply.result(0).path), "pressure")) for reply in replies]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2]


def test_retention_takes_nothing_from_a_freeze(bench: Bench):
    # GIVEN a sealed segment, and a freeze that still waits for its window to end
    bench.turn(rows=3)
    bench.turn(61, rows=1)
    bench.work(lambda: len(bench.daemon._ring.names) == 1)
    reply = freeze(bench, name="kept", after_ns=30 * SECOND, before_ns=600 * SECOND)

    # WHEN the ring lets go of everything meanwhile
    bench.daemon._ring._config = type(bench.daemon._ring._config)(max_bytes=0, keep_free_bytes=0)
    bench.turn(2)
    assert bench.daemon._ring.names == []
    assert not list(bench.daemon._directory.ring.iterdir())
    bench.turn(31)
    bench.work(reply.done)

    # THEN the capture has it
    assert len(read_table(Path(reply.result(0).path), "pressure")) >= 5


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/b", "", ".hidden", "x" * 200, "a\nb", "..", "-rf"])
def test_a_name_is_never_a_path(bench: Bench, name: str):
    if not name:
        return  # an empty name is chosen by the recorder
    reply = freeze(bench, name=name)
    with pytest.raises(UsageError):
        reply.result(0)


def test_a_capture_is_never_written_over(bench: Bench):
    bench.turn(rows=1)
    reply = freeze(bench, name="once.tapio", after_ns=0)
    bench.work(reply.done)
    assert Path(reply.result(0).path).name == "once.tapio"
    with pytest.raises(OutputError):
        freeze(bench, name="once").result(0)


def test_a_window_without_anything_says_so(bench: Bench):
    with pytest.raises(UsageError):
        freeze(bench, before_ns=-1).result(0)


def test_an_oom_kill_freezes_by_itself_and_repeats_extend_it(bench: Bench):
    # GIVEN a kill, and another one within the window
    bench.turn(rows=1)
    bench.kills.kill(bench.clock())
    bench.turn(0.1)
    bench.turn(0.8)
    bench.kills.kill(bench.clock(), command="api")
    bench.turn(0.1)
    bench.turn(0.5)
    assert bench.daemon._freezer.pending == 1
    assert bench.daemon._freezer.last is None

    # WHEN the window has passed
    bench.turn(1)
    bench.work(lambda: bench.daemon._freezer.pending == 0)

    # THEN there is one capture, with both kills, that says what it was frozen for
    (path,) = bench.daemon._directory.captures.glob("auto-oom-kill-*.tapio")
    assert [row["process.command"] for row in read_table(path, "oom")] == ["cache", "api"]
    with open_capture(path) as capture:
        assert "oom.kill in table oom" in (capture.info.frozen_because or "")
        assert "process.command cache" in (capture.info.frozen_because or "")
    # AND a kill soon after is counted, and freezes only when the interval is over
    bench.kills.kill(bench.clock())
    bench.turn()
    assert bench.daemon._freezer.pending == 0
    assert bench.daemon._freezer.suppressed == 1
    bench.turn(301)
    bench.kills.kill(bench.clock())
    bench.turn()
    assert bench.daemon._freezer.pending == 1


def test_triggers_are_configured_by_table_event_and_severity(tmp_path: Path):
    config = FreezeConfig(after_ns=SECOND, triggers=(TriggerConfig("pressure", None, 17),))
    bench = Bench(tmp_path / "data", freeze=config)
    bench.turn(rows=5)
    bench.kills.kill(bench.clock())
    bench.turn()
    assert bench.daemon._freezer.pending == 0
    bench.source.waiting.append(make_rows([bench.clock()], severity=17))
    bench.turn()
    assert bench.daemon._freezer.pending == 1
    bench.daemon.finish()


def test_automatic_captures_make_room_and_those_of_people_stay(tmp_path: Path):
    config = FreezeConfig(after_ns=0, min_interval_ns=0, max_capture_bytes=1)
    bench = Bench(tmp_path / "data", freeze=config)
    captures = bench.daemon._directory.captures
    bench.turn(rows=1)
    for _ in range(2):
        bench.kills.kill(bench.clock())
        bench.turn(0.1)
        bench.work(lambda: bench.daemon._freezer.pending == 0)
        bench.turn(1)
    assert len(list(captures.glob("auto-*.tapio"))) == 1, "the older one made room"
    reply = freeze(bench, name="mine")
    bench.work(reply.done)
    bench.kills.kill(bench.clock())
    bench.turn(1)
    assert (captures / "mine.tapio").exists()
    assert "max_capture_bytes" in bench.daemon._freezer.problem
    bench.daemon.finish()


def test_stopping_ends_what_is_on_its_way(bench: Bench):
    reply = freeze(bench, name="late", after_ns=3_000 * SECOND)
    bench.daemon.finish()
    with pytest.raises(UnavailableError, match="being stopped"):
        reply.result(0)


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
    losses = read_table(bench.daemon._directory.ring, "loss")
    assert {(row["loss.table"], row["loss.reason"], row["event_name"]) for row in losses} == {
        ("pressure", "shed", "loss.suppressed")
    }


def test_status_says_how_far_back_a_freeze_reaches(bench: Bench):
    bench.turn(rows=2)
    bench.turn(61, rows=1)
    bench.work(lambda: len(bench.daemon._ring.names) == 1)
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
    with pytest.raises(ConfigurationError, match="there is no cgroup /no/such"):
        Bench(tmp_path / "data", cgroups=("/no/such",))


def test_a_journal_that_cannot_be_sealed_is_set_aside(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    # GIVEN a journal that turned into something else before it was sealed
    bench.turn(rows=1)
    path = bench.daemon._journaling.open_path
    assert path is not None
    bench.clock.pass_seconds(61)
    path.write_bytes(b"no journal at all")
    bench.turn()

    # WHEN sealing has failed often enough
    bench.work(lambda: bool(list(bench.daemon._directory.quarantine.iterdir())), turns=5_000)

    # THEN it is kept for people, and recording goes on
    assert [item.name for item in bench.daemon._directory.quarantine.iterdir()] == [path.name]
    assert any("is set aside" in line for line in bench.log)
    bench.turn(rows=1)
    bench.daemon.finish()
    assert read_table(bench.daemon._directory.ring, "pressure")


def test_damage_in_a_journal_becomes_losses_of_its_segment(tmp_path: Path, bench: Bench):
    # GIVEN a recorder that was killed, and one frame of its journal damaged meanwhile
    for _ in range(4):
        bench.turn(1.1, rows=2)
    path = bench.daemon._journaling.open_path
    assert path is not None
    content = bytearray(path.read_bytes())
    crashed = tmp_path / "crashed"
    (crashed / "journal").mkdir(parents=True)
    content[-20] ^= 1
    (crashed / "journal" / path.name).write_bytes(content)

    # WHEN it starts again
    second = Bench(crashed, begin=1_100)
    second.work(lambda: len(second.daemon._ring.names) == 1)

    # THEN the segment has the other frames, and says what it misses; the damaged journal is kept
    rows = read_table(crashed / "ring", "pressure")
    assert len(rows) == 7
    losses = [row for row in read_table(crashed / "ring", "loss") if row["loss.reason"] == "damaged"]
    assert [(row["loss.table"], row["loss.count"]) for row in losses] == [("pressure", 2)]
    assert len(list((crashed / "quarantine").iterdir())) == 1
    second.daemon.finish()
    numbers = [row["event_seq"] for row in read_table(crashed / "ring", "loss")]
    assert numbers == list(range(len(numbers))), "and the numbers of losses stay dense"


def test_a_peer_that_does_not_answer_holds_up_nobody(tmp_path: Path):
    # GIVEN a source of Kubernetes whose server lets it wait
    release = threading.Event()

    class Waiting(OomLike):
        spec = dataclasses.replace(OomLike.spec, needs=(Need.KUBERNETES,))

        def open(self, context: SourceContext) -> None:
            assert release.wait(30)
            super().open(context)

    clock = FakeClock()
    source, waiting = ScriptedSource(), Waiting()
    daemon = Daemon(make_config(tmp_path), [ClockSource(clock.snapshot), waiting, source], boot_time_ns=clock)
    daemon.start()

    # WHEN others have something to tell THEN it is recorded
    source.waiting.append(make_rows([clock()]))
    clock.pass_seconds(2)
    daemon.turn()
    assert daemon.acknowledged["pressure"] == 1
    assert waiting.opened == 0
    # AND when the server answers, the source begins, and its absence is told
    release.set()
    daemon._supervised[1]._opening.exception(30)
    waiting.kill(clock())
    clock.pass_seconds(2)
    daemon.turn()
    assert daemon.acknowledged["oom"] == 1
    daemon.finish()
    losses = read_table(tmp_path / "ring", "loss")
    (told,) = losses
    assert (told["loss.table"], told["loss.reason"], told["loss.detail"]) == ("oom", "starting", None)
    assert told["loss.to_boot_ns"] - told["loss.from_boot_ns"] == 4 * SECOND


def test_an_unusable_directory_stops_the_start(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TapioError):
        Bench(tmp_path / "file" / "data")
