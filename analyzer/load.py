"""From a capture to tables of the engine: what is small at once, what is frequent one segment at a time.

Why: an hour of a busy node has tens of millions of rows in a few tables and thousands in all others. The frequent
tables are read once, column by column as asked for, and only what is found in them is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa

from analyzer.clock_alignment import ClockAlignment, align_clock
from analyzer.engine import Engine
from analyzer.segment_reading import ALIGNED_TIME, OpenTable, ReadRows, Window, cut_into_parts
from analyzer.sql_files import read_sql
from formats.capture import Capture
from formats.catalog import TABLES
from formats.columns import BOOT_TIME_NS, EVENT_NAME, EVENT_SEQ, NODE_NAME, TIME_UNIX_NANO
from formats.loss import Damage, LossReason
from formats.segment import Segment

FREQUENT_TABLES = ("process", "tcp", "syscall_error", "request", "tracepoint")
"""Tables whose rows are made by what programs do, without bound. The rows of all others are bounded by how many objects
there are and how often they are read."""

ALWAYS_READ = (TIME_UNIX_NANO.name, BOOT_TIME_NS.name, EVENT_SEQ.name, EVENT_NAME.name, NODE_NAME.name)
"""Columns of a frequent table that are there whatever was asked for."""

_DECODING_THREADS = 2

Reads = Mapping[str, Sequence[str]]
"""Columns to read by frequent table."""


@dataclass(frozen=True, slots=True)
class Part:
    """One stretch of one segment whose frequent tables can be asked now.

    Attributes:
        node: where it was recorded.
        from_ns: aligned time of its first row.
        to_ns: aligned time of its last row.
        rows: rows by frequent table that was read.
    """

    node: str
    from_ns: int
    to_ns: int
    rows: Mapping[str, int]


class Tables:
    """The tables of one capture in an engine.

    Args:
        capture: stays open as long as this is used.
        engine: gets a view for every table of the catalog: its columns, `at_ns` and `evidence`.
        window: batches outside of it are not read.
    """

    def __init__(self, capture: Capture, engine: Engine, window: Window = (None, None)) -> None:
        self._capture = capture
        self._engine = engine
        self._window = window
        self.alignments = _align_boots(capture.segments)
        self._known_damage: set[tuple[str, int]] = set()

    def load_small_tables(self) -> None:
        """Loads every table that is not frequent.

        Leaves `capture_window`, `recording_node`, `clock_error` and `missing` beside them.
        """
        engine = self._engine
        engine.execute(read_sql("objects/macros"))
        self._describe_recording()
        for table in TABLES:
            rows_name = f"{table.name}_rows"
            engine.register("rows_to_insert", _empty(table.schema))
            engine.execute(f'CREATE TABLE "{rows_name}" AS SELECT * FROM rows_to_insert')  # noqa: S608 - catalog's names
            self._show(table.name, rows_name)
            if table.name in FREQUENT_TABLES:
                continue
            for segment in self._capture.segments:
                read = self._read(segment, table.name, table.schema.names)
                self._note_damage(segment, read.damage)
                if read.table.num_rows:
                    engine.insert(rows_name, read.table)
        engine.execute(read_sql("objects/missing"))

    def load_whole(self, name: str) -> None:
        """Loads all rows of one frequent table, as `tapio sql` needs them; DuckDB spills what does not fit."""
        for segment in self._capture.segments:
            read = self._read(segment, name, self._capture.schema(name).names)
            self._note_damage(segment, read.damage)
            if read.table.num_rows:
                self._engine.insert(f"{name}_rows", read.table)

    def parts(self, reads: Reads) -> Iterator[Part]:
        """Makes one part after the other, in order of time, what the views of the frequent tables show.

        Args:
            reads: which columns of which frequent tables; the views have these and `ALWAYS_READ`, others show no row.
        """
        columns = {name: tuple(dict.fromkeys((*ALWAYS_READ, *asked))) for name, asked in sorted(reads.items())}
        for name, names in columns.items():
            self._engine.register(f"{name}_part", _empty(_pick(self._capture.schema(name), names)))
            self._show(name, f"{name}_part")
        try:
            for segment, reading in self._read_ahead(columns):
                rows = dict.fromkeys(columns, 0)
                for name in columns.keys() - {read.name for read in reading}:
                    self._engine.register(f"{name}_part", _empty(_pick(self._capture.schema(name), columns[name])))
                for read in reading:
                    self._note_damage(segment, read.damage)
                    self._engine.register(f"{read.name}_part", read.table)
                    rows[read.name] = read.table.num_rows
                if any(rows.values()):
                    yield Part(segment.manifest.node_name, *_extent(read.table for read in reading), rows)
        finally:
            for name in columns:
                self._show(name, f"{name}_rows")
                self._engine.register(f"{name}_part", _empty(self._capture.schema(name)))

    def _read_ahead(self, columns: Mapping[str, Sequence[str]]) -> Iterator[tuple[Segment, list[ReadRows]]]:
        """Every stretch of every segment; the next one is decoded by other threads while one is looked at."""
        with ThreadPoolExecutor(_DECODING_THREADS) as pool:
            waiting: tuple[Segment, list[Future[ReadRows]]] | None = None
            for segment, tables, end in self._stretches(columns):
                read = (waiting[0], [future.result() for future in waiting[1]]) if waiting else None
                waiting = segment, [pool.submit(table.read_until, end) for table in tables]
                if read is not None:
                    yield read
            if waiting is not None:
                yield waiting[0], [future.result() for future in waiting[1]]

    def _stretches(self, columns: Mapping[str, Sequence[str]]) -> Iterator[tuple[Segment, list[OpenTable], int | None]]:
        """Where each segment is cut, in order of time."""
        for segment in sorted(self._capture.segments, key=lambda one: (*self._span(one), one.manifest.node_name)):
            tables = [self._open(segment, name, names) for name, names in columns.items() if name in segment.tables]
            if tables:
                for end in cut_into_parts([batch for table in tables for batch in table.index]):
                    yield segment, tables, end

    def _open(self, segment: Segment, name: str, columns: Sequence[str]) -> OpenTable:
        return OpenTable(
            segment,
            name,
            _pick(self._capture.schema(name), columns),
            alignment=self.alignments[_boot_of(segment)],
            window=self._window,
        )

    def _read(self, segment: Segment, name: str, columns: Sequence[str]) -> ReadRows:
        return self._open(segment, name, columns).read_until(None)

    def _show(self, name: str, rows_name: str) -> None:
        self._engine.execute(
            f"""CREATE OR REPLACE VIEW "{name}" AS
            SELECT *, evidence_of('{name}', "k8s.node.name", event_seq) AS evidence FROM "{rows_name}" """  # noqa: S608 - catalog's names
        )

    def _span(self, segment: Segment) -> tuple[int, int]:
        """Aligned begin and end of a segment."""
        manifest = segment.manifest
        alignment = self.alignments[_boot_of(segment)]
        if alignment is None:
            return manifest.begin_unix_nano, manifest.end_unix_nano
        return alignment.align_one(manifest.begin_boot_ns), alignment.align_one(manifest.end_boot_ns)

    def _describe_recording(self) -> None:
        engine = self._engine
        spans = [self._span(segment) for segment in self._capture.segments if segment.tables]
        begin = min((span[0] for span in spans), default=0)
        end = max((span[1] for span in spans), default=0)
        asked_begin, asked_end = self._window
        begin = begin if asked_begin is None else max(begin, asked_begin)
        end = end if asked_end is None else min(end, asked_end)
        engine.execute("CREATE TABLE capture_window AS SELECT ?::BIGINT AS from_ns, ?::BIGINT AS to_ns", [begin, end])
        engine.execute("CREATE TABLE recording_node (node VARCHAR)")
        engine.execute("CREATE TABLE clock_error (node VARCHAR, error_ns BIGINT)")
        for node in self._capture.nodes:
            engine.execute("INSERT INTO recording_node VALUES (?)", [node])
            engine.execute("INSERT INTO clock_error VALUES (?, ?)", [node, self._clock_error(node)])
        engine.execute(
            """CREATE TABLE damage (table_name VARCHAR, node VARCHAR, count BIGINT, from_ns BIGINT, to_ns BIGINT,
            detail VARCHAR, seq UBIGINT)"""
        )
        for segment in self._capture.segments:
            self._note_damage(segment, segment.damage)

    def _clock_error(self, node: str) -> int | None:
        """The worst bound over the boots of a node; None if one of them has none."""
        alignments = [alignment for (name, _boot), alignment in self.alignments.items() if name == node]
        errors = [alignment.error_ns if alignment else None for alignment in alignments]
        known = [error for error in errors if error is not None]
        return max(known) if known and len(known) == len(errors) else None

    def _note_damage(self, segment: Segment, wounds: Sequence[Damage]) -> None:
        """One row of `damage` per wound, however often it is met."""
        for wound in wounds:
            if (wound.file, wound.offset) in self._known_damage:
                continue
            self._known_damage.add((wound.file, wound.offset))
            begin, end = self._span(segment)
            seq = 0
            for batch in segment.batch_index(wound.table or ""):
                if batch.offset == wound.offset:
                    alignment = self.alignments[_boot_of(segment)]
                    begin = alignment.align_one(batch.min_boot_ns) if alignment else batch.min_unix_nano
                    end = alignment.align_one(batch.max_boot_ns) if alignment else batch.max_unix_nano
                    seq = batch.min_seq
            detail = f"{wound.file} at byte {wound.offset}: {wound.detail}"
            self._engine.execute(
                "INSERT INTO damage VALUES (?, ?, ?, ?, ?, ?, ?)",
                [wound.table or LossReason.DAMAGED, segment.manifest.node_name, wound.rows, begin, end, detail, seq],
            )


def _boot_of(segment: Segment) -> tuple[str, str]:
    return segment.manifest.node_name, segment.manifest.boot_id


def _align_boots(segments: Sequence[Segment]) -> dict[tuple[str, str], ClockAlignment | None]:
    """The alignment of every boot of every node; None where no clock was recorded, as in imports."""
    boots = sorted({_boot_of(segment) for segment in segments})
    return {
        boot: align_clock(
            clock for segment in segments if _boot_of(segment) == boot for clock in segment.manifest.clocks
        )
        for boot in boots
    }


def _extent(tables: Iterable[pa.Table]) -> tuple[int, int]:
    """Aligned times of the first and the last row; rows are in the order of time."""
    columns = [table.column(ALIGNED_TIME.name) for table in tables if table.num_rows]
    return min(column[0].as_py() for column in columns), max(column[-1].as_py() for column in columns)


def _pick(schema: pa.Schema, columns: Sequence[str]) -> pa.Schema:
    return pa.schema([schema.field(column) for column in columns])


def _empty(schema: pa.Schema) -> pa.Table:
    if ALIGNED_TIME.name not in schema.names:
        schema = schema.append(ALIGNED_TIME)
    return schema.empty_table()
