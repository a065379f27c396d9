"""The wall clock by which everything recorded is dated."""

from __future__ import annotations

from formats.clock import ClockSnapshot, Instant


class WallClock:
    """What to add to CLOCK_BOOTTIME to get the wall clock, by the newest snapshot of the clocks.

    The source that reads the clocks keeps it current; rows, names of segments and captures are dated by it.

    Args:
        unix_minus_boot_ns: by the first snapshot.
    """

    def __init__(self, unix_minus_boot_ns: int = 0) -> None:
        self._unix_minus_boot_ns = unix_minus_boot_ns

    @property
    def unix_minus_boot_ns(self) -> int:
        """CLOCK_REALTIME less CLOCK_BOOTTIME, ns."""
        return self._unix_minus_boot_ns

    def follow(self, snapshot: ClockSnapshot) -> None:
        """Go by this snapshot from now on."""
        self._unix_minus_boot_ns = snapshot.unix_minus_boot_ns

    def at(self, boot_ns: int) -> Instant:
        """The instant of a CLOCK_BOOTTIME."""
        return Instant(unix_nano=boot_ns + self._unix_minus_boot_ns, boot_ns=boot_ns)
