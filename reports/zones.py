"""A document whose times are those of a place, for whoever reads it; what is stored stays in UTC."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, TypeVar, cast

from formats.postmortem.document import Document
from formats.times import format_time_in, parse_time
from reports.quantities import clock_minute

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9}Z")
_FIELDS = frozenset(
    {"time", "begin", "end", "first_seen", "last_seen", "made_at", "expected_from", "expected_to", "happened_at"}
)
"""Fields of the document that are times; texts are as recorded."""

_T = TypeVar("_T")


def show_in(document: Document, zone: ZoneInfo) -> Document:
    """The document with its times in a zone, such as `2026-11-21T03:11:43.000000001+01:00`."""
    return _show(document, zone)


def moment(time: str) -> str:
    """`21:13:02Z`, or `22:13:02+01:00`: the time of day with its zone."""
    return clock_minute(time) + ("Z" if time.endswith("Z") else time[-6:])


def zone_words(time: str) -> str:
    """The zone of a time in a sentence: `UTC`, or `UTC+01:00`."""
    return "UTC" if time.endswith("Z") else f"UTC{time[-6:]}"


def _show(value: _T, zone: ZoneInfo) -> _T:
    if isinstance(value, tuple):
        return cast("_T", tuple(_show(item, zone) for item in value))
    if isinstance(value, dict):
        return cast("_T", {key: _show(item, zone) for key, item in value.items()})
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    changed = {}
    for field in dataclasses.fields(value):
        old = getattr(value, field.name)
        is_time = field.name in _FIELDS and isinstance(old, str) and _TIME.fullmatch(old) is not None
        new = format_time_in(parse_time(old), zone) if is_time else _show(old, zone)
        if new is not old:
            changed[field.name] = new
    return cast("_T", dataclasses.replace(value, **changed))
