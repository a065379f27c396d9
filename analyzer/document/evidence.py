"""Evidence: from event ids (`table:node:seq`) to the recorded rows behind them, in words and in columns."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from analyzer.knowledge.check import fill
from analyzer.model.engine import Engine
from formats.capture.reading import Capture
from formats.catalog import TABLE_BY_NAME
from formats.loss import Damage
from formats.postmortem.recording import EvidenceRow
from formats.segment.reading import Segment
from formats.text import cut_text
from formats.times import format_time

FIELD_CHARACTERS = 600
"""Longest text of one field of an evidence row. Why: a Kubernetes object has some 10,000; its changes tell more."""

TEXT_CHARACTERS = 300

_LEFT_OUT = frozenset({"k8s.object.content"})
"""Columns that are too long for a report and whose gist is in others."""


def resolve_evidence(engine: Engine, capture: Capture, evidence: Iterable[str]) -> dict[str, EvidenceRow]:
    """The rows behind event ids, sorted by id; what cannot be read (it was damaged) is left out.

    Args:
        engine: its database has a view for every table, with `evidence` and `at_ns`.
        capture: for the tables whose rows are not all in the database.
        evidence: event ids, in any order, repeats allowed.
    """
    wanted: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for identifier in evidence:
        table, _, rest = identifier.partition(":")
        node, _, seq = rest.rpartition(":")
        if table in TABLE_BY_NAME and seq.isdecimal():
            wanted[table][node].add(int(seq))
    rows: dict[str, EvidenceRow] = {}
    for table in sorted(wanted):
        found = {row.id: row for row in _read_loaded(engine, table, wanted[table])}
        if len(found) < sum(len(seqs) for seqs in wanted[table].values()):
            found.update({row.id: row for row in _read_stored(capture, table, wanted[table]) if row.id not in found})
        rows.update(found)
    return {identifier: rows[identifier] for identifier in sorted(rows)}


def _read_loaded(engine: Engine, table: str, wanted: Mapping[str, set[int]]) -> Iterator[EvidenceRow]:
    identifiers = [f"{table}:{node}:{seq}" for node in sorted(wanted) for seq in sorted(wanted[node])]
    seqs = sorted({seq for numbers in wanted.values() for seq in numbers})
    records = engine.records(
        f"""
        SELECT * FROM "{table}"
        WHERE event_seq IN (SELECT unnest(?::UBIGINT[])) AND evidence IN (SELECT unnest(?::VARCHAR[]))
        """,  # noqa: S608 - a name of the catalog
        [seqs, identifiers],
    )
    for record in records:
        yield _row(table, record, record["at_ns"])


def _read_stored(capture: Capture, table: str, wanted: Mapping[str, set[int]]) -> Iterator[EvidenceRow]:
    """Reads only the batches that can hold a wanted number."""
    for segment in capture.segments:
        seqs = wanted.get(segment.manifest.node_name)
        if not seqs:
            continue
        for batch in _batches_with(segment, table, seqs):
            places = np.flatnonzero(np.isin(batch.column("event_seq").to_numpy(), np.array(sorted(seqs), np.uint64)))
            for place in places.tolist():
                (record,) = batch.slice(place, 1).to_pylist()
                yield _row(table, record, record["time_unix_nano"])


def _batches_with(segment: Segment, table: str, seqs: set[int]) -> Iterator[pa.RecordBatch]:
    for stretch in segment.batch_index(table):
        if not any(stretch.min_seq <= seq <= stretch.max_seq for seq in seqs):
            continue
        for item in segment.batches(table, None, stretch.min_unix_nano, stretch.max_unix_nano):
            if not isinstance(item, Damage):
                yield item


def _row(table: str, record: Mapping[str, Any], at_ns: int) -> EvidenceRow:
    node, seq = record["k8s.node.name"], int(record["event_seq"])
    return EvidenceRow(
        id=f"{table}:{node}:{seq}",
        table=table,
        node=node,
        seq=seq,
        time=format_time(at_ns),
        text=cut_text(_sentence(table, record), TEXT_CHARACTERS),
        fields=_fields(table, record),
    )


def _fields(table: str, record: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {"event_name": record["event_name"]}
    for column in TABLE_BY_NAME[table].own:
        value = record.get(column.name)
        if value is not None and column.name not in _LEFT_OUT:
            fields[column.name] = cut_text(value, FIELD_CHARACTERS) if isinstance(value, str) else value
    return fields


def _sentence(table: str, record: Mapping[str, Any]) -> str:
    template = TABLE_BY_NAME[table].sentence
    if template is None:
        names = [column.name for column in TABLE_BY_NAME[table].own if record.get(column.name) is not None]
        return f"{record['event_name']} " + ", ".join(f"{name}={record[name]}" for name in names)
    values = {name: "–" if value is None else str(value) for name, value in record.items()}
    values["k8s.object.changes"] = _changes(record.get("k8s.object.changes"))
    return fill(template, values)


def _changes(text: str | None) -> str:
    """`path: old → new` of the first changes; recorded text is JSON of our own recorder, or hostile."""
    try:
        changes: Sequence[Any] = json.loads(text or "[]")
        parts = [f"{one['path']}: {json.dumps(one.get('old'))} → {json.dumps(one.get('new'))}" for one in changes[:3]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "–"
    more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
    return ("; ".join(parts) + more) or "as it was"
