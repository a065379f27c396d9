"""Raw JSON of a Kubernetes Event, in its core/v1 or its events.k8s.io/v1 form → rows of table `kube_event`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from formats.batches import batch_from_rows
from formats.rows.kube_json import Json, clean_text, field, integer, text
from formats.rows.kube_object import Observation
from formats.rows.kube_redaction import Redaction, redact_text
from formats.rows.kube_time import unix_nano
from formats.severity import SeverityNumber
from formats.tables import kube_event

NOTE_CHARACTERS = 16_384
"""Longest message that is kept. Why: events.k8s.io/v1 allows 1 kB, core/v1 has no limit but that of etcd."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """One row of `kube_event` without its time, which its receiver adds. Columns as in `formats.tables.kube_event`.

    Attributes:
        change: how this version became known.
        uid: of the Event object itself.
        type: Normal or Warning.
        reason: in CamelCase, such as BackOff or FailedScheduling.
        note: the message.
        kind: of the regarding object.
        namespace: of the regarding object; None if its kind has none.
        name: of the regarding object.
        object_uid: uid of the regarding object; None if the event does not contain it.
        field_path: part of the object, such as spec.containers{app}; None for the whole object.
        count: occurrences so far.
        count_delta: occurrences since the version before that this recorder received.
        first_unix_nano: Unix time of the first occurrence, ns; None if the event does not contain it.
        last_unix_nano: Unix time of the last occurrence, ns; None if the event does not contain it.
        reporter: component that reported it.
        host: node of the reporter; None if the event does not contain it.
        is_inferred: True if it was found by listing again after a gap.
    """

    change: Observation
    uid: str
    type: str
    reason: str
    note: str
    kind: str
    namespace: str | None
    name: str
    object_uid: str | None
    field_path: str | None
    count: int
    count_delta: int
    first_unix_nano: int | None
    last_unix_nano: int | None
    reporter: str
    host: str | None
    is_inferred: bool

    @property
    def stored_bytes(self) -> int:
        """About how many bytes it holds in memory."""
        return 1_024 + len(self.note)


def event_count(raw: Json) -> int:
    """How often it has happened so far: the larger of `series.count` and `count` (or `deprecatedCount`), else once."""
    series = integer(field(raw, "series"), "count")
    single = integer(raw, "count")
    if single is None:
        single = integer(raw, "deprecatedCount")
    return max(series or 0, single or 0, 1)


def event_row(
    raw: Json,
    change: Observation,
    redaction: Redaction,
    *,
    previous_count: int | None = None,
    is_inferred: bool = False,
) -> EventRow:
    """The row of one version of an Event. Whatever is of a wrong type reads as absent.

    Args:
        raw: the Event as received.
        change: how it became known.
        redaction: for secrets in its message.
        previous_count: `event_count` of the version before; None if there was none.
        is_inferred: whether it was found by listing again.

    Returns:
        The row. Its `count_delta` is 0 in `state`, which is about the time before the recording, and in `deleted`.
    """
    regarding = field(raw, "involvedObject") or field(raw, "regarding")
    reported_by = field(raw, "source") or field(raw, "deprecatedSource")
    series = field(raw, "series")
    event_time = unix_nano(raw.get("eventTime"))
    first = _first_time(raw, "firstTimestamp", "deprecatedFirstTimestamp")
    last = _first_time(raw, "lastTimestamp", "deprecatedLastTimestamp")
    count = event_count(raw)
    type_ = text(raw, "type")
    note = text(raw, "message", NOTE_CHARACTERS) or text(raw, "note", NOTE_CHARACTERS)
    return EventRow(
        change=change,
        uid=text(field(raw, "metadata"), "uid"),
        type=type_,
        reason=text(raw, "reason"),
        note=clean_text(redact_text(note, redaction), NOTE_CHARACTERS),
        kind=text(regarding, "kind"),
        namespace=text(regarding, "namespace") or None,
        name=text(regarding, "name"),
        object_uid=text(regarding, "uid") or None,
        field_path=text(regarding, "fieldPath") or None,
        count=count,
        count_delta=_count_delta(count, change, previous_count),
        first_unix_nano=first if first is not None else event_time,
        last_unix_nano=_latest(last, unix_nano(series.get("lastObservedTime")), event_time),
        reporter=text(raw, "reportingComponent") or text(raw, "reportingController") or text(reported_by, "component"),
        host=text(reported_by, "host") or None,
        is_inferred=is_inferred,
    )


def _count_delta(count: int, change: Observation, previous: int | None) -> int:
    if change in (Observation.STATE, Observation.DELETED):
        return 0
    # A count that fell is a counter that began again, as Prometheus has it.
    return count if previous is None or count < previous else count - previous


def _first_time(raw: Json, *names: str) -> int | None:
    for name in names:
        time = unix_nano(raw.get(name))
        if time is not None:
            return time
    return None


def _latest(*times: int | None) -> int | None:
    return max((time for time in times if time is not None), default=None)


def event_batch(rows: Sequence[EventRow], boot_times_ns: Sequence[int]) -> pa.RecordBatch:
    """The rows as a batch of the table's drained schema.

    Args:
        rows: in the order of time.
        boot_times_ns: CLOCK_BOOTTIME when each was received, as many as rows.
    """
    return batch_from_rows(
        kube_event.TABLE, [_columns(row, time) for row, time in zip(rows, boot_times_ns, strict=True)]
    )


def _columns(row: EventRow, boot_time_ns: int) -> dict[str, object]:
    return {
        "boot_time_ns": boot_time_ns,
        "event_name": f"k8s.event.{row.change}",
        "severity_number": SeverityNumber.WARN if row.type == "Warning" else SeverityNumber.INFO,
        "k8s.event.uid": row.uid,
        "k8s.event.type": row.type,
        "k8s.event.reason": row.reason,
        "k8s.event.note": row.note,
        "k8s.object.kind": row.kind,
        "k8s.namespace.name": row.namespace,
        "k8s.object.name": row.name,
        "k8s.object.uid": row.object_uid,
        "k8s.object.field_path": row.field_path,
        "k8s.event.count": row.count,
        "k8s.event.count_delta": row.count_delta,
        "k8s.event.first_unix_nano": row.first_unix_nano,
        "k8s.event.last_unix_nano": row.last_unix_nano,
        "k8s.event.reporter": row.reporter,
        "k8s.event.host": row.host,
        "inferred": row.is_inferred,
    }
