"""The corpus on disk: three Parquet files that any tool opens, and from which the next run continues.

Each file is replaced whole; `captures.parquet` is written last, so that what it lists is in the others.
"""

from __future__ import annotations

import dataclasses
import os
import types
import typing
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from analyzer.corpus.capture_rows import CaptureRows
from formats.errors import FormatError, explain_unwritten
from formats.postmortem.corpus import CorpusCapture, CorpusFinding, Occurrence
from formats.postmortem.values import Time
from formats.times import format_time, parse_time

VERSION: Final = b"2"
"""Of the layout; in the metadata of every file, under `VERSION_KEY`."""

VERSION_KEY: Final = b"tapio.corpus"
CAPTURES, FINDINGS, OCCURRENCES = "captures.parquet", "findings.parquet", "occurrences.parquet"

Row = TypeVar("Row", CorpusCapture, CorpusFinding, Occurrence)

_TIME_TYPE = pa.timestamp("ns", "UTC")
_TYPES: dict[Any, pa.DataType] = {int: pa.int64(), float: pa.float64(), str: pa.string(), bool: pa.bool_()}
_NEXT_STEP = "choose another directory with -o, or remove it to analyze all captures again"


def read_dataset(directory: Path) -> list[CaptureRows]:
    """What earlier runs kept, sorted by path; nothing if there is no dataset yet.

    Raises:
        FormatError: there are files that are not such a dataset, or of another version.
    """
    if not (directory / CAPTURES).exists():
        return []
    captures, findings = _read(directory / CAPTURES, CorpusCapture), _read(directory / FINDINGS, CorpusFinding)
    by_file: dict[str, list[CorpusFinding]] = {}
    for finding in findings:
        by_file.setdefault(finding.file, []).append(finding)
    return [CaptureRows(capture, tuple(by_file.get(capture.file, ()))) for capture in captures]


def write_dataset(directory: Path, rows: Iterable[CaptureRows], occurrences: Sequence[Occurrence]) -> None:
    """Replaces the dataset. The same rows give the same bytes, whatever their order.

    Raises:
        OutputError, StorageError: it cannot be written; `captures.parquet` has not changed then.
    """
    kept = sorted(rows, key=lambda one: (one.capture.path, one.capture.file))
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _write(directory / FINDINGS, CorpusFinding, [finding for one in kept for finding in one.findings])
        _write(directory / OCCURRENCES, Occurrence, occurrences)
        _write(directory / CAPTURES, CorpusCapture, [one.capture for one in kept])
    except OSError as error:
        raise explain_unwritten(
            error, "the dataset", where=str(directory), next_step="choose another directory with -o"
        ) from error


def schema_of(kind: type) -> pa.Schema:
    """The columns of a table: the fields of its rows, times as timestamps in UTC."""
    hints = typing.get_type_hints(kind, include_extras=True)
    fields = [_field(field.name, hints[field.name]) for field in dataclasses.fields(kind)]
    return pa.schema(fields, metadata={VERSION_KEY: VERSION})


def _field(name: str, hint: Any) -> pa.Field:
    is_nullable = isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union
    inner = next(part for part in typing.get_args(hint) if part is not type(None)) if is_nullable else hint
    return pa.field(name, _type_of(inner), nullable=is_nullable)


def _type_of(hint: Any) -> pa.DataType:
    if hint == Time:
        return _TIME_TYPE
    if typing.get_origin(hint) is typing.Annotated:
        return _type_of(typing.get_args(hint)[0])
    if typing.get_origin(hint) is tuple:
        return pa.list_(pa.field("element", _type_of(typing.get_args(hint)[0]), nullable=False))
    return _TYPES[hint]


def _write(path: Path, kind: type[Row], rows: Sequence[Row]) -> None:
    schema = schema_of(kind)
    columns = []
    for field in schema:
        values = [getattr(row, field.name) for row in rows]
        if field.type == _TIME_TYPE:
            values = [None if value is None else parse_time(value) for value in values]
        columns.append(pa.array(values, field.type))
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        pq.write_table(pa.Table.from_arrays(columns, schema=schema), temporary, compression="zstd")
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _read(path: Path, kind: type[Row]) -> list[Row]:
    schema = schema_of(kind)
    try:
        # `read_table` with a path would look for partitions in its name.
        with path.open("rb") as file:
            table = pq.ParquetFile(file).read()
    except (OSError, pa.ArrowException) as error:
        said = str(error).partition("\n")[0]
        raise FormatError(f"the dataset cannot be read ({said})", where=str(path), next_step=_NEXT_STEP) from None
    if not table.schema.equals(schema) or (table.schema.metadata or {}).get(VERSION_KEY) != VERSION:
        raise FormatError("not a corpus of this version of Tapio", where=str(path), next_step=_NEXT_STEP)
    columns: dict[str, list[Any]] = {}
    for field in schema:
        column = table[field.name]
        if field.type == _TIME_TYPE:
            nanoseconds = column.cast(pa.int64()).to_pylist()
            columns[field.name] = [None if value is None else format_time(value) for value in nanoseconds]
        else:
            columns[field.name] = column.to_pylist()
    try:
        return [
            msgspec.convert(dict(zip(columns, values, strict=True)), kind)
            for values in zip(*columns.values(), strict=True)
        ]
    except msgspec.ValidationError as error:
        raise FormatError(f"the dataset is malformed ({error})", where=str(path), next_step=_NEXT_STEP) from None
