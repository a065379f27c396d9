"""Clock snapshots: a set clock is a jump, a slewed one is not."""

from __future__ import annotations

from formats.clock import ClockSnapshot
from recorder.sources.clock import ClockSource
from tests.recorder.recorder_fakes import SECOND
from tests.recorder.sources.fake_host import FakeHost, rows_of

BUDGET = 10**12


class WallClock:
    """Clocks as the test says."""

    def __init__(self, host: FakeHost) -> None:
        self.host = host
        self.offset = 1_700_000_000 * SECOND

    def __call__(self) -> ClockSnapshot:
        now = self.host.clock()
        return ClockSnapshot(now + self.offset, now, now, 100, 5_000, is_synchronized=True)


def test_a_set_clock_is_a_jump_and_a_slewed_one_a_snapshot(host: FakeHost):
    # GIVEN a clock that was told once
    wall = WallClock(host)
    source = ClockSource(wall)
    host.open(source)
    (row,) = rows_of(source.snapshot())
    assert (row["event_name"], row["clock.max_error_ns"], row["clock.source"]) == ("clock.snapshot", 5_000, "unknown")

    def look(after_seconds: float = 5) -> list[object]:
        host.clock.pass_seconds(after_seconds)
        return [row["event_name"] for row in rows_of(source.drain(BUDGET))]

    # THEN a quiet clock is told once a minute
    assert [look() for _ in range(13)].count(["clock.snapshot"]) == 1
    # AND slewing is told when it adds up to a millisecond, so that every row's wall clock is that exact
    wall.offset += 400_000
    assert look() == []
    wall.offset += 700_000
    assert look() == ["clock.snapshot"]
    assert source.newest is not None
    assert source.newest.unix_minus_boot_ns == wall.offset
    # AND a step is a jump, in both directions
    wall.offset += 3_600 * SECOND
    assert look() == ["clock.jump"]
    wall.offset -= 7_200 * SECOND
    assert look() == ["clock.jump"]
