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
from recorder.config import BudgetConfig, FreezeConfig, RingConfig, TriggerConfig
from recorder.source import Profile, SourceContext, SourceSpec
from recorder.sources.clock import ClockSource
from recorder.start import start_recorder
from recorder.store.freeze import FreezeRequest
from recorder.store.layout import DataDirectory
from recorder.store.store_status import StoreStatus
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

    def __init__(self, data: Path, *, begin: int = 1_000, kills: OomLike | None = None, **changes) -> None:
        self.clock = FakeClock(begin * SECOND)
        self.source = ScriptedSource(state=[make_rows([begin * SECOND])])
        self.kills = kills or OomLike()
        self.log: list[str] = []
        self.directory = DataDirectory(data)
        self.daemon = start_recorder(
            make_config(data, **changes),
            [ClockSource(self.clock.snapshot), self.kills, self.source],
            boot_time_ns=self.clock,
            log=self.log.append,
        )

    @property
    def store(self) -> StoreStatus:
        return self.daemon.store.describe(self.clock())

    @property
    def acknowledged(self) -> dict[str, int]:
        return self.daemon.store.acknowledged

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
    found.daemon.finish()


def read_table(path: Path, table: str) -> list[dict[str, object]]:
    capture = open_capture(path)
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


def freeze(bench: Bench, **request) -> Future:
    reply = bench.daemon.request_freeze(FreezeRequest(**request))
    bench.turn()
    return reply


def test_a_freeze_collects_the_window_while_recording_goes_on(bench: Bench):
    # GIVEN three segments, of which the first is before the window
    bench.turn(rows=1)
    bench.turn(61, rows=1)
    bench.turn(61, rows=1)
    bench.work(lambda: bench.store.segments == 2)

    # WHEN somebody freezes the last half a minute and one more second
    reply = freeze(bench, name="night", reason="it broke\x1b[31m", before_ns=30 * SECOND)
    bench.turn(0.5, rows=5)
    bench.turn(1, rows=1)
    bench.work(reply.done)

    # THEN the capture holds the segments of the window, says why and what was asked for, and recording went on
    result = reply.result(0)
    assert result.segments == 2
    path = bench.directory.captures / "night.tapio"
    assert result.path == str(path)
    capture = open_capture(path)
    assert list(capture.verify()) == []
    assert capture.info.frozen_because == "it broke\\x1b[31m"
    asked = capture.info.asked_to_unix_nano - capture.info.asked_from_unix_nano
    assert asked == 31 * SECOND
    assert capture.info.achieved_from_unix_nano <= capture.info.asked_from_unix_nano + 31 * SECOND
    assert len([row for row in read_table(path, "pressure") if row["event_seq"] > 2]) >= 6
    assert list(bench.directory.frozen.iterdir()) == []
    bench.turn(rows=1)
    bench.daemon.finish()
    assert len(read_table(bench.directory.ring, "pressure")) >= 12


def test_several_freezes_at_once_each_have_their_window(bench: Bench):
    bench.turn(rows=1)
    replies = [freeze(bench, name=f"f{number}", after_ns=number * SECOND) for number in range(3)]
    for _ in range(20):
        bench.turn(rows=1)
    bench.work(lambda: all(reply.done() for reply in replies))
    sizes = [len(read_table(Path(reply.result(0).path), "pressure")) for reply in replies]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2]


def test_retention_takes_nothing_from_a_freeze(tmp_path: Path):
    # GIVEN a sealed segment, and a freeze that still waits for its window to end
    bench = Bench(tmp_path / "data", ring=RingConfig(keep_free_bytes=0, max_age_ns=90 * SECOND))
    bench.turn(rows=3)
    bench.turn(61, rows=1)
    bench.work(lambda: bench.store.segments == 1)
    (sealed,) = bench.directory.ring.iterdir()
    reply = freeze(bench, name="kept", after_ns=300 * SECOND, before_ns=600 * SECOND)

    # WHEN the ring lets go of it meanwhile
    bench.turn(200)
    assert not sealed.exists()
    assert not reply.done()
    bench.turn(101)
    bench.work(reply.done)

    # THEN the capture has it
    numbers = sorted(row["event_seq"] for row in read_table(Path(reply.result(0).path), "pressure"))
    assert numbers[:5] == list(range(5))
    bench.daemon.finish()


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/b", ".hidden", "x" * 200, "a\nb", "..", "-rf"])
def test_a_name_is_never_a_path(bench: Bench, name: str):
    reply = freeze(bench, name=name)
    with pytest.raises(UsageError):
        reply.result(0)
    assert bench.store.pending_freezes == 0


