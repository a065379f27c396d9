"""Clock snapshots and conversions between clocks and texts: pure functions, no clock is read here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

NANOSECONDS = 1_000_000_000
_DAY = 86_400
_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9})[0-9]*)?"
    r"(?:([Zz])|([+-])([0-9]{2}):([0-9]{2}))"
)
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class ClockSnapshot:
    """Readings of several clocks at one instant.

    Attributes:
        time_unix_nano: CLOCK_REALTIME, ns.
        boot_time_ns: CLOCK_BOOTTIME, ns.
        monotonic_ns: CLOCK_MONOTONIC, ns.
        read_window_ns: how long the reading took: its own uncertainty, ns.
        max_error_ns: adjtimex maxerror, ns; None if the kernel does not tell.
        is_synchronized: False if adjtimex says STA_UNSYNC.
    """

    time_unix_nano: int
    boot_time_ns: int
    monotonic_ns: int
    read_window_ns: int
    max_error_ns: int | None
    is_synchronized: bool

    @property
    def unix_minus_boot_ns(self) -> int:
        """What to add to a CLOCK_BOOTTIME to get the wall clock, by this snapshot."""
        return self.time_unix_nano - self.boot_time_ns


def unix_from_boot(boot_time_ns: int, snapshots: Sequence[ClockSnapshot]) -> int:
    """Wall clock at a CLOCK_BOOTTIME, by the newest snapshot not after it, or the first one if all are after it.

    Args:
        boot_time_ns: the moment, ns.
        snapshots: at least one, in the order of boot time.
    """
    chosen = snapshots[0]
    for snapshot in snapshots:
        if snapshot.boot_time_ns > boot_time_ns:
            break
        chosen = snapshot
    return boot_time_ns + chosen.unix_minus_boot_ns


def boot_from_unix(time_unix_nano: int, snapshots: Sequence[ClockSnapshot]) -> int:
    """CLOCK_BOOTTIME at a wall-clock time, by the newest snapshot whose wall clock is not after it, or the first one.

    After a step backwards of the wall clock one wall-clock time means two moments; the later one is given.
    """
    chosen = snapshots[0]
    for snapshot in snapshots:
        if snapshot.time_unix_nano <= time_unix_nano:
            chosen = snapshot
    return time_unix_nano - chosen.unix_minus_boot_ns


def format_rfc3339(time_unix_nano: int) -> str:
    """RFC 3339 in UTC with nine decimals: `2026-11-21T02:11:43.000000001Z`.

    Source: RFC 3339; days to civil dates by Howard Hinnant's algorithm (proleptic Gregorian calendar).
    """
    seconds, nanoseconds = divmod(time_unix_nano, NANOSECONDS)
    days, second = divmod(seconds, _DAY)
    year, month, day = _date_from_days(days)
    return (
        f"{year:04d}-{month:02d}-{day:02d}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        f".{nanoseconds:09d}Z"
    )


def parse_rfc3339(text: str) -> int:
    """Unix nanoseconds of an RFC 3339 time; decimals beyond nine are cut. A leap second is the second after it.

    Raises:
        ValueError: the text is no RFC 3339 time.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:64]!r} is no RFC 3339 time such as 2026-11-21T02:11:43Z")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    leap_day = month == 2 and day == 29 and not (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))
    if not (1 <= month <= 12 and 1 <= day <= _MONTH_DAYS[month - 1] and hour <= 23 and minute <= 59 and second <= 60):
        raise ValueError(f"{text[:64]!r} has a part that no calendar or clock has")
    if leap_day:
        raise ValueError(f"{text[:64]!r} names a 29 February that the year does not have")
    offset = 0
    if match[9]:
        offset = (int(match[10]) * 3600 + int(match[11]) * 60) * (1 if match[9] == "+" else -1)
    seconds = _days_from_date(year, month, day) * _DAY + hour * 3600 + minute * 60 + second - offset
    return seconds * NANOSECONDS + int((match[7] or "").ljust(9, "0"))


def _days_from_date(year: int, month: int, day: int) -> int:
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


def _date_from_days(days: int) -> tuple[int, int, int]:
    era, day_of_era = divmod(days + 719_468, 146_097)
    year = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year + year // 4 - year // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + (3 if shifted < 10 else -9)
    return era * 400 + year + (month <= 2), month, day_of_year - (153 * shifted + 2) // 5 + 1
