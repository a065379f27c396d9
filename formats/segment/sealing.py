"""Sealing: the rows of a journal become a segment that never changes (docs/format.md, section Segment)."""

from __future__ import annotations

import os
import re
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from formats.arrow.messages import FILE_MAGIC, MessageKind, read_message
from formats.batches import full_schema
from formats.catalog import CATALOG_VERSION, TABLE_BY_NAME
from formats.clock import ClockSnapshot
from formats.columns import BOOT_TIME_NS, EVENT_SEQ, TIME_UNIX_NANO
from formats.errors import OutputError, StorageError
from formats.journal.layout import digest_of
from formats.journal.survey import Survey
from formats.segment.manifest import (
    MANIFEST_COPY_NAME,
    MANIFEST_NAME,
    BatchRange,
    LossTotal,
    Manifest,
    TableManifest,
    read_manifest,
    write_manifest,
)
from formats.segment.merging import merge_batches

SEGMENT_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
"""Directory name of a segment. Names that begin with a dot are being written or set aside."""
LEVEL = 2
"""zstd level of a segment's buffers. Measured on `tracepoint`: 6.7 bytes a row; 1 leaves 8.2 for a tenth less time,
3 and 4 leave more for more time, and even 12 saves only 0.2."""


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """The properties of a segment in addition to its rows.

    Attributes:
        id: 32 hexadecimal digits; that of its journal, so that sealing twice gives the same segment.
        node_name: `k8s.node.name`.
        boot_id: of the boot.
        created_by: program and version, e.g. `tapio-recorder 0.1.0`.
        clocks: snapshots in the order of boot time.
        catalog_version: of the writer.
    """

    id: str
    node_name: str
    boot_id: str
    created_by: str
    clocks: tuple[ClockSnapshot, ...] = ()
    catalog_version: int = CATALOG_VERSION


def seal_segment(
    parent: Path,
    name: str,
    header: SegmentHeader,
    batches: Callable[[str], Iterator[pa.RecordBatch]],
    tables: Sequence[str],
    *,
    level: int = LEVEL,
    survey: Callable[[str], Survey | None] = lambda _: None,
) -> Manifest:
    """Write a segment so that it is either wholly there under its name, and on the disk, or not at all.

    Args:
        parent: directory that will hold it.
        name: of the segment's directory; see `SEGMENT_NAME`.
        header: what it says of itself.
        batches: gives the rows of a table in any order, in the catalog's schema, each time it is called.
        tables: names of the tables to write; one without rows is left out.
        level: of zstd.
        survey: what is known of a table's batches already; where it is None, they are read once more to find it.

    Returns:
        Its manifest.

    Raises:
        OutputError: the name is not allowed or taken.
        StorageError: the disk failed or is full; nothing is left behind under the name.
    """
    if SEGMENT_NAME.fullmatch(name) is None or (parent / name).exists():
        raise OutputError(
            "the segment's name is invalid or already in use", where=str(parent / name), next_step="choose another name"
        )
    temporary = parent / f".{name}.sealing"
    try:
        if temporary.exists():
            shutil.rmtree(temporary)  # a sealing that a crash interrupted; its journal is still there
        temporary.mkdir(mode=0o700)
        written: list[TableManifest] = []
        totals: tuple[LossTotal, ...] = ()
        for table in sorted(set(tables)):
            entry = _write_table(temporary, table, batches, level, survey(table))
            if entry is not None:
                written.append(entry)
                totals = _loss_totals(batches(table)) if table == "loss" else totals
        raw = write_manifest(
            Manifest(
                header.id,
                header.node_name,
                header.boot_id,
                header.catalog_version,
                header.created_by,
                header.clocks,
                tuple(written),
                totals,
            )
        )
        for file in (MANIFEST_NAME, MANIFEST_COPY_NAME):
            _write_file(temporary / file, raw)
        sync_directory(temporary)
        temporary.rename(parent / name)
        sync_directory(parent)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise StorageError(
            f"the segment cannot be written ({os.strerror(error.errno or 0)})",
            errno=error.errno or 0,
            where=str(parent / name),
            next_step="free space or check the disk",
        ) from error
    return read_manifest(raw)


