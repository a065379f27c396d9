"""The rows of a capture in memory, by segment and table, and the groups in which they are left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analyzer.cutting.damage_rows import Wound, damage_batch
from formats.batches import full_schema
from formats.capture.reading import Capture
from formats.catalog import TABLE_BY_NAME
from formats.columns import EVENT_SEQ, NODE_NAME, TIME_UNIX_NANO
from formats.errors import LimitError
from formats.loss import Damage
from formats.segment.reading import Segment

MAX_ROWS = 5_000_000
"""Rows of a capture that can be cut. Why: all of them are in memory, and each analysis reads what is left."""

LOSS = "loss"
"""The table that is carried along whole: what the original lacks, the cut one lacks as well."""

ENTITY_COLUMNS = ("k8s.object.uid", "cgroup_id", "cgroup.path", "network.interface.name")
"""The column that says what a row is about: the first of these that a table has."""

Mask = np.ndarray
"""One boolean per row."""


@dataclass(frozen=True, slots=True)
class TableRows:
    """The rows of one table of one segment.

    Attributes:
        segment: index in `Capture.segments`.
        table: name of the table.
        rows: in the order of boot time.
        times: `time_unix_nano` of each row, ns.
        entities: index into `names` of what each row is about.
        names: the distinct entities, as text; the empty text for rows that name none.
    """

    segment: int
    table: str
    rows: pa.Table
    times: np.ndarray
    entities: np.ndarray
    names: tuple[str, ...]

    def find_events(self, events: frozenset[str]) -> Mask:
        """The rows whose id `table:node:seq` is among these."""
        wanted = {event.rsplit(":", 1)[1] for event in events if event.startswith(f"{self.table}:")}
        seqs = np.array(sorted(int(seq) for seq in wanted), np.uint64)
        found = np.isin(self.rows.column(EVENT_SEQ.name).to_numpy(), seqs)
        for row in np.flatnonzero(found).tolist():
            node, seq = self.rows.column(NODE_NAME.name)[row].as_py(), self.rows.column(EVENT_SEQ.name)[row].as_py()
            found[row] = f"{self.table}:{node}:{seq}" in events
        return found


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that are left out together.

    Attributes:
        key: table, entity and part of its time, for a stable order.
        rows: pairs of an index into the list of `TableRows` and indices of its rows.
    """

    key: tuple[str, str, int]
    rows: tuple[tuple[int, np.ndarray], ...]


def read_rows(capture: Capture) -> tuple[TableRows, ...]:
    """Every readable row of the tables that this version knows; what is damaged becomes rows of `loss`.

    Raises:
        LimitError: the capture has more than `MAX_ROWS` rows.
    """
    if capture.events > MAX_ROWS:
        raise LimitError("rows of a capture to be cut", capture.events, MAX_ROWS, where=str(capture.path))
    read: list[TableRows] = []
    next_loss: dict[str, int] = {}
    for segment in capture.segments:
        node = segment.manifest.node_name
        last = max((batch.max_seq for batch in segment.batch_index(LOSS)), default=-1)
        next_loss[node] = max(next_loss.get(node, 0), last + 1)
    for number, segment in enumerate(capture.segments):
        read.extend(_read_segment(number, segment, next_loss))
    return tuple(read)


def list_groups(
    sources: Sequence[TableRows], kept: Sequence[Mask], needed: Sequence[Mask], parts: int | None
) -> tuple[Group, ...]:
    """The groups of the rows that are still kept, without those of which a row is needed, sorted by their key.

    Args:
        sources: all rows.
        kept: which rows of each source are still there.
        needed: which rows of each source must stay.
        parts: in how many parts of its time an entity's rows are cut; None = all entities of a table are one group.
    """
    groups: dict[tuple[str, str, int], list[tuple[int, np.ndarray]]] = {}
    is_needed: set[tuple[str, str, int]] = set()
    for index, source in enumerate(sources):
        if source.table == LOSS:
            continue
        for key, rows in _split(source, np.flatnonzero(kept[index]), parts):
            groups.setdefault(key, []).append((index, rows))
            if needed[index][rows].any():
                is_needed.add(key)
    return tuple(Group(key, tuple(groups[key])) for key in sorted(groups) if key not in is_needed)


def _split(source: TableRows, rows: np.ndarray, parts: int | None) -> Iterator[tuple[tuple[str, str, int], np.ndarray]]:
    if parts is None:
        if rows.size:
            yield (source.table, "", 0), rows
        return
    entities = source.entities[rows]
    for entity in np.unique(entities):
        own = rows[entities == entity]
        pieces = np.array_split(own, min(parts, own.size))
        for piece in pieces:
            # The place in the recording, so that the parts of one entity in two segments are not one group.
            yield (source.table, source.names[entity], int(source.times[piece[0]]) if parts > 1 else 0), piece


def _read_segment(number: int, segment: Segment, next_loss: dict[str, int]) -> Iterator[TableRows]:
    wounds: list[Wound] = []
    losses: list[pa.RecordBatch] = []
    for table in (name for name in segment.tables if name in TABLE_BY_NAME):
        batches = []
        ranges = {batch.offset: batch for batch in segment.batch_index(table)}
        for item in segment.batches(table):
            if isinstance(item, Damage):
                wounds.append(Wound(item, ranges.get(item.offset)))
            else:
                batches.append(item)
        if table == LOSS:
            losses = batches
        elif batches:
            yield _table_rows(number, table, batches)
    if wounds:
        node = segment.manifest.node_name
        losses.append(damage_batch(segment.manifest, wounds, first_seq=next_loss[node]))
        next_loss[node] += len(wounds)
    if losses:
        yield _table_rows(number, LOSS, losses)


def _table_rows(number: int, table: str, batches: Sequence[pa.RecordBatch]) -> TableRows:
    rows = pa.Table.from_batches(batches, full_schema(TABLE_BY_NAME[table])).unify_dictionaries()
    column = next((name for name in ENTITY_COLUMNS if name in rows.schema.names), None)
    if column is None:
        entities, names = np.zeros(rows.num_rows, np.int32), ("",)
    else:
        texts = pc.fill_null(pc.cast(rows.column(column), pa.utf8()), "").combine_chunks()
        encoded = pc.dictionary_encode(texts)
        entities, names = encoded.indices.to_numpy(), tuple(encoded.dictionary.to_pylist())
    times = rows.column(TIME_UNIX_NANO.name).to_numpy()
    return TableRows(number, table, rows, times, entities, names)


def count_rows(kept: Sequence[Mask]) -> int:
    """Rows that are kept, of all sources."""
    return sum(int(mask.sum()) for mask in kept)
