"""Times, spans and amounts as people read them. Times come as the document's RFC 3339 texts, always UTC."""

from __future__ import annotations

from datetime import UTC, datetime

_SPANS = ((86_400_000_000_000, "d"), (3_600_000_000_000, "h"), (60_000_000_000, "min"), (1_000_000_000, "s"))
_BYTES = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
_FIGURE_SPACE = "\N{NO-BREAK SPACE}"


def unix_nanos(time: str) -> int:
    """Unix nanoseconds of a time of the document; exact."""
    seconds = int(datetime.fromisoformat(f"{time[:19]}+00:00").astimezone(UTC).timestamp())
    return seconds * 1_000_000_000 + int(time[20:29])


def clock_time(time: str) -> str:
    """`21:13:02.404`: the time of day with milliseconds."""
    return time[11:23]


def clock_minute(time: str) -> str:
    """`21:13:02`: the time of day."""
    return time[11:19]


def day(time: str) -> str:
    """`2026-11-20`."""
    return time[:10]


def span(nanos: int) -> str:
    """A span in its two largest units (`6 min 35 s`), or in one below a minute (`17.0 s`, `629 ms`, `2 µs`)."""
    size = abs(nanos)
    sign = "−" if nanos < 0 else ""
    if size < 1_000:
        return f"{sign}{size}{_FIGURE_SPACE}ns"
    if size < 1_000_000:
        return f"{sign}{size / 1_000:.0f}{_FIGURE_SPACE}µs"
    if size < 999_500_000:
        return f"{sign}{size / 1_000_000:.0f}{_FIGURE_SPACE}ms"
    if size < 59_950_000_000:
        return f"{sign}{size / 1_000_000_000:.1f}{_FIGURE_SPACE}s"
    seconds = round(size / 1_000_000_000)
    parts: list[str] = []
    for unit_nanos, unit in _SPANS:
        count, seconds = divmod(seconds, unit_nanos // 1_000_000_000)
        if count and len(parts) < 2:
            parts.append(f"{count}{_FIGURE_SPACE}{unit}")
        elif parts:
            break
    return sign + _FIGURE_SPACE.join(parts)


def lag(nanos: int) -> str:
    """How long after the cause the effect came, as a phrase."""
    if nanos == 0:
        return "at the same moment"
    return f"{span(nanos)} later" if nanos > 0 else f"seen {span(-nanos)} earlier"


def before(nanos: int) -> str:
    """How long before the effect the cause was, as a phrase."""
    if nanos == 0:
        return "at the same moment"
    return f"{span(nanos)} before" if nanos > 0 else f"{span(-nanos)} after"


def number(value: int) -> str:
    """`12 345`, with no-break spaces, as ISO 31 writes it; up to four digits are left together."""
    return f"{value:,}".replace(",", _FIGURE_SPACE) if abs(value) >= 10_000 else str(value)


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """`1 pod`, `3 pods`."""
    return f"{number(count)} {singular if count == 1 else plural or singular + 's'}"


def amount(value: int, unit: str | None) -> str:
    """A value with its unit of the catalog: `By` in binary multiples, `ns` as a span, `1` bare, others as they are."""
    if unit == "By":
        for size, name in _BYTES:
            if abs(value) >= size:
                return f"{value / size:.4g}{_FIGURE_SPACE}{name}"
        return f"{value}{_FIGURE_SPACE}B"
    if unit == "ns":
        return span(value)
    if unit in (None, "1"):
        return number(value)
    return f"{number(value)}{_FIGURE_SPACE}{unit}"


def percent(fraction: float) -> str:
    """`93 %`; never 100 % for what is not certain, never 0 % for what is not impossible."""
    shown = round(fraction * 100)
    if shown == 100 and fraction < 1:
        shown = 99
    if shown == 0 and fraction > 0:
        shown = 1
    return f"{shown}{_FIGURE_SPACE}%"
