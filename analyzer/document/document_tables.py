"""What the document of a capture says, as tables for `tapio sql`: findings, symptoms and the links between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any

import pyarrow as pa

from formats.postmortem.document import Document
from formats.postmortem.findings import ChainStep
from formats.times import parse_time

_TEXT, _TEXTS, _INTEGER, _NUMBER = pa.string(), pa.list_(pa.string()), pa.int64(), pa.float64()


def _as_it_is(value: Any) -> Any:
    return value


def _symptoms_of(chain: Iterable[ChainStep]) -> list[str]:
    return [step.symptom_id for step in chain]


_Column = tuple[pa.DataType, str, Callable[[Any], Any]]

DOCUMENT_TABLES: Mapping[str, tuple[str, Mapping[str, _Column]]] = {
    "finding": (
        "findings",
        {
            "rank": (_INTEGER, "rank", _as_it_is),
            "pattern": (_TEXT, "pattern", _as_it_is),
            "title": (_TEXT, "title", _as_it_is),
            "category": (_TEXT, "category", _as_it_is),
            "confidence": (_NUMBER, "confidence", _as_it_is),
            "root_entity_id": (_TEXT, "root_cause.entity", _as_it_is),
            "root_at_ns": (_INTEGER, "root_cause.time", parse_time),
            "root_what": (_TEXT, "root_cause.what", _as_it_is),
            "chain": (_TEXTS, "chain", _symptoms_of),
            "services": (_TEXTS, "impact.services", _as_it_is),
            "workloads": (_TEXTS, "impact.workloads", _as_it_is),
            "failed_requests": (_INTEGER, "impact.failed_requests", _as_it_is),
            "recommendations": (_TEXTS, "recommendations", _as_it_is),
        },
    ),
    "symptom": (
        "symptoms",
        {
            "id": (_TEXT, "id", _as_it_is),
            "name": (_TEXT, "name", _as_it_is),
            "nature": (_TEXT, "nature", _as_it_is),
            "severity": (_TEXT, "severity", _as_it_is),
            "entity_id": (_TEXT, "entity.id", _as_it_is),
            "from_ns": (_INTEGER, "begin", parse_time),
            "to_ns": (_INTEGER, "end", parse_time),
            "count": (_INTEGER, "count", _as_it_is),
            "magnitude": (_INTEGER, "magnitude", _as_it_is),
            "unit": (_TEXT, "unit", _as_it_is),
            "what": (_TEXT, "what", _as_it_is),
            "finding": (_INTEGER, "finding", _as_it_is),
            "evidence": (_TEXTS, "evidence", _as_it_is),
        },
    ),
    "edge": (
        "edges",
        {
            "source": (_TEXT, "source", _as_it_is),
            "target": (_TEXT, "target", _as_it_is),
            "rule": (_TEXT, "rule", _as_it_is),
            "relation": (_TEXT, "relation", _as_it_is),
            "lag_ns": (_INTEGER, "lag_ns", _as_it_is),
            "confidence": (_NUMBER, "confidence", _as_it_is),
            "order_known": (pa.bool_(), "order_known", _as_it_is),
            "evidence": (_TEXTS, "evidence", _as_it_is),
        },
    ),
}
"""For each table: the field of the document that it is made of, and the columns with type, attribute and conversion.
`symptom.id` is what `edge.source`, `edge.target` and the items of `finding.chain` name; times are aligned unix ns."""


def document_table(name: str, document: Document) -> pa.Table:
    """One of `DOCUMENT_TABLES`, one row per item of the document."""
    field, columns = DOCUMENT_TABLES[name]
    items = getattr(document, field)
    return pa.table(
        {
            column: pa.array([convert(value) for value in map(attrgetter(attribute), items)], kind)
            for column, (kind, attribute, convert) in columns.items()
        }
    )