def sync_directory(path: Path) -> None:
    """Return when the names in a directory are on the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _write_table(
    directory: Path,
    table: str,
    batches: Callable[[str], Iterator[pa.RecordBatch]],
    level: int,
    survey: Survey | None,
) -> TableManifest | None:
    """One table's file; None, and no file, if it has no rows."""
    known = TABLE_BY_NAME.get(table)
    if known is None:
        first = next(batches(table), None)
        if first is None:
            return None
        schema = first.schema
    else:
        schema = full_schema(known)
    merged = merge_batches(lambda: batches(table), schema, survey)
    batch = next(merged, None)
    if batch is None:
        return None
    options = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=level), use_threads=False)
    spans: list[tuple[int, int, _Bounds]] = []
    path = directory / f"{table}.arrow"
    with path.open("xb", buffering=1 << 20) as file:
        with pa.ipc.new_file(file, schema, options=options) as writer:
            while batch is not None:
                begin = file.tell()
                writer.write_batch(batch)
                spans.append((begin, file.tell(), _bounds(batch)))
                batch = next(merged, None)
        file.flush()
        os.fsync(file.fileno())
    with path.open("rb") as file:
        return _describe(table, file, spans)


_Bounds = tuple[int, int, int, int, int, int, int]


def _bounds(batch: pa.RecordBatch) -> _Bounds:
    """Rows, then least and most of wall clock, boot time and number."""
    bounds = [batch.num_rows]
    for name in (TIME_UNIX_NANO.name, BOOT_TIME_NS.name, EVENT_SEQ.name):
        values = batch.column(name).to_numpy()
        bounds += [int(values.min()), int(values.max())]
    return tuple(bounds)


def _describe(table: str, file: BinaryIO, spans: Sequence[tuple[int, int, _Bounds]]) -> TableManifest:
    """The digests of what was written, taken from the file itself, a batch at a time: it may be large."""
    first = file.read(spans[0][1])
    head = first[: _head_length(first)]  # the dictionaries were written together with the first batch
    crc32 = zlib.crc32(first)
    ranges = []
    for number, (begin, end, bounds) in enumerate(spans):
        stored = first[len(head) :] if number == 0 else file.read(end - begin)
        crc32 = zlib.crc32(stored, crc32) if number else crc32
        ranges.append(BatchRange(end - len(stored), len(stored), digest_of(stored).hex(), *bounds))
    tail = file.read()
    return TableManifest(
        name=table,
        rows=sum(batch.rows for batch in ranges),
        size=file.tell(),
        crc32=zlib.crc32(tail, crc32),
        head=head,
        head_digest=digest_of(head).hex(),
        batches=tuple(ranges),
        tail_digest=digest_of(tail).hex(),
    )


def _head_length(first: bytes) -> int:
    """Where the first record batch begins."""
    view = memoryview(first)
    position = len(FILE_MAGIC)
    while (message := read_message(view, position)) is not None and message.kind is not MessageKind.BATCH:
        position = message.end
    return position


def _loss_totals(batches: Iterator[pa.RecordBatch]) -> tuple[LossTotal, ...]:
    """The losses of one segment added up, sorted by table and reason."""
    keys = ["loss.table", "loss.reason"]
    chosen = [batch.select([*keys, "loss.count"]) for batch in batches]
    if not chosen:
        return ()
    rows = pa.Table.from_batches(chosen).unify_dictionaries()
    plain = pa.table({name: pc.cast(rows[name], pa.utf8()) for name in keys} | {"count": rows["loss.count"]})
    grouped = plain.group_by(keys, use_threads=False).aggregate(
        [("count", "sum"), ("count", "count", pc.CountOptions(mode="only_null"))]
    )
    return tuple(
        sorted(
            (
                LossTotal(row["loss.table"], row["loss.reason"], row["count_sum"] or 0, row["count_count"])
                for row in grouped.to_pylist()
            ),
            key=lambda total: (total.table, total.reason),
        )
    )


def _write_file(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
