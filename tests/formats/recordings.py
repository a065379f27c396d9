"""Small recordings for tests: rows of any table, journals, segments and captures made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from formats.batches import batch_from_rows, complete_batch
from formats.capture.info import CaptureInfo
from formats.capture.writing import write_capture
from formats.catalog import CATALOG_VERSION, TABLE_BY_NAME
from formats.clock import ClockSnapshot
from formats.columns import NAME_TYPE
from formats.journal.reading import JournalHeader, JournalWriter
from formats.loss import Damage
from formats.segment.reading import Segment
from formats.segment.sealing import SegmentHeader, seal_segment
from formats.segment.stored_files import MappedBytes, StoredFile

NODE = "node-a"
BOOT_ID = "01234567-89ab-cdef-0123-456789abcdef"
UNIX_MINUS_BOOT = 1_790_000_000_000_000_000
CLOCK = ClockSnapshot(UNIX_MINUS_BOOT + 5, 5, 4, 1_000, 500_000, True)


def make_batch(
    table: str,
    rows: int,
    *,
    seed: int = 0,
    first_seq: int = 0,
    boot: int = 1_000_000,
    node: str = NODE,
    step: int = 1_000,
) -> pa.RecordBatch:
    """Random rows of a table's full schema, in the order of time, nulls where they may be."""
    random = np.random.default_rng([seed, rows, first_seq])
    known = TABLE_BY_NAME[table]
    values = []
    for index in range(rows):
        row: dict[str, object] = {
            "boot_time_ns": boot + index * step,
            "event_name": known.event_names[int(random.integers(len(known.event_names)))],
            "severity_number": 9,
        }
        for column in known.own:
            row[column.name] = None if column.nullable and random.integers(3) == 0 else _value(column.type, random)
        values.append(row)
    return complete_batch(
        known,
        batch_from_rows(known, values),
        node_name=node,
        first_seq=first_seq,
        unix_minus_boot_ns=UNIX_MINUS_BOOT,
    )


def make_many(table: str, rows: int, *, step: int = 1_000) -> pa.RecordBatch:
    """A great many rows at little cost: a thousand random ones over and over, with times and numbers of their own."""
    batch = make_batch(table, 1_000).take(pa.array(np.arange(rows) % 1_000))
    boot = np.arange(rows, dtype=np.int64) * step
    for name, values in (
        ("time_unix_nano", boot + UNIX_MINUS_BOOT),
        ("boot_time_ns", boot),
        ("event_seq", np.arange(rows, dtype=np.uint64)),
    ):
        index = batch.schema.get_field_index(name)
        batch = batch.set_column(index, batch.schema.field(index), pa.array(values))
    return batch


def _value(data_type: pa.DataType, random: np.random.Generator) -> object:
    if data_type == pa.bool_():
        return bool(random.integers(2))
    if data_type == NAME_TYPE:
        return f"name-{random.integers(5)}"
    if data_type == pa.utf8():
        return "text-" + "x" * int(random.integers(20)) + "é"
    return int(random.integers(100))


def journal_header(number: int = 1, node: str = NODE) -> JournalHeader:
    return JournalHeader(bytes([number]) * 16, node, BOOT_ID, UNIX_MINUS_BOOT, 0, CATALOG_VERSION)


def write_journal(path: Path, batches: Sequence[pa.RecordBatch], *, number: int = 1) -> Path:
    """A journal with one frame for each batch."""
    with JournalWriter(path, journal_header(number)) as writer:
        for batch in batches:
            writer.append([batch])
        writer.sync()
    return path


def seal(
    parent: Path,
    tables: Mapping[str, Sequence[pa.RecordBatch]],
    *,
    name: str = "segment",
    number: int = 1,
    node: str = NODE,
) -> Path:
    """A segment of these batches."""
    header = SegmentHeader(f"{number:032x}", node, BOOT_ID, "tests", (CLOCK,))
    seal_segment(parent, name, header, lambda table: iter(tables[table]), list(tables))
    return parent / name


def capture(path: Path, segments: Sequence[Path]) -> Path:
    write_capture(path, segments, info=CaptureInfo(frozen_because="a test", created_by="tests"))
    return path


class FilesInMemory:
    """A segment's files as a test wants them."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self.contents = dict(contents)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.contents))

    def find(self, name: str) -> StoredFile | None:
        if name not in self.contents:
            return None
        data = MappedBytes(pa.py_buffer(self.contents[name]))
        return StoredFile(data, 0, data.size)

    def label(self, name: str) -> str:
        return name


def files_of(directory: Path) -> FilesInMemory:
    return FilesInMemory({path.name: path.read_bytes() for path in directory.iterdir()})


def rows_of(items: Iterator[pa.RecordBatch | Damage]) -> tuple[list[dict[str, object]], list[Damage]]:
    """Plain rows, and the damage between them."""
    rows: list[dict[str, object]] = []
    damage: list[Damage] = []
    for item in items:
        if isinstance(item, Damage):
            damage.append(item)
        else:
            rows.extend(item.to_pylist())
    return rows, damage


def rows_of_segment(segment: Segment) -> dict[str, list[dict[str, object]]]:
    return {table: rows_of(segment.batches(table))[0] for table in segment.tables}
