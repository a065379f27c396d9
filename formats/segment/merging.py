"""The rows of one table brought into one order with one dictionary per column, without holding them all in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from formats import limits
from formats.batches import split_batch
from formats.columns import BOOT_TIME_NS, EVENT_SEQ
from formats.errors import FormatError
from formats.journal.survey import Survey, survey_batches

_SMALL_ROWS: Final = 16_384


def merge_batches(
    batches: Callable[[], Iterator[pa.RecordBatch]], schema: pa.Schema, survey: Survey | None = None
) -> Iterator[pa.RecordBatch]:
    """The same rows ordered by `boot_time_ns`, then `event_seq`, in batches as large as a segment may have.

    The result depends on the rows alone, not on how they were cut into batches: dictionaries are sorted and hold only
    what is used, and slots without a value are zero.

    Memory: the rows of those batches that overlap in time, and the dictionaries. Source batches come nearly in order,
    so that is two batches, and not the table.

    Args:
        batches: gives all rows each time it is called; it is called once more if there is no `survey`.
        schema: of every batch.
        survey: of the same batches. It may know of batches that do not come, which only delays what is given.

    Raises:
        FormatError: a batch has another schema.
        LimitError: a column has more distinct texts than one dictionary may hold.
    """
    survey = survey_batches(batches(), schema) if survey is None else survey
    if not survey.lowest:
        return
    dictionaries = {
        field.name: survey.texts.get(field.name, pa.array([], pa.utf8()))
        for field in schema
        if pa.types.is_dictionary(field.type)
    }
    # The earliest boot time that can still come after each batch.
    horizons = np.minimum.accumulate(np.array([*survey.lowest[1:], np.iinfo(np.int64).max])[::-1])[::-1]
    waiting: list[pa.RecordBatch] = []
    ordered: pa.RecordBatch | None = None
    rows, due = 0, limits.FRAME_ROWS
    for index, batch in enumerate(_checked(batches(), schema)):
        waiting.append(batch)
        rows += batch.num_rows
        if rows < due:
            continue
        ordered = _merge(ordered, waiting, schema, dictionaries)
        boot = ordered.column(BOOT_TIME_NS.name).to_numpy()
        settled = int(np.searchsorted(boot, horizons[index], side="left"))
        whole = settled - settled % limits.FRAME_ROWS
        yield from _finish(ordered.slice(0, whole), schema, dictionaries)
        ordered, waiting = ordered.slice(whole), []
        rows -= whole
        due = max(limits.FRAME_ROWS, 2 * rows)  # doubling keeps the sorting linear when rows come late
    if rows:
        yield from _finish(_merge(ordered, waiting, schema, dictionaries), schema, dictionaries)


def _checked(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        if not batch.schema.equals(schema):
            raise FormatError("two batches of one table have different columns")
        if batch.num_rows:
            yield batch


def _merge(
    ordered: pa.RecordBatch | None,
    waiting: list[pa.RecordBatch],
    schema: pa.Schema,
    dictionaries: Mapping[str, pa.Array],
) -> pa.RecordBatch:
    """What was in order already and what came since, in one order, dictionary columns as plain indices."""
    parts = [] if ordered is None or not ordered.num_rows else [ordered]
    if waiting:
        # Small batches are put together first: to find the places of their texts costs as much for ten rows as for all.
        is_small = sum(batch.num_rows for batch in waiting) < len(waiting) * _SMALL_ROWS
        parts += [_unify(batch, schema, dictionaries) for batch in ([_concat(waiting)] if is_small else waiting)]
    return _sort(_concat(parts))


def _unify(batch: pa.RecordBatch, schema: pa.Schema, dictionaries: Mapping[str, pa.Array]) -> pa.RecordBatch:
    """The batch with plain indices into the shared dictionaries in place of its own."""
    columns = []
    for field, column in zip(schema, batch.columns, strict=True):
        if field.name in dictionaries:
            shared = dictionaries[field.name]
            if column.dictionary.equals(shared):
                columns.append(column.indices)
            else:
                places = pc.index_in(column.dictionary, value_set=shared).take(column.indices)
                if places.null_count != column.null_count:
                    raise FormatError(
                        f"the column {field.name} has a text that the survey of its table does not contain"
                    )
                columns.append(places)
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


def _finish(batch: pa.RecordBatch, schema: pa.Schema, dictionaries: Mapping[str, pa.Array]) -> Iterator[pa.RecordBatch]:
    for piece in split_batch(batch):
        yield _canonical(piece, schema, dictionaries)


def _canonical(batch: pa.RecordBatch, schema: pa.Schema, dictionaries: Mapping[str, pa.Array]) -> pa.RecordBatch:
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
