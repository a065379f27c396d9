"""Durations as people write them in YAML: `250ms`, `10s`, `5m`, `2h`, `-3s`."""

from __future__ import annotations

import re

_UNITS_NS = {"ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000, "h": 3_600_000_000_000}
_DURATION = re.compile(r"(-?)([0-9]{1,9})(ms|s|m|h)", re.ASCII)
_MAX_NS = 30 * 24 * 3_600_000_000_000
"""30 days. Why: no capture is longer, and sums of times and lags stay far inside 64 bits."""


def parse_duration(text: str) -> int:
    """Nanoseconds of a duration.

    Raises:
        ValueError: with a clause that says what is expected.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"`{text}` is no duration: expected a whole number and ms, s, m or h, such as 90s")
    duration = int(match[2]) * _UNITS_NS[match[3]]
    if duration > _MAX_NS:
        raise ValueError(f"`{text}` is longer than 30 days")
    return -duration if match[1] else duration


def format_duration(duration_ns: int) -> str:
    """A duration for people, two units at most: `1 h 5 min`, `2 min 3 s`, `8.0 s`, `350 ms`, `0 ms`."""
    sign, rest = ("-", -duration_ns) if duration_ns < 0 else ("", duration_ns)
    seconds, remainder = divmod(rest, 1_000_000_000)
    if seconds >= 3600:
        return f"{sign}{seconds // 3600} h {seconds % 3600 // 60} min"
    if seconds >= 60:
        return f"{sign}{seconds // 60} min {seconds % 60} s"
    if seconds >= 1:
        return f"{sign}{seconds}.{remainder // 100_000_000} s"
    return f"{sign}{remainder // 1_000_000} ms"