def test_without_a_name_the_recorder_chooses_one(bench: Bench):
    bench.turn(rows=1)
    reply = freeze(bench, name="", after_ns=0)
    bench.work(reply.done)
    path = Path(reply.result(0).path)
    assert path.parent == bench.directory.captures
    assert path.name.startswith("freeze-")


def test_a_capture_is_never_written_over(bench: Bench):
    bench.turn(rows=1)
    reply = freeze(bench, name="once.tapio", after_ns=0)
    bench.work(reply.done)
    assert Path(reply.result(0).path).name == "once.tapio"
    with pytest.raises(OutputError):
        freeze(bench, name="once").result(0)


def test_a_negative_window_is_refused(bench: Bench):
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
    assert bench.store.pending_freezes == 1
    assert bench.store.last_freeze is None

    # WHEN the window has passed
    bench.turn(1)
    bench.work(lambda: bench.store.pending_freezes == 0)

    # THEN there is one capture, with both kills, that says what it was frozen for
    (path,) = bench.directory.captures.glob("auto-oom-kill-*.tapio")
    assert [row["process.command"] for row in read_table(path, "oom")] == ["cache", "api"]
    capture = open_capture(path)
    assert "oom.kill in table oom" in (capture.info.frozen_because or "")
    assert "process.command cache" in (capture.info.frozen_because or "")
    # AND a kill soon after is counted, and freezes only when the interval is over
    bench.kills.kill(bench.clock())
    bench.turn()
    assert bench.store.pending_freezes == 0
    assert bench.store.suppressed_freezes == 1
    bench.turn(301)
    bench.kills.kill(bench.clock())
    bench.turn()
    assert bench.store.pending_freezes == 1


def test_triggers_are_configured_by_table_event_and_severity(tmp_path: Path):
    config = FreezeConfig(after_ns=SECOND, triggers=(TriggerConfig("pressure", None, 17),))
    bench = Bench(tmp_path / "data", freeze=config)
    bench.turn(rows=5)
    bench.kills.kill(bench.clock())
    bench.turn()
    assert bench.store.pending_freezes == 0
    bench.source.waiting.append(make_rows([bench.clock()], severity=17))
    bench.turn()
    assert bench.store.pending_freezes == 1
    bench.daemon.finish()


def test_automatic_captures_make_room_and_those_of_people_stay(tmp_path: Path):
    config = FreezeConfig(after_ns=0, min_interval_ns=0, max_capture_bytes=1)
    bench = Bench(tmp_path / "data", freeze=config)
    captures = bench.directory.captures
    bench.turn(rows=1)
    for _ in range(2):
        bench.kills.kill(bench.clock())
        bench.turn(0.1)
        bench.work(lambda: bench.store.pending_freezes == 0)
        bench.turn(1)
    assert len(list(captures.glob("auto-*.tapio"))) == 1, "the older one made room"
    reply = freeze(bench, name="mine")
    bench.work(reply.done)
    bench.kills.kill(bench.clock())
    bench.turn(1)
    assert (captures / "mine.tapio").exists()
    assert "max_capture_bytes" in bench.store.freeze_problem
    bench.daemon.finish()


def test_stopping_ends_what_is_on_its_way(bench: Bench):
    reply = freeze(bench, name="late", after_ns=3_000 * SECOND)
    bench.daemon.finish()
    with pytest.raises(UnavailableError, match="is stopping"):
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


