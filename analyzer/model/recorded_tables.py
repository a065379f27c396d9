"""From a capture to tables of the engine: what is small at once, what is frequent one segment at a time.

Why: an hour of a busy node has tens of millions of rows in a few tables and thousands in all others. The frequent
tables are read once, column by column as asked for, and only what is found in them is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from analyzer.model.clock_alignment import align_clock
from analyzer.model.clock_links import Boot, read_links
from analyzer.model.clock_refinement import NodeClock, flatten, keep_clocks, refine_clocks
from analyzer.model.engine import Engine
from analyzer.model.engine_tables import declared_tables, functions_sql
from analyzer.model.segment_reading import ALIGNED_TIME, LATEST_NS, PART_ROWS, OpenTable, ReadRows, Window, cut_segment
from formats.capture.reading import Capture
from formats.catalog import TABLES
from formats.clock import ClockSnapshot
from formats.columns import BOOT_TIME_NS, EVENT_NAME, EVENT_SEQ, NODE_NAME
from formats.loss import Damage, LossReason
from formats.segment.reading import Segment

FREQUENT_TABLES = ("process", "tcp", "syscall_error", "request", "otlp", "dns", "block_io", "run_queue", "tracepoint")
"""Tables whose rows are made by what programs do, without bound. The rows of all others are bounded by how many objects
there are and how often they are read."""

STATE_TABLES = frozenset(
    {"kube_object", "process_state", "cgroup_state", "socket_state", "interface_state", "clock", "loss"}
)
"""Tables whose rows before a window are read as well: they tell what there was when it began."""

_API_TABLES = frozenset({"kube_object", "kube_event"})
"""What is received from the API server."""

GROWING_TABLES = frozenset({"damage"})
"""Tables that get rows while the parts are read: what reads them is complete only afterwards, whenever it was made."""

ALWAYS_READ = (BOOT_TIME_NS.name, EVENT_SEQ.name, EVENT_NAME.name, NODE_NAME.name)
"""Columns of a frequent table that are there whatever was asked for."""

_DECODING_THREADS = 2

Reads = Mapping[str, Sequence[str]]
"""Columns to read by frequent table."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of time whose frequent tables can be asked now: a slice of a segment, or several of small segments.

    Attributes:
        from_ns: aligned time of its first row.
        to_ns: aligned time of its last row.
        rows: rows by frequent table that was read.
    """

    from_ns: int
    to_ns: int
    rows: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Slice:
    """What will be read of one segment for one part.

    Attributes:
        segment: to read from.
        tables: opened, and read up to where the slice before ended.
        end_boot_ns: where it ends; None = with the segment.
        rows: how many there are.
    """

    segment: Segment
    tables: Sequence[OpenTable]
    end_boot_ns: int | None
    rows: int


class Tables:
    """The tables of one capture in an engine.

    Args:
        capture: stays open as long as this is used.
        engine: gets a view for every table of the catalog: its columns, `at_ns` and `evidence`.
        window: rows outside of it are not shown, except for what tells the state at its begin.
    """

    def __init__(self, capture: Capture, engine: Engine, window: Window = (None, None)) -> None:
        self._capture = capture
        self._engine = engine
        self._window = window
        self.clocks = _align_clocks(capture, engine)
        self._known_damage: set[tuple[str, int]] = set()

    def load_small_tables(self) -> None:
        """Loads every table that is not frequent.

        Fills `capture_window`, `recording_node`, `api_recording`, `clock_error` and `damage` as well.
        """
        engine = self._engine
        engine.execute(functions_sql())
        self._describe_recording()
        for table in TABLES:
            rows_name = f"{table.name}_rows"
            if table.name in FREQUENT_TABLES:
                engine.create(rows_name, _empty(table.schema))
            else:
                engine.register(rows_name, self._read_all(table.name))
                rows_name = self._cut_versions(rows_name) if table.name == "kube_object" else rows_name
            self._show(table.name, rows_name)

    def load_whole(self, name: str) -> None:
        """Loads all rows of one frequent table, as `tapio sql` needs them; DuckDB spills what does not fit."""
        for segment in self._capture.segments:
            if name in segment.tables:
                read = self._read(segment, name)
                self._engine.insert(f"{name}_rows", read.table)

    @property
    def extent(self) -> tuple[int, int]:
        """Begin and end of what is looked at, unix ns."""
        from_ns, to_ns = self._window
        capture = self._capture
        return (
            capture.begin_unix_nano if from_ns is None else from_ns,
            capture.end_unix_nano if to_ns is None else to_ns,
        )

    def for_each_part(self, reads: Reads, run: Callable[[Part], None]) -> None:
        """Makes one part after the other, in order of time, what the views of the frequent tables show.

        Args:
            reads: which columns of which frequent tables; the views have these and `ALWAYS_READ`, others show no row.
            run: called while a part is shown. Afterwards the views show no row.
        """
        columns = {name: tuple(dict.fromkeys((*ALWAYS_READ, *asked))) for name, asked in sorted(reads.items())}
        for name, names in columns.items():
            self._engine.register(f"{name}_part", _empty(_pick(self._capture.schema(name), names)))
            self._show(name, f"{name}_part")
        try:
            for reading in self._read_ahead(columns):
                tables: dict[str, list[pa.Table]] = {name: [] for name in columns}
                for segment, read in reading:
                    self._note_damage(segment, read.damage)
                    tables[read.name].append(read.table)
                shown = {name: self._show_part(name, columns[name], pieces) for name, pieces in tables.items()}
                if any(table.num_rows for table in shown.values()):
                    rows = {name: table.num_rows for name, table in shown.items()}
                    run(Part(*_extent(shown.values()), rows))
        finally:
            for name in columns:
                self._show(name, f"{name}_rows")
                self._engine.register(f"{name}_part", _empty(self._capture.schema(name)))

    def _read_ahead(self, columns: Mapping[str, Sequence[str]]) -> Iterator[list[tuple[Segment, ReadRows]]]:
        """What belongs to each part; the next one is decoded by other threads while one is looked at."""
        indexes = [segment.batch_index(name) for segment in self._capture.segments for name in columns]
        if sum(batch.rows for index in indexes for batch in index) <= PART_ROWS:
            yield self._read_at_once(columns)
            return
        from concurrent.futures import Future, ThreadPoolExecutor  # noqa: PLC0415 - imports logging; most captures are small

        with ThreadPoolExecutor(_DECODING_THREADS) as pool:
            waiting: list[tuple[Segment, Future[ReadRows]]] = []
            for slices in _join_small(self._slices(columns)):
                read = [(segment, future.result()) for segment, future in waiting]
                # Of two slices of one segment the later one reads both: a table is read by one thread at a time.
                ends = {table: cut for cut in slices for table in cut.tables}
                waiting = [(cut.segment, pool.submit(table.read_until, cut.end_boot_ns)) for table, cut in ends.items()]
                if read:
                    yield read
            if waiting:
                yield [(segment, future.result()) for segment, future in waiting]

    def _read_at_once(self, columns: Mapping[str, Sequence[str]]) -> list[tuple[Segment, ReadRows]]:
        """Read a capture that is one part at once, without threads: there is nothing to read ahead."""
        return [(cut.segment, table.read_until(None)) for cut in self._slices(columns) for table in cut.tables]

    def _slices(self, columns: Mapping[str, Sequence[str]]) -> Iterator[_Slice]:
        """Every segment, cut where it is large, in order of time."""
        for segment in sorted(self._capture.segments, key=lambda one: (*self._span(one), one.manifest.node_name)):
            tables = [self._open(segment, name, names) for name, names in columns.items() if name in segment.tables]
            if tables:
                for end, rows in cut_segment([batch for table in tables for batch in table.index]):
                    yield _Slice(segment, tables, end, rows)

    def _show_part(self, name: str, columns: Sequence[str], pieces: Sequence[pa.Table]) -> pa.Table:
        table = pa.concat_tables(pieces) if pieces else _empty(_pick(self._capture.schema(name), columns))
        self._engine.register(f"{name}_part", table)
        return table

    def _open(self, segment: Segment, name: str, columns: Sequence[str]) -> OpenTable:
        return OpenTable(
            segment,
            name,
            _pick(self._capture.schema(name), columns),
            alignment=self.clocks[_boot_of(segment)].alignment,
            window=(None, self._window[1]) if name in STATE_TABLES else self._window,
        )

    def _cut_versions(self, rows_name: str) -> str:
        """Of the objects' versions before the window, only the newest of each, as state: what changed is outside."""
        begin = self._window[0]
        if begin is None:
            return rows_name
        cut = f"{rows_name}_cut"
        self._engine.execute(
            f"""
            CREATE TABLE {cut} AS
            SELECT * FROM {rows_name} WHERE at_ns >= {begin}
            UNION ALL BY NAME
            SELECT * REPLACE ('k8s.object.state' AS event_name, NULL AS "k8s.object.changes") FROM {rows_name}
            WHERE at_ns < {begin} AND NOT (event_name = 'k8s.object.left' AND "k8s.object.uid" IN (
                -- A Pod that got a node, whose recorder is in the capture.
                SELECT "k8s.object.uid" FROM {rows_name}
                WHERE "k8s.object.kind" = 'Pod' AND event_name <> 'k8s.object.left'
                    AND TRY(json_extract_string("k8s.object.content", '$.spec.nodeName')) IS NOT NULL
            ))
            QUALIFY row_number() OVER (
                PARTITION BY "k8s.object.uid" ORDER BY at_ns DESC, "k8s.node.name" DESC, event_seq DESC
            ) = 1 AND event_name NOT IN ('k8s.object.deleted', 'k8s.object.left')
            """  # noqa: S608 - a name of ours and a number
        )
        return cut

    def _read_all(self, name: str) -> pa.Table:
        """All rows of a table. They stay where they were decoded: the engine reads Arrow itself."""
        pieces = [self._read(segment, name).table for segment in self._capture.segments if name in segment.tables]
        return pa.concat_tables(pieces) if pieces else _empty(self._capture.schema(name))

    def _read(self, segment: Segment, name: str) -> ReadRows:
        """All columns of a table of a segment; damage is noted."""
        read = self._open(segment, name, self._capture.schema(name).names).read_until(None)
        self._note_damage(segment, read.damage)
        return read

    def _show(self, name: str, rows_name: str) -> None:
        self._engine.execute(
            f"""CREATE OR REPLACE VIEW "{name}" AS
            SELECT *, evidence_of('{name}', "k8s.node.name", event_seq) AS evidence FROM "{rows_name}" """  # noqa: S608 - catalog's names
        )

    def _span(self, segment: Segment) -> tuple[int, int]:
        """Aligned begin and end of a segment."""
        manifest = segment.manifest
        alignment = self.clocks[_boot_of(segment)].alignment
        if alignment is None:
            return _within_limits(manifest.begin_unix_nano), _within_limits(manifest.end_unix_nano)
        return alignment.align_one(manifest.begin_boot_ns), alignment.align_one(manifest.end_boot_ns)

    def _describe_recording(self) -> None:
        engine = self._engine
        spans = [self._span(segment) for segment in self._capture.segments if segment.tables]
        begin = min((span[0] for span in spans), default=0)
        end = max((span[1] for span in spans), default=0)
        asked_begin, asked_end = self._window
        begin = begin if asked_begin is None else max(begin, asked_begin)
        end = end if asked_end is None else min(end, asked_end)
        for name in ("capture_window", "recording_node", "api_recording", "clock_error", "damage"):
            engine.execute(declared_tables()[name].empty_sql)
        engine.execute("INSERT INTO capture_window VALUES (?, ?)", [begin, end])
        nodes = pa.array(self._capture.nodes, pa.utf8())
        engine.insert("recording_node", pa.table([nodes], names=["node"]))
        for segment in self._capture.segments:
            if not _API_TABLES.isdisjoint(segment.tables):
                engine.execute(
                    "INSERT INTO api_recording VALUES (?, ?, ?)", [segment.manifest.node_name, *self._span(segment)]
                )
        engine.insert("clock_error", self._clock_errors())
        for segment in self._capture.segments:
            self._note_damage(segment, segment.damage)

    def _clock_errors(self) -> pa.Table:
        """The rows of `clock_error`: the worst of the boots of each node, unknown if one of them is."""
        names, errors, apart, ahead = [], [], [], []
        for node in self._capture.nodes:
            clocks = [clock for (name, _boot), clock in sorted(self.clocks.items()) if name == node]
            names.append(node)
            errors.append(_worst([None if one.alignment is None else one.alignment.error_ns for one in clocks]))
            apart.append(_worst([one.apart_ns for one in clocks]) if len(self._capture.nodes) > 1 else 0)
            ahead.append(max((one.ahead_ns for one in clocks), key=abs, default=0))
        columns = {"node": pa.array(names, pa.utf8())}
        for name, values in (("error_ns", errors), ("apart_ns", apart), ("ahead_ns", ahead)):
            columns[name] = pa.array(values, pa.int64())
        return pa.table(columns)

    def _note_damage(self, segment: Segment, wounds: Sequence[Damage]) -> None:
        """One row of `damage` per damaged range, however often it is encountered."""
        for wound in wounds:
            if (wound.file, wound.offset) in self._known_damage:
                continue
            self._known_damage.add((wound.file, wound.offset))
            begin, end = self._span(segment)
            seq = 0
            for batch in segment.batch_index(wound.table or ""):
                if batch.offset == wound.offset:
                    alignment = self.clocks[_boot_of(segment)].alignment
                    begin = alignment.align_one(batch.min_boot_ns) if alignment else _within_limits(batch.min_unix_nano)
                    end = alignment.align_one(batch.max_boot_ns) if alignment else _within_limits(batch.max_unix_nano)
                    seq = batch.min_seq
            detail = f"{wound.file} at byte {wound.offset}: {wound.detail}"
            self._engine.execute(
                "INSERT INTO damage VALUES (?, ?, ?, ?, ?, ?, ?)",
                [wound.table or LossReason.DAMAGED, segment.manifest.node_name, wound.rows, begin, end, detail, seq],
            )


