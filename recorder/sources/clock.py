"""Source `clock`: snapshots of the node's clocks, and jumps of the wall clock."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from formats.batches import batch_from_rows
from formats.clock import ClockSnapshot
from formats.rows.clock_row import clock_row
from formats.tables import clock
from recorder.cgroup_tree import read_text
from recorder.interval import Interval
from recorder.linux.clocks import read_clocks
from recorder.source import Profile, SourceContext, SourceSpec, SourceStats

_DRIFT_NS = 1_000_000
"""A row is written when the wall clock has moved this far from the last one: all rows' wall clocks are that exact."""


class ClockSource:
    """Reads the clocks each round; a row every `snapshot_s`, and at once when the wall clock was set.

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
        self._read = read
        self._context: SourceContext | None = None
        self._interval: Interval | None = None
        self.newest: ClockSnapshot | None = None
        """What the newest row says: the recorder gives every row its wall clock by it."""
        self._clocksource = ""
        self._boot_id = ""
        self._produced = 0

    def open(self, context: SourceContext) -> None:
        """Reads what does not change while the node runs."""
        clocksource = context.sysfs / "devices/system/clocksource/clocksource0/current_clocksource"
        self._clocksource = read_text(clocksource).strip() or "unknown"
        self._boot_id = read_text(context.proc / "sys/kernel/random/boot_id").strip() or "unknown"
        self._context = context
        self._interval = Interval(int(context.options["interval_s"]) * 1_000_000_000, context.boot_time_ns)

    def drain(self, budget_ns: int) -> list[pa.RecordBatch]:  # noqa: ARG002 - one look is short
        """A snapshot when one is due or the wall clock drifted off the last row's, or a jump if it was set.

        An NTP slew of at most 500 ppm moves the clocks apart by 2.5 ms in 5 s, so a larger step was made by somebody.
        """
        if self._context is None or self._interval is None or not self._interval.is_over():
            return []
        now, before = self._read(), self.newest
        if before is None:
            return self._batch(now)
        moved_ns = abs(now.unix_minus_boot_ns - before.unix_minus_boot_ns)
        if moved_ns >= int(self._context.options["jump_ms"]) * 1_000_000:
            return self._batch(now, is_jump=True)
        age_ns = now.boot_time_ns - before.boot_time_ns
        if moved_ns >= _DRIFT_NS or age_ns >= int(self._context.options["snapshot_s"]) * 1_000_000_000:
            return self._batch(now)
        return []

    def snapshot(self) -> list[pa.RecordBatch]:
        """One snapshot: a segment's wall clock and boot clock are tied together at its start."""
        if self._context is None:
            return []
        return self._batch(self._read())

    def stats(self) -> SourceStats:
        """The running totals."""
        return SourceStats(produced=self._produced)

    def wake_fds(self) -> tuple[int, ...]:
        """None: polling follows the timer."""
        return ()

    def close(self) -> None:
        """Forgets everything."""
        self._context = None
        self._interval = None
        self.newest = None

    def _batch(self, snapshot: ClockSnapshot, *, is_jump: bool = False) -> list[pa.RecordBatch]:
        self.newest = snapshot
        if self._context is not None:
            self._context.wall_clock.follow(snapshot)
        self._produced += 1
        row = clock_row(snapshot, is_jump=is_jump, clocksource=self._clocksource, boot_id=self._boot_id)
        return [batch_from_rows(clock.TABLE, [row])]
