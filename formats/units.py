"""Durations and sizes as people write and read them: `10m`, `64MiB` in YAML, `6 min 35 s`, `12.4 MiB` in texts."""

from __future__ import annotations

import re

_BYTES = {
    "B": 1,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "TiB": 1 << 40,
    "PiB": 1 << 50,
    "EiB": 1 << 60,
}
_WRITTEN_BYTES = ("", "B", "KiB", "MiB", "GiB", "TiB")
_NANOSECONDS = {
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}
_AMOUNT = re.compile(r"(-?)([0-9]{1,18}) ?([A-Za-z]*)", re.ASCII)
_LONG_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def parse_duration(value: object, *, is_signed: bool = False) -> int:
    """Nanoseconds of a whole number with ms, s, m, h or d: `250ms`, `10m`, `7d`.

    Args:
        value: what YAML or a command line has there.
        is_signed: whether it may be negative: `-3s`.

    Raises:
        ValueError: it is something else, a number without a unit for one; with a clause that says what is expected.
    """
    match = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[3] not in _NANOSECONDS or (match[1] and not is_signed):
        raise ValueError("a duration is a whole number with ms, s, m, h or d, such as 10m")
    nanoseconds = int(match[2]) * _NANOSECONDS[match[3]]
    return -nanoseconds if match[1] else nanoseconds


def parse_bytes(value: object) -> int:
    """Bytes of a whole number, alone or with B, KiB, MiB, GiB or TiB.

    Raises:
        ValueError: it is something else; with a clause that says what is expected.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[1] or match[3] not in _WRITTEN_BYTES:
        raise ValueError("a size is a whole number with B, KiB, MiB, GiB or TiB, such as 64MiB")
    return int(match[2]) * _BYTES[match[3] or "B"]


def format_duration(nanoseconds: int) -> str:
    """A duration in its two largest units, or in one below a minute; what is smaller is cut off, a zero left out.

    Returns:
        `1 h 5 min`, `2 min`, `8.0 s`, `350 ms`, `12 µs`, `-3.0 s`; `0 ms` for nothing.
    """
    sign, size = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if size == 0:
        return "0 ms"
    if size < 1_000:
        return f"{sign}{size} ns"
    if size < 1_000_000:
        return f"{sign}{size // 1_000} µs"
    if size < 1_000_000_000:
        return f"{sign}{size // 1_000_000} ms"
    seconds, rest = divmod(size, 1_000_000_000)
    if seconds < 60:
        return f"{sign}{seconds}.{rest // 100_000_000} s"
    first = next(index for index, (length, _) in enumerate(_LONG_UNITS) if seconds >= length)
    parts = []
    for length, unit in _LONG_UNITS[first : first + 2]:
        count, seconds = divmod(seconds, length)
        if count:
            parts.append(f"{count} {unit}")
    return sign + " ".join(parts)


def format_bytes(count: int) -> str:
    """A size with four digits, in the largest unit that leaves at least 1: `12.4 MiB`, `64 MiB`, `1023 B`."""
    for unit, size in reversed(_BYTES.items()):
        if abs(count) >= size:
            return f"{count / size:.4g} {unit}"
    return f"{count} B"
