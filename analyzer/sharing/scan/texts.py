"""Every text of a capture with the place where it stands: columns, and keys and values of the JSON in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from formats.capture.reading import Capture
from formats.catalog import TABLE_BY_NAME
from formats.columns import Sensitivity
from formats.loss import Damage

_WRITTEN_BY_PEERS = frozenset(
    {
        "k8s.event.type",
        "k8s.event.reason",
        "k8s.object.kind",
        "k8s.object.api_version",
        "k8s.object.manager.operation",
        "k8s.object.manager.subresource",
    }
)
"""Columns of public text that come from the API server."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text stands.

    Attributes:
        column: table and column, or a part of the capture's description.
        field: the JSON field that holds it; empty outside of JSON.
        parent: the field that holds that one; empty at the top.
    """

    column: str
    field: str = ""
    parent: str = ""


def list_texts(capture: Capture) -> Iterator[tuple[Place, str]]:
    """Every text that may name something, hardly any of them twice; numbers of JSON as text.

    Args:
        capture: an original or a written one. Of tables and columns that this version does not know nothing is copied.
    """
    for segment in capture.segments:
        yield Place("manifest, node"), segment.manifest.node_name
        yield Place("manifest, boot id"), segment.manifest.boot_id
        for table in segment.tables:
            if table in TABLE_BY_NAME:
                for batch in segment.batches(table):
                    if not isinstance(batch, Damage):
                        yield from _list_of_batch(table, batch)
    for because in (capture.info.frozen_because, *(part.frozen_because for part in capture.info.merged)):
        yield Place("capture.json"), because or ""


def _list_of_batch(table: str, batch: pa.RecordBatch) -> Iterator[tuple[Place, str]]:
    for column in TABLE_BY_NAME[table].columns:
        if column.sensitivity is Sensitivity.PUBLIC and column.name not in _WRITTEN_BY_PEERS:
            continue
        array = batch.column(column.name)
        # The whole dictionary, used or not: a reader sees it all.
        values = array.dictionary if pa.types.is_dictionary(array.type) else pc.unique(array)
        place = Place(f"{table}.{column.name}")
        for text in values.to_pylist():
            if not text:
                continue
            if column.sensitivity is Sensitivity.OBJECT:
                yield from _list_of_json(place.column, text)
            else:
                yield place, text


def _list_of_json(column: str, text: str) -> Iterator[tuple[Place, str]]:
    try:
        pending: list[tuple[str, str, Any]] = [("", "", json.loads(text))]
    except (ValueError, RecursionError):
        yield Place(column), text
        return
    while pending:
        parent, field, value = pending.pop()
        if isinstance(value, dict):
            for key, item in value.items():
                yield Place(column, "key", field), key
                pending.append((field, key, item))
        elif isinstance(value, list):
            pending.extend((parent, field, item) for item in value)
        elif isinstance(value, str):
            yield Place(column, field, parent), value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield Place(column, f"{field} number", parent), json.dumps(value)