def _within_limits(unix_ns: int) -> int:
    return min(max(unix_ns, 0), LATEST_NS)


def _boot_of(segment: Segment) -> Boot:
    return segment.manifest.node_name, segment.manifest.boot_id


def _worst(errors: Sequence[int | None]) -> int | None:
    known = [error for error in errors if error is not None]
    return max(known, default=None) if len(known) == len(errors) else None


def _align_clocks(capture: Capture, engine: Engine) -> dict[Boot, NodeClock]:
    """The clock of every boot of every node; without an alignment where no clock was recorded, as in imports."""
    snapshots: dict[Boot, list[ClockSnapshot]] = {}
    spans: dict[Boot, tuple[int, int]] = {}
    for segment in capture.segments:
        boot, manifest = _boot_of(segment), segment.manifest
        snapshots.setdefault(boot, []).extend(manifest.clocks)
        begin, end = spans.get(boot, (manifest.begin_boot_ns, manifest.end_boot_ns))
        spans[boot] = min(begin, manifest.begin_boot_ns), max(end, manifest.end_boot_ns)
    alignments = {boot: align_clock(snapshots[boot]) for boot in sorted(snapshots)}
    boots = [boot for boot, alignment in alignments.items() if alignment is not None]
    if len({node for node, _boot in boots}) < 2:
        return keep_clocks(alignments)
    flat = {boot: None if one is None else flatten(one) for boot, one in alignments.items()}
    return refine_clocks(alignments, spans, boots, read_links(capture, engine, flat, boots))


def _join_small(slices: Iterable[_Slice]) -> Iterator[list[_Slice]]:
    """Neighbours together until they have `PART_ROWS` rows. Why: a part costs a hundred queries, whatever its size."""
    part: list[_Slice] = []
    for cut in slices:
        part.append(cut)
        if sum(one.rows for one in part) >= PART_ROWS:
            yield part
            part = []
    if part:
        yield part


def _extent(tables: Iterable[pa.Table]) -> tuple[int, int]:
    """Aligned times of the first and the last row."""
    times = [chunk.to_numpy() for table in tables for chunk in table.column(ALIGNED_TIME.name).chunks if len(chunk)]
    return min(int(chunk.min()) for chunk in times), max(int(chunk.max()) for chunk in times)


def _pick(schema: pa.Schema, columns: Sequence[str]) -> pa.Schema:
    return pa.schema([schema.field(column) for column in columns])


def _empty(schema: pa.Schema) -> pa.Table:
    if ALIGNED_TIME.name not in schema.names:
        schema = schema.append(ALIGNED_TIME)
    return schema.empty_table()
