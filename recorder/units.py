"""Sizes and durations as people write them in configuration: `64MiB`, `10m`, `1.5h` is not one of them."""

from __future__ import annotations

import re

_BYTES = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_NANOSECONDS = {
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}
_AMOUNT = re.compile(r"([0-9]{1,18}) ?([A-Za-z]*)", re.ASCII)


def parse_bytes(value: object) -> int:
    """Bytes of a whole number, alone or with B, KiB, MiB, GiB or TiB.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2] not in _BYTES:
        raise ValueError("a size is a whole number with B, KiB, MiB, GiB or TiB, such as 64MiB")
    return int(match[1]) * _BYTES[match[2]]


def parse_duration(value: object) -> int:
    """Nanoseconds of a whole number with ms, s, m, h or d.

    Raises:
        ValueError: it is something else, a number without a unit for one.
    """
    match = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2] not in _NANOSECONDS:
        raise ValueError("a duration is a whole number with ms, s, m, h or d, such as 10m")
    return int(match[1]) * _NANOSECONDS[match[2]]


def format_bytes(count: int) -> str:
    """A size for people, in the largest unit that leaves at least 1: `12.4 MiB`."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if count >= _BYTES[unit]:
            return f"{count / _BYTES[unit]:.1f} {unit}"
    return f"{count} B"


def format_duration(nanoseconds: int) -> str:
    """A duration for people, in at most two units: `2h 5m`, `31s`, `250ms`."""
    if nanoseconds < _NANOSECONDS["s"]:
        return f"{nanoseconds // _NANOSECONDS['ms']}ms"
    parts = []
    for unit in ("d", "h", "m", "s"):
        amount, nanoseconds = divmod(nanoseconds, _NANOSECONDS[unit])
        if amount:
            parts.append(f"{amount}{unit}")
    return " ".join(parts[:2])
