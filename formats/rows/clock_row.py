"""Rows of the table `clock`."""

from __future__ import annotations

from formats.clock import ClockSnapshot
from formats.severity import SeverityNumber


def clock_row(snapshot: ClockSnapshot, *, is_jump: bool, clocksource: str, boot_id: str) -> dict[str, object]:
    """One row of the table `clock`.

    Args:
        snapshot: the readings.
        is_jump: whether the wall clock was set since the row before.
        clocksource: the kernel's clocksource; `imported` for a recording of another program.
        boot_id: of the boot.
    """
    return {
        "boot_time_ns": snapshot.boot_time_ns,
        "event_name": "clock.jump" if is_jump else "clock.snapshot",
        "severity_number": SeverityNumber.WARN if is_jump else SeverityNumber.INFO,
        "clock.monotonic_ns": snapshot.monotonic_ns,
        "clock.read_window_ns": snapshot.read_window_ns,
        "clock.max_error_ns": snapshot.max_error_ns,
        "clock.is_synchronized": snapshot.is_synchronized,
        "clock.source": clocksource,
        "host.boot_id": boot_id,
    }
