"""The rows of one table brought into one order with one dictionary per column, without holding them all in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from formats import limits
from formats.batches import split_batch
from formats.columns import BOOT_TIME_NS, EVENT_SEQ
from formats.errors import FormatError, LimitError


def merge_batches(batches: Callable[[], Iterator[pa.RecordBatch]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The same rows ordered by `boot_time_ns`, then `event_seq`, in batches as large as a segment may have.

    The result depends on the rows alone, not on how they were cut into batches: dictionaries are sorted and hold only
    what is used, and slots without a value are zero.

    Memory: the rows of those batches that overlap in time, and the dictionaries. Source batches come nearly in order,
    so that is two batches, and not the table.

    Args:
        batches: gives all rows each time it is called; it is called twice.
        schema: of every batch.
    """
    lowest, dictionaries = _survey(batches(), schema)
    if not lowest:
        return
    horizons = np.minimum.accumulate(np.array([*lowest[1:], np.iinfo(np.int64).max])[::-1])[::-1]
    pending: list[pa.RecordBatch] = []
    rows, due = 0, limits.FRAME_ROWS
    for index, batch in enumerate(_not_empty(batches())):
        pending.append(_unify(batch, schema, dictionaries))
        rows += batch.num_rows
        is_last = index == len(horizons) - 1
        if rows < due and not is_last:
            continue
        ordered = _sort(_concat(pending))
        boot = ordered.column(BOOT_TIME_NS.name).to_numpy()
        settled = rows if is_last else int(np.searchsorted(boot, horizons[index], side="left"))
        whole = settled if is_last else settled - settled % limits.FRAME_ROWS
        for piece in split_batch(ordered.slice(0, whole)):
            yield _canonical(piece, schema, dictionaries)
        pending = [ordered.slice(whole)]
        rows -= whole
        due = max(limits.FRAME_ROWS, 2 * rows)  # doubling keeps the sorting linear when rows come late


def _not_empty(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    return (batch for batch in batches if batch.num_rows)


def _survey(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> tuple[list[int], dict[str, pa.Array]]:
    """Earliest boot time of each batch, and the sorted used values of every dictionary column."""
    lowest: list[int] = []
    names = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    used: dict[str, pa.Array] = {name: pa.array([], pa.utf8()) for name in names}
    for batch in _not_empty(batches):
        if not batch.schema.equals(schema):
            raise FormatError("two batches of one table have different columns")
        lowest.append(int(batch.column(BOOT_TIME_NS.name).to_numpy().min()))
        for name in names:
            values = _used_values(batch.column(name))
            unseen = values.filter(pc.invert(pc.is_in(values, value_set=used[name])))
            if len(unseen):
                used[name] = pa.concat_arrays([used[name], unseen])
                if len(used[name]) > limits.DICTIONARY_VALUES:
                    raise LimitError(f"values of the dictionary {name}", len(used[name]), limits.DICTIONARY_VALUES)
    return lowest, {name: values.take(pc.sort_indices(values)) for name, values in used.items()}


def _used_values(column: pa.DictionaryArray) -> pa.Array:
    mask = np.zeros(len(column.dictionary), bool)
    indices = column.indices.drop_null() if column.null_count else column.indices
    mask[indices.to_numpy()] = True
    return column.dictionary.filter(pa.array(mask)).unique()


def _unify(batch: pa.RecordBatch, schema: pa.Schema, dictionaries: dict[str, pa.Array]) -> pa.RecordBatch:
    """The batch with plain indices into the shared dictionaries in place of its own."""
    columns = []
    for field, column in zip(schema, batch.columns, strict=True):
        if field.name in dictionaries:
            places = pc.index_in(column.dictionary, value_set=dictionaries[field.name]).fill_null(0)
            columns.append(places.take(column.indices))
        else:
            columns.append(column)
    return pa.RecordBatch.from_arrays(columns, names=schema.names)


def _concat(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


def _sort(batch: pa.RecordBatch) -> pa.RecordBatch:
    boot = batch.column(BOOT_TIME_NS.name).to_numpy()
    seq = batch.column(EVENT_SEQ.name).to_numpy()
    later = boot[1:] > boot[:-1]
    if bool((later | ((boot[1:] == boot[:-1]) & (seq[1:] >= seq[:-1]))).all()):
        return batch
    return batch.take(pa.array(np.lexsort((seq, boot))))


def _canonical(batch: pa.RecordBatch, schema: pa.Schema, dictionaries: dict[str, pa.Array]) -> pa.RecordBatch:
    """The batch in its schema, zero in every slot without a value: nothing old leaks, equal rows are equal bytes."""
    columns = []
    for field, column in zip(schema, batch.columns, strict=True):
        plain = _zero_nulls(column) if column.null_count else column
        if field.name in dictionaries:
            plain = pa.DictionaryArray.from_arrays(plain, dictionaries[field.name], safe=False)
        columns.append(plain)
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _zero_nulls(column: pa.Array) -> pa.Array:
    empty: object = "" if pa.types.is_string(column.type) else False if pa.types.is_boolean(column.type) else 0
    is_valid = column.is_valid().to_numpy(zero_copy_only=False)
    filled = pc.fill_null(column, pa.scalar(empty, column.type))
    if filled.offset:
        filled = pa.concat_arrays([filled])
    bitmap = pa.py_buffer(np.packbits(is_valid, bitorder="little"))
    return pa.Array.from_buffers(
        column.type, len(column), [bitmap, *filled.buffers()[1:]], null_count=column.null_count
    )
