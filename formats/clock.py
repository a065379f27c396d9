"""Clock snapshots: what ties the clocks of one node together. No clock is read here."""

from __future__ import annotations

from dataclasses import dataclass

from formats.decoding import Nanoseconds


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment by two clocks.

    Attributes:
        unix_nano: wall clock, ns.
        boot_ns: CLOCK_BOOTTIME, ns.
    """

    unix_nano: int
    boot_ns: int


@dataclass(frozen=True, slots=True)
class ClockSnapshot:
    """Readings of several clocks at one instant.

    Attributes:
        time_unix_nano: CLOCK_REALTIME, ns.
        boot_time_ns: CLOCK_BOOTTIME, ns.
        monotonic_ns: CLOCK_MONOTONIC, ns.
        read_window_ns: how long the reading took: its own uncertainty, ns.
        max_error_ns: adjtimex maxerror, ns; None if the kernel does not report it.
        is_synchronized: False if adjtimex says STA_UNSYNC.
    """

    time_unix_nano: Nanoseconds
    boot_time_ns: Nanoseconds
    monotonic_ns: Nanoseconds
    read_window_ns: Nanoseconds
    max_error_ns: Nanoseconds | None
    is_synchronized: bool

    @property
    def unix_minus_boot_ns(self) -> int:
        """What to add to a CLOCK_BOOTTIME to get the wall clock, by this snapshot."""
        return self.time_unix_nano - self.boot_time_ns
