"""Times, spans and amounts as people read them. Times come as the document's RFC 3339 texts, always UTC."""

from __future__ import annotations

from formats.units import format_bytes, format_duration

_FIGURE_SPACE = "\N{NO-BREAK SPACE}"


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
    """A duration (`formats.units.format_duration`) that no line break can tear, with a true minus sign."""
    return format_duration(nanos).replace(" ", _FIGURE_SPACE).replace("-", "−")


def lag(nanos: int) -> str:
    """How long after the cause the effect came, as a phrase. What had begun before went on because of the cause."""
    if nanos == 0:
        return "at the same moment"
    return f"{span(nanos)} later" if nanos > 0 else f"had begun {span(-nanos)} earlier"


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
        return format_bytes(value).replace(" ", _FIGURE_SPACE)
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
