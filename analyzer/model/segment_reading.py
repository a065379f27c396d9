"""Reading a table of a segment slice by slice, every row with its aligned time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from analyzer.model.clock_alignment import ClockAlignment
from formats import limits
from formats.capture.reading import Capture
from formats.columns import BOOT_TIME_NS, TIME_UNIX_NANO
from formats.loss import Damage
from formats.segment.manifest import BatchRange
from formats.segment.reading import Segment

ALIGNED_TIME = pa.field("at_ns", pa.int64(), nullable=False)
LATEST_NS = limits.TIME_NS
"""Latest aligned time. Why: times are taken from each other and added to; hostile ones would overflow 64 bits."""

PART_ROWS = 1_000_000
"""Rows of frequent tables that one part has, about; twice as many at most. Why: enough for columnar work to pay, and
about 100 MB when decoded."""


Window = tuple[int | None, int | None]
"""Begin and end in unix ns, both included; None = as far as the capture goes."""

CLOCK_STEP_NS = 60_000_000_000
"""How far a batch may lie outside of a window and is read nevertheless. Why: the manifest has times of the wall clock,
which may have been set since; rows are compared by their aligned time."""


@dataclass(frozen=True, slots=True)
class ReadRows:
    """What was read of one table of one segment."""

    name: str
    table: pa.Table
    damage: tuple[Damage, ...]


class OpenTable:
    """A table of a segment that is read one slice after the other.

    Args:
        segment: that has it.
        name: of the table.
        schema: columns to read.
        alignment: of the segment's boot; None: rows keep their own wall clock.
        window: rows outside of it are left out.

    Attributes:
        index: the batches that will be read, as the manifest lists them.
    """

    def __init__(
        self,
        segment: Segment,
        name: str,
        schema: pa.Schema,
        *,
        alignment: ClockAlignment | None,
        window: Window,
    ) -> None:
        begin, end = widen_window(window)
        self._window = window
        self.index = [
            batch
            for batch in segment.batch_index(name)
            if (begin is None or batch.max_unix_nano >= begin) and (end is None or batch.min_unix_nano <= end)
        ]
        self._name = name
        self._schema = schema.append(ALIGNED_TIME)
        self._alignment = alignment
        clock = BOOT_TIME_NS.name if alignment else TIME_UNIX_NANO.name
        self._items = segment.batches(name, tuple(dict.fromkeys((*schema.names, clock))), begin, end)
        self._given = 0

    def read_until(self, end_boot_ns: int | None) -> ReadRows:
        """The batches that begin before a boot time and were not read yet; None = all that are left."""
        batches, damage = [], []
        while end_boot_ns is None or (
            self._given < len(self.index) and self.index[self._given].min_boot_ns < end_boot_ns
        ):
            item = next(self._items, None)
            if item is None:
                break
            self._given += 1
            if isinstance(item, Damage):
                damage.append(item)
            else:
                batches.append(self._cut(_with_aligned_time(item, self._schema, self._alignment)))
        return ReadRows(self._name, pa.Table.from_batches(batches, self._schema), tuple(damage))

    def _cut(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows of a batch that are in the window."""
        begin, end = self._window
        if begin is None and end is None:
            return batch
        times = batch.column(ALIGNED_TIME.name).to_numpy()
        first, last = begin or 0, LATEST_NS if end is None else end
        inside = (times >= first) & (times <= last)
        return batch if inside.all() else batch.filter(pa.array(inside))


def count_rows(capture: Capture, window: Window) -> dict[str, int]:
    """Rows by table whose wall clock time is in a window; tables without such rows have 0."""
    begin, end = window
    if begin is None and end is None:
        return capture.tables
    counted = dict.fromkeys(capture.tables, 0)
    for segment in capture.segments:
        for name in segment.tables:
            for batch in segment.batches(name, (TIME_UNIX_NANO.name,), begin, end):
                if not isinstance(batch, Damage):
                    times = batch.column(TIME_UNIX_NANO.name).to_numpy()
                    inside = (times >= (begin or 0)) & (times <= (LATEST_NS if end is None else end))
                    counted[name] += int(inside.sum())
    return counted


def widen_window(window: Window) -> Window:
    """The window by the wall clock in which every row of a window by aligned time lies."""
    begin, end = window
    return None if begin is None else begin - CLOCK_STEP_NS, None if end is None else end + CLOCK_STEP_NS


def _with_aligned_time(batch: pa.RecordBatch, schema: pa.Schema, alignment: ClockAlignment | None) -> pa.RecordBatch:
    """The columns of `schema`, whose last one is the aligned time."""
    if alignment is None:
        aligned = batch.column(TIME_UNIX_NANO.name).to_numpy()
    else:
        aligned = alignment.align(batch.column(BOOT_TIME_NS.name).to_numpy())
    if aligned.size and (aligned.min() < 0 or aligned.max() > LATEST_NS):
        aligned = np.clip(aligned, 0, LATEST_NS)
    columns = [batch.column(name) for name in schema.names[:-1]]
    # Not `pa.array(aligned)`: it imports `numpy.ma`, to ask whether the array is a masked one.
    times = pa.Array.from_buffers(
        pa.int64(), len(aligned), [None, pa.py_buffer(np.ascontiguousarray(aligned, np.int64))]
    )
    return pa.RecordBatch.from_arrays([*columns, times], schema=schema)


def cut_segment(batches: Sequence[BatchRange]) -> Iterator[tuple[int | None, int]]:
    """Where a segment is cut into slices of about `PART_ROWS` rows: boot time of the end, and rows.

    The end of the last one is None, for the segment's end.
    """
    rows = 0
    for batch in sorted(batches, key=lambda one: one.min_boot_ns):
        if rows >= PART_ROWS:
            yield batch.min_boot_ns, rows
            rows = 0
        rows += batch.rows
    yield None, rows
