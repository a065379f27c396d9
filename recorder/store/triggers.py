"""Which recorded events freeze by themselves, as the configuration says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from formats.columns import BOOT_TIME_NS, EVENT_NAME, SEVERITY_NUMBER
from recorder.config import TriggerConfig

_VALUE_CHARACTERS = 120
_VALUES = 6


@dataclass(frozen=True, slots=True)
class Firing:
    """A trigger that an event fired.

    Attributes:
        key: what the rate limit of triggers is by.
        reason: one sentence for people: what was recorded.
    """

    key: str
    reason: str


def find_firings(triggers: Sequence[TriggerConfig], table: str, batch: pa.RecordBatch) -> Iterator[Firing]:
    """For each trigger that the batch fires, its first event."""
    for trigger in triggers:
        row = _find_row(trigger, batch) if trigger.table == table else None
        if row is not None:
            key = (trigger.event_name or trigger.table).replace(".", "-").replace("_", "-")
            yield Firing(key, _describe_row(table, row))


def _find_row(trigger: TriggerConfig, batch: pa.RecordBatch) -> dict[str, Any] | None:
    """The first row that the trigger means; None if there is none."""
    mask = pc.greater_equal(batch.column(SEVERITY_NUMBER.name), trigger.min_severity)
    if trigger.event_name is not None:
        mask = pc.and_(mask, pc.equal(batch.column(EVENT_NAME.name).cast(pa.utf8()), trigger.event_name))
    place = pc.index(mask, value=True).as_py()
    if place < 0:
        return None
    row: dict[str, Any] = batch.slice(place, 1).to_pylist()[0]
    return row


def _describe_row(table: str, row: dict[str, Any]) -> str:
    shown = {
        key: value
        for key, value in row.items()
        if value is not None and key not in (EVENT_NAME.name, BOOT_TIME_NS.name, SEVERITY_NUMBER.name)
    }
    detail = ", ".join(f"{key} {str(value)[:_VALUE_CHARACTERS]}" for key, value in list(shown.items())[:_VALUES])
    return f"{row[EVENT_NAME.name]} in table {table} at boot time {row[BOOT_TIME_NS.name]} ns: {detail}"
