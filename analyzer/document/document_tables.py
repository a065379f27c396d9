"""What the document of a capture says, as tables for `tapio sql`: findings, symptoms and the links between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

import pyarrow as pa

from formats.postmortem.document import Document
from formats.times import parse_time

_TEXT, _TEXTS, _INTEGER, _NUMBER = pa.string(), pa.list_(pa.string()), pa.int64(), pa.float64()

_Column = tuple[pa.DataType, Callable[[Any], Any]]


def _columns(kind: pa.DataType, *attributes: str) -> dict[str, _Column]:
    """Columns that are called as the attributes that they have."""
    return {attribute: (kind, attrgetter(attribute)) for attribute in attributes}


DOCUMENT_TABLES: Mapping[str, tuple[str, Mapping[str, _Column]]] = {
    "finding": (
        "findings",
        {
            **_columns(_INTEGER, "rank"),
            **_columns(_TEXT, "pattern", "title", "category"),
            **_columns(_NUMBER, "confidence"),
            "root_entity_id": (_TEXT, attrgetter("root_cause.entity")),
            "root_at_ns": (_INTEGER, lambda finding: parse_time(finding.root_cause.time)),
            "root_what": (_TEXT, attrgetter("root_cause.what")),
            "chain": (_TEXTS, lambda finding: [step.symptom_id for step in finding.chain]),
            "services": (_TEXTS, attrgetter("impact.services")),
            "workloads": (_TEXTS, attrgetter("impact.workloads")),
            "failed_requests": (_INTEGER, attrgetter("impact.failed_requests")),
            **_columns(_TEXTS, "recommendations"),
        },
    ),
    "symptom": (
        "symptoms",
        {
            **_columns(_TEXT, "id", "name", "nature", "severity"),
            "entity_id": (_TEXT, attrgetter("entity.id")),
            "from_ns": (_INTEGER, lambda symptom: parse_time(symptom.begin)),
            "to_ns": (_INTEGER, lambda symptom: parse_time(symptom.end)),
            **_columns(_INTEGER, "count", "magnitude"),
            **_columns(_TEXT, "unit", "what"),
            **_columns(_INTEGER, "finding"),
            **_columns(_TEXTS, "evidence"),
        },
    ),
    "edge": (
        "edges",
        {
            **_columns(_TEXT, "source", "target", "rule", "relation"),
            **_columns(_INTEGER, "lag_ns"),
            **_columns(_NUMBER, "confidence"),
            **_columns(pa.bool_(), "order_known"),
            **_columns(_TEXTS, "evidence"),
        },
    ),
}
"""For each table: the field of the document whose items are its rows, and the columns with type and value of an item.
`symptom.id` is what `edge.source`, `edge.target` and the items of `finding.chain` name; times are aligned unix ns."""


def document_table(name: str, document: Document) -> pa.Table:
    """One of `DOCUMENT_TABLES`."""
    field, columns = DOCUMENT_TABLES[name]
    items = getattr(document, field)
    return pa.table({column: pa.array(map(value, items), kind) for column, (kind, value) in columns.items()})
