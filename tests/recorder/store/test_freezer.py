"""Freezes of a whole recorder: their windows, their names, what freezes by itself, what is deleted for it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from formats.capture.reading import open_capture
from formats.errors import OutputError, UnavailableError, UsageError
from recorder.config import FreezeConfig, RingConfig, TriggerConfig
from tests.recorder.recorder_bench import Bench, freeze, read_table
from tests.recorder.recorder_fakes import SECOND, make_rows

pytestmark = pytest.mark.usefixtures("inline_children")


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


def test_a_window_in_the_past_is_frozen_at_once(bench: Bench):
    # GIVEN an hour of recording
    bench.source.state = []
    for _ in range(60):
        bench.turn(61, rows=1)
    bench.work(lambda: bench.store.segments > 50)
    now = bench.daemon.store._wall_clock.at(bench.clock()).unix_nano

    # WHEN somebody asks for ten minutes of it, that ended half an hour ago
    window = (now - 2_400 * SECOND, now - 1_800 * SECOND)
    reply = freeze(bench, name="earlier", window_unix_nano=window)
    bench.work(reply.done)

    # THEN the capture has what was recorded then, and its figures are right
    result = reply.result(0)
    capture = open_capture(Path(result.path))
    assert (capture.info.asked_from_unix_nano, capture.info.asked_to_unix_nano) == window
    assert abs(result.achieved_from_unix_nano - window[0]) < 122 * SECOND
    assert abs(result.achieved_to_unix_nano - window[1]) < 122 * SECOND
    assert (result.events, result.sha256) == (
        capture.events,
        hashlib.sha256(Path(result.path).read_bytes()).hexdigest(),
    )
    assert result.losses == sum(total.count for total in capture.info.loss)


def test_a_window_that_the_ring_does_not_have_is_refused_with_a_reason(bench: Bench):
    bench.turn(rows=1)
    reply = freeze(bench, name="long-ago", window_unix_nano=(SECOND, 2 * SECOND))
    bench.work(reply.done)
    with pytest.raises(UnavailableError, match="nothing was recorded in the window"):
        reply.result(0)


@pytest.mark.parametrize("offsets", [(0, 3_601), (5, 4)])
def test_a_window_that_is_none_or_ends_too_late_is_refused(bench: Bench, offsets: tuple[int, int]):
    bench.turn(rows=1)
    now = bench.daemon.store._wall_clock.at(bench.clock()).unix_nano
    reply = freeze(bench, window_unix_nano=tuple(now + offset * SECOND + SECOND for offset in offsets))
    with pytest.raises(UsageError):
        reply.result(0)


def test_bounded_freezes_delete_automatic_captures_and_then_are_refused(tmp_path: Path):
    # GIVEN captures beyond the limit, of which one is automatic
    bench = Bench(tmp_path / "data", freeze=FreezeConfig(after_ns=0, max_capture_bytes=8192))
    bench.turn(rows=1)
    for name in ("auto-old", "mine"):
        (bench.directory.captures / f"{name}.tapio").write_bytes(b"x" * 8192)
    # WHEN freezes are asked for that must stay within it
    reply = freeze(bench, name="night", is_bounded=True)
    # THEN the automatic one goes, and as that is not enough the freeze is refused
    with pytest.raises(UnavailableError, match="max_capture_bytes"):
        reply.result(0)
    assert [path.name for path in bench.directory.captures.iterdir()] == ["mine.tapio"]
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
