"""Table `kube_event`: Kubernetes Event objects, with every update."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table
from formats.tables.kube_object import NAMESPACE

TABLE = Table(
    name="kube_event",
    doc="One version of one Kubernetes Event: repetitions are updates of the same uid with a higher count.",
    event_names=("k8s.event.state", "k8s.event.added", "k8s.event.modified", "k8s.event.deleted"),
    own=(
        Column("k8s.event.uid", pa.utf8(), Sensitivity.IDENTIFIER, "uid of the Event object itself."),
        Column("k8s.event.type", NAME_TYPE, Sensitivity.PUBLIC, "Normal or Warning."),
        Column(
            "k8s.event.reason",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "CamelCase reason: for example BackOff or FailedScheduling.",
        ),
        Column("k8s.event.note", pa.utf8(), Sensitivity.FREE_TEXT, "The message."),
        Column("k8s.object.kind", NAME_TYPE, Sensitivity.PUBLIC, "Kind of the regarding (involved) object."),
        NAMESPACE,
        Column("k8s.object.name", pa.utf8(), Sensitivity.NAME, "Name of the regarding object."),
        Column(
            "k8s.object.uid",
            pa.utf8(),
            Sensitivity.IDENTIFIER,
            "uid of the regarding object; null if the event does not contain it.",
            nullable=True,
        ),
        Column(
            "k8s.object.field_path",
            pa.utf8(),
            Sensitivity.PATH,
            "Part of it, e.g. spec.containers{app}; null if the whole object.",
            nullable=True,
        ),
        Column("k8s.event.count", pa.int64(), Sensitivity.PUBLIC, "Occurrences so far: count, series.count or 1.", "1"),
        Column(
            "k8s.event.count_delta",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Occurrences since the previous version that this recorder received.",
            "1",
        ),
        Column(
            "k8s.event.first_unix_nano",
            pa.int64(),
            Sensitivity.PUBLIC,
            "firstTimestamp or eventTime; null if neither.",
            "ns",
            nullable=True,
        ),
        Column(
            "k8s.event.last_unix_nano",
            pa.int64(),
            Sensitivity.PUBLIC,
            "lastTimestamp, series.lastObservedTime or eventTime; null if none.",
            "ns",
            nullable=True,
        ),
        Column("k8s.event.reporter", NAME_TYPE, Sensitivity.NAME, "reportingComponent or source.component."),
        Column("k8s.event.host", NAME_TYPE, Sensitivity.NAME, "source.host; null if absent.", nullable=True),
        Column("inferred", pa.bool_(), Sensitivity.PUBLIC, "True if found by listing again after a gap."),
    ),
    source="core/v1 Event and events.k8s.io/v1 Event (KEP-383)",
    sentence="{k8s.event.type} {k8s.event.reason} {k8s.object.kind} {k8s.object.name}: {k8s.event.note}",
)