def test_damage_in_a_journal_becomes_losses_of_its_segment(tmp_path: Path, bench: Bench):
    # GIVEN a recorder that was killed, and one frame of its journal damaged meanwhile
    for _ in range(4):
        bench.turn(1.1, rows=2)
    path = bench.daemon.store.open_journal
    assert path is not None
    content = bytearray(path.read_bytes())
    crashed = tmp_path / "crashed"
    (crashed / "journal").mkdir(parents=True)
    content[-20] ^= 1
    (crashed / "journal" / path.name).write_bytes(content)

    # WHEN it starts again
    second = Bench(crashed, begin=1_100)
    second.work(lambda: second.store.segments == 1)

    # THEN the segment has the other frames, and says what it misses; the damaged journal is kept
    rows = read_table(crashed / "ring", "pressure")
    assert len(rows) == 7
    losses = [row for row in read_table(crashed / "ring", "loss") if row["loss.reason"] == "damaged"]
    assert [(row["loss.table"], row["loss.count"]) for row in losses] == [("pressure", 2)]
    assert len(list((crashed / "quarantine").iterdir())) == 1
    second.daemon.finish()
    numbers = [row["event_seq"] for row in read_table(crashed / "ring", "loss")]
    assert numbers == list(range(len(numbers))), "and the numbers of losses stay dense"


class Slow(OomLike):
    """A source whose peer answers when the test says so."""

    spec = dataclasses.replace(OomLike.spec, opens_slowly=True)

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = threading.Event()

    def open(self, context: SourceContext) -> None:
        assert self.may_answer.wait(30)
        super().open(context)


class SlowBench(Bench):
    """A recorder with a source that opens slowly."""

    def __init__(self, data: Path) -> None:
        self.slow = Slow()
        super().__init__(data, kills=self.slow)

    def answer(self) -> None:
        """The peer answers, and the recorder has noticed."""
        self.slow.may_answer.set()
        self.daemon.sources.await_openings(30)
        self.turn()

    def losses(self) -> list[dict[str, object]]:
        """What is told in the end."""
        self.daemon.finish()
        return read_table(self.directory.ring, "loss")


def test_a_peer_that_does_not_answer_holds_up_nobody_and_its_start_is_no_failure(tmp_path: Path):
    # GIVEN a source whose peer lets it wait
    bench = SlowBench(tmp_path)
    begin = bench.clock()

    # WHEN others have something to tell THEN it is recorded
    bench.turn(2, rows=1)
    assert bench.acknowledged["pressure"] == 2
    assert bench.slow.opened == 0
    assert {source.name: source.state for source in bench.daemon.status.sources}["oom"] == SourceState.STARTING
    # AND when the peer answers, the source begins
    opened = bench.clock()
    bench.answer()
    bench.slow.kill(bench.clock())
    bench.turn(2)
    assert bench.acknowledged["oom"] == 1
    # AND what was missed is told once, exactly, and as what it is
    (told,) = bench.losses()
    assert (told["loss.table"], told["loss.reason"], told["loss.detail"]) == ("oom", "starting", None)
    assert (told["loss.from_boot_ns"], told["loss.to_boot_ns"]) == (begin, opened)


def test_a_capture_of_a_time_in_which_a_source_was_still_starting_says_so(tmp_path: Path):
    # GIVEN a peer that has not answered WHEN somebody freezes
    bench = SlowBench(tmp_path)
    bench.turn(rows=1)
    reply = freeze(bench, after_ns=0)
    bench.work(reply.done)

    # THEN the capture alone says that the table is not in it
    (told,) = read_table(Path(reply.result(0).path), "loss")
    assert (told["loss.table"], told["loss.reason"]) == ("oom", "starting")
    bench.answer()
    bench.daemon.finish()


def test_a_source_that_cannot_be_opened_in_the_end_was_not_starting_but_failed(tmp_path: Path):
    bench = SlowBench(tmp_path)
    bench.slow.open_error = UnavailableError("the API server refuses access")

    # WHEN the peer refuses THEN all of the time is a failure, with its reason
    bench.turn(2)
    bench.answer()
    told = bench.losses()
    assert {(row["loss.table"], row["loss.reason"], row["loss.detail"]) for row in told} == {
        ("oom", "source_failed", "the API server refuses access")
    }
    assert any("source oom is not running: the API server refuses access" in line for line in bench.log)


def test_an_unusable_directory_stops_the_start(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TapioError):
        Bench(tmp_path / "file" / "data")
