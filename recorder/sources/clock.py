"""Source `clock`: snapshots of the node's clocks, and jumps of the wall clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from formats.clock import ClockSnapshot
from formats.rows.clock_row import clock_row
from formats.tables import clock
from recorder.cgroup_tree import read_text
from recorder.linux.clocks import read_clocks
from recorder.polled_source import PolledSource, Row
from recorder.source import Profile, SourceContext, SourceSpec

_DRIFT_NS = 1_000_000
"""A row is written when the wall clock has moved this far from the last one: all rows' wall clocks are that exact."""


class ClockSource(PolledSource):
    """Reads the clocks at each look; a row every `snapshot_s`, and at once when the wall clock was set.

    Args:
        read: reads the clocks; a parameter for tests.
    """

    spec = SourceSpec(
        table=clock.TABLE,
        needs=(),
        profile=Profile.LEAN,
        cost="some clock readings every 5 s: 0.1 ms",
        options={"interval_s": 5, "snapshot_s": 60, "jump_ms": 50},
    )

    def __init__(self, read: Callable[[], ClockSnapshot] = read_clocks) -> None:
        super().__init__()
        self._read_clocks = read
        self.newest: ClockSnapshot | None = None
        """What the newest row says: the recorder gives every row its wall clock by it."""
        self._clocksource = ""
        self._boot_id = ""

    def begin(self, context: SourceContext) -> None:
        """Read what does not change while the node runs."""
        clocksource = context.sysfs / "devices/system/clocksource/clocksource0/current_clocksource"
        self._clocksource = read_text(clocksource).strip() or "unknown"
        self._boot_id = read_text(context.proc / "sys/kernel/random/boot_id").strip() or "unknown"

    def rows(self, context: SourceContext) -> Iterator[Row]:
        """One snapshot: a segment's wall clock and boot clock are tied together at its start."""
        yield self._follow(context, self._read_clocks())

    def changes(self, context: SourceContext) -> Iterator[Row]:
        """A snapshot when one is due or the wall clock drifted off the last row's, or a jump if it was set.

        An NTP slew of at most 500 ppm moves the clocks apart by 2.5 ms in 5 s, so a larger step was made by somebody.
        """
        now, before = self._read_clocks(), self.newest
        if before is None:
            yield self._follow(context, now)
            return
        moved_ns = abs(now.unix_minus_boot_ns - before.unix_minus_boot_ns)
        age_ns = now.boot_time_ns - before.boot_time_ns
        if moved_ns >= int(context.options["jump_ms"]) * 1_000_000:
            yield self._follow(context, now, is_jump=True)
        elif moved_ns >= _DRIFT_NS or age_ns >= int(context.options["snapshot_s"]) * 1_000_000_000:
            yield self._follow(context, now)

    def end(self) -> None:
        """Forget the newest snapshot."""
        self.newest = None

    def _follow(self, context: SourceContext, snapshot: ClockSnapshot, *, is_jump: bool = False) -> Row:
        self.newest = snapshot
        context.wall_clock.follow(snapshot)
        return clock_row(snapshot, is_jump=is_jump, clocksource=self._clocksource, boot_id=self._boot_id)
