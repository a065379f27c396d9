"""Batches made ready to be kept: completed with the recorder's columns, made from rows, cut to the size of a frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa

from formats import limits
from formats.arrow.text_length import longest_text
from formats.columns import BOOT_TIME_NS, EVENT_SEQ, NAME_TYPE, NODE_NAME, TIME_UNIX_NANO, Column, Table
from formats.errors import LimitError, TapioError

_ZEROS = np.zeros(limits.FRAME_ROWS, np.int32)


@lru_cache(maxsize=64)
def full_schema(table: Table) -> pa.Schema:
    """`table.schema`, built once."""
    return table.schema


@lru_cache(maxsize=64)
def drained_schema(table: Table) -> pa.Schema:
    """`table.drained_schema`, built once."""
    return table.drained_schema


def complete_batch(
    table: Table, drained: pa.RecordBatch, *, node_name: str, first_seq: int, unix_minus_boot_ns: int
) -> pa.RecordBatch:
    """What a source drained, with the columns that the recorder adds.

    Args:
        table: the table of the source.
        drained: rows of `table.drained_schema`, in the order of time.
        node_name: this node.
        first_seq: `event_seq` of the first row; the others follow densely.
        unix_minus_boot_ns: CLOCK_REALTIME less CLOCK_BOOTTIME by the newest clock snapshot.

    Returns:
        The same rows in `table.schema`; no column of `drained` is copied.

    Raises:
        TapioError: the batch does not have the exact schema, which is a defect of the source.
    """
    if not drained.schema.equals(drained_schema(table)):
        raise TapioError(
            f"a batch does not match the table ({_first_difference(drained.schema, drained_schema(table))})",
            where=table.name,
            next_step="this is a defect of the source; please report it",
        )
    rows = drained.num_rows
    boot = drained.column(BOOT_TIME_NS.name).to_numpy()
    added = {
        TIME_UNIX_NANO.name: pa.array(boot + unix_minus_boot_ns),
        EVENT_SEQ.name: pa.array(np.arange(first_seq, first_seq + rows, dtype=np.uint64)),
        NODE_NAME.name: constant_text(node_name, rows),
    }
    schema = full_schema(table)
    columns = [added[name] if name in added else drained.column(name) for name in schema.names]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def constant_text(text: str, rows: int) -> pa.DictionaryArray:
    """A `NAME_TYPE` column that has the same text in every row: the indices are shared zeros."""
    indices = pa.array(_ZEROS[:rows] if rows <= len(_ZEROS) else np.zeros(rows, np.int32))
    return pa.DictionaryArray.from_arrays(indices, pa.array([text], pa.utf8()), safe=False)


def batch_from_rows(table: Table, rows: Sequence[Mapping[str, object]]) -> pa.RecordBatch:
    r"""Rows of a peer that speaks seldom, as a batch of `table.drained_schema`.

    A column that a row leaves out is null. Characters that UTF-8 cannot hold (lone surrogates, which JSON allows)
    become `\\udXXX` written out.

    Raises:
        TapioError: a row has a key that is no column, or a value that the column cannot hold.
    """
    schema = drained_schema(table)
    known = frozenset(schema.names)
    for row in rows:
        if not known.issuperset(row):
            unknown = min(set(row) - known)
            raise TapioError(
                f"a row has the key {unknown!r}, which is not a column of the table",
                where=table.name,
                next_step="this is a defect of the source; please report it",
            )
    columns = [_column_from_values(table.column(name), table, [row.get(name) for row in rows]) for name in schema.names]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _column_from_values(column: Column, table: Table, values: list[object]) -> pa.Array:
    is_text = column.type in (pa.utf8(), NAME_TYPE)
    if is_text:
        values = [_encodable(value) for value in values]
    try:
        array = pa.array(values, pa.utf8() if is_text else column.type)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        reason = str(error).split("\n", 1)[0][:120]
        raise TapioError(
            f"a value does not match the column ({reason})",
            where=f"{table.name}.{column.name}",
            next_step="this is a defect of the source; please report it",
        ) from error
    if array.null_count and not column.nullable:
        raise TapioError(
            "a row has no value for a required column",
            where=f"{table.name}.{column.name}",
            next_step="this is a defect of the source; please report it",
        )
    return array.dictionary_encode() if column.type == NAME_TYPE else array


def _encodable(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "backslashreplace").decode()
    return value


def split_batch(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The batch in pieces that fit one frame: at most `FRAME_ROWS` rows and `FRAME_WRITE_BYTES` bytes. Empty: none.

    Raises:
        LimitError: a single row is larger, or has a text longer than `TEXT_BYTES`.
    """
    for start in range(0, batch.num_rows, limits.FRAME_ROWS):
        yield from _halve(batch.slice(start, limits.FRAME_ROWS))


def _halve(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    if batch.nbytes <= limits.TEXT_BYTES:  # then no text can be longer either
        yield batch
        return
    _check_texts(batch)
    batch = _compact_dictionaries(batch)
    if batch.nbytes <= limits.FRAME_WRITE_BYTES:
        yield batch
        return
    if batch.num_rows == 1:
        raise LimitError("bytes of one row", batch.nbytes, limits.FRAME_WRITE_BYTES)
    half = batch.num_rows // 2
    yield from _halve(batch.slice(0, half))
    yield from _halve(batch.slice(half))


def _check_texts(batch: pa.RecordBatch) -> None:
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        texts = column.dictionary if pa.types.is_dictionary(column.type) else column
        if pa.types.is_string(texts.type) and texts.nbytes > limits.TEXT_BYTES:
            longest = longest_text(texts)
            if longest > limits.TEXT_BYTES:
                raise LimitError(f"bytes of one text of {name}", longest, limits.TEXT_BYTES)


def _compact_dictionaries(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Dictionaries without the values that a slice does not use, where they are larger than the slice."""
    columns = [
        column.dictionary_decode().dictionary_encode()
        if pa.types.is_dictionary(column.type) and len(column.dictionary) > batch.num_rows
        else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _first_difference(found: pa.Schema, expected: pa.Schema) -> str:
    for index, field in enumerate(expected):
        if index >= len(found) or not found.field(index).equals(field):
            there = str(found.field(index)) if index < len(found) else "nothing"
            return f"column {index} should be {field}, found {there}"
    return f"{len(found)} columns instead of {len(expected)}"
