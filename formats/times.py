"""RFC 3339 times: the one writer and the one reader, and the only file of `formats` that may use `datetime`.

It is used for its calendar. Why integers everywhere else: `datetime` has no nanoseconds.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

NANOSECONDS = 1_000_000_000
"""Nanoseconds of one second."""

_EPOCH = datetime(1970, 1, 1)
_FIRST_NS, _LAST_NS = 0, 253_402_300_799_999_999_999
"""Years 1970 to 9999: what is written. Why bounds: times of a hostile capture can be anything in 64 bits."""

_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9})[0-9]*)?"
    r"(?:[Zz]|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))"
)


def format_time(time_unix_nano: int) -> str:
    """RFC 3339 in UTC with nine decimals: `2026-11-21T02:11:43.000000001Z`.

    Args:
        time_unix_nano: Unix time in ns; what lies outside of the years 1970 to 9999 is moved to the nearest moment
            inside.
    """
    seconds, nanoseconds = divmod(min(max(time_unix_nano, _FIRST_NS), _LAST_NS), NANOSECONDS)
    return f"{(_EPOCH + timedelta(seconds=seconds)).isoformat()}.{nanoseconds:09d}Z"


def parse_time(text: str) -> int:
    """Unix time in ns of an RFC 3339 time; decimals beyond nine are cut. A leap second is the second after it.

    Raises:
        ValueError: with a clause that says what is expected.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:64]!r} is not an RFC 3339 time, such as 2026-11-21T02:11:43Z")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    is_leap_second = second == 60
    try:
        moment = datetime(year, month, day, hour, minute, second - is_leap_second)
    except ValueError as problem:
        raise ValueError(f"{text[:64]!r} is not an RFC 3339 time: {problem}") from None
    offset = (int(match[9] or 0) * 3_600 + int(match[10] or 0) * 60) * (-1 if match[8] == "-" else 1)
    since = moment - _EPOCH
    seconds = since.days * 86_400 + since.seconds + is_leap_second - offset
    return seconds * NANOSECONDS + int((match[7] or "").ljust(9, "0"))


def format_time_in(time_unix_nano: int, zone: ZoneInfo) -> str:
    """RFC 3339 in a time zone with nine decimals: `2026-11-21T03:11:43.000000001+01:00`; in UTC as `format_time`.

    Args:
        time_unix_nano: as of `format_time`.
        zone: of the place.
    """
    offset_ns = offset_at(time_unix_nano, zone)
    minutes = abs(offset_ns) // (60 * NANOSECONDS)
    mark = f"{'-' if offset_ns < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}" if minutes else "Z"
    return f"{format_time(time_unix_nano + offset_ns)[:-1]}{mark}"


def offset_at(time_unix_nano: int, zone: ZoneInfo) -> int:
    """How far the clocks of a zone are before UTC at a moment, ns; in whole minutes, as RFC 3339 writes it."""
    seconds = min(max(time_unix_nano, _FIRST_NS), _LAST_NS) // NANOSECONDS
    return _offset_of((_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=UTC).astimezone(zone))


def from_wall_clock(time_unix_nano: int, zone: ZoneInfo) -> int:
    """Unix ns of what the clocks of a zone show: of two moments the first, of none the one after the gap.

    Args:
        time_unix_nano: what they show, as if it was UTC.
        zone: of the place.
    """
    seconds = min(max(time_unix_nano, _FIRST_NS), _LAST_NS) // NANOSECONDS
    return time_unix_nano - _offset_of((_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=zone))


def _offset_of(moment: datetime) -> int:
    offset = moment.utcoffset() or timedelta()
    return round(offset.total_seconds() / 60) * 60 * NANOSECONDS
