"""Times as the document writes them: RFC 3339 in UTC with nine decimals."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?([Zz]|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
_FIRST_NS, _LAST_NS = 0, 253_402_300_799_999_999_999
"""Years 1970 to 9999: what can be written at all. Why bounds: times of a hostile capture can be anything in 64 bits."""


def format_time(unix_ns: int) -> str:
    """RFC 3339 of unix nanoseconds; what lies outside of the years 1970 to 9999 is moved to their nearest moment."""
    seconds, nanoseconds = divmod(min(max(unix_ns, _FIRST_NS), _LAST_NS), 1_000_000_000)
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def parse_time(text: str) -> int:
    """Unix nanoseconds of an RFC 3339 time with seconds and an offset.

    Raises:
        ValueError: with a clause that says what is expected.
    """
    match = _RFC3339.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"`{text}` is no time: expected RFC 3339 such as 2026-11-21T02:17:50Z")
    offset = "+00:00" if match[4] in "Zz" else match[4]
    try:
        moment = datetime.fromisoformat(f"{match[1]}T{match[2]}{offset}")
    except ValueError as problem:
        raise ValueError(f"`{text}` is no time: {problem}") from None
    whole = round((moment - _EPOCH) / timedelta(seconds=1))
    return whole * 1_000_000_000 + int((match[3] or "0").ljust(9, "0"))
