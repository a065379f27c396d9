"""Rows of a foreign recording on their way into a capture: the part that is the same for every format."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import pyarrow as pa

from formats.batches import batch_from_rows, complete_batch
from formats.catalog import TABLE_BY_NAME
from formats.clock import ClockSnapshot, Instant
from formats.columns import TIME_UNIX_NANO, Table
from formats.loss import LossReason
from formats.rows.clock_row import clock_row
from formats.rows.kube_event import EventRow, event_batch
from formats.rows.kube_object import ObjectRow, object_batch
from formats.rows.loss_row import loss_row
from formats.segment.sealing import SegmentHeader, seal_segment
from formats.severity import SeverityNumber

PENDING_BYTES = 8 << 20
"""Rows that are kept as Python objects before they become an Arrow batch."""

CLOCK_DRIFT_NS = 1_000_000
"""Wall clock and boot clock of a line that disagree by more than this make a new clock snapshot. Why: the two clocks
are read one after the other, so they always differ by some microseconds."""

CLOCK_SNAPSHOTS = 1_000


@dataclass(frozen=True, slots=True)
class PlainRow:
    """A row as its columns by name, all but `boot_time_ns`."""

    columns: Mapping[str, object]

    @property
    def stored_bytes(self) -> int:
        """About how many bytes it holds in memory."""
        return 1024


RowT = TypeVar("RowT", ObjectRow, EventRow, PlainRow)


class Recording:
    """Collects rows and losses, and seals them as the one segment of a capture.

    Args:
        node_name: what `k8s.node.name` will be: who recorded it.
    """

    def __init__(self, node_name: str) -> None:
        self.node_name = node_name
        self._clocks: list[ClockSnapshot] = []
        self._batches: dict[str, list[pa.RecordBatch]] = defaultdict(list)
        self._next_seq: dict[str, int] = defaultdict(int)
        self._objects: _Pending[ObjectRow] = _Pending(object_batch)
        self._events: _Pending[EventRow] = _Pending(event_batch)
        self._others: dict[str, _Pending[PlainRow]] = {}
        self._losses: list[tuple[Instant, dict[str, object]]] = []

    @property
    def rows(self) -> int:
        """Rows so far, losses left out."""
        pending = len(self._objects.rows) + len(self._events.rows) + sum(len(one.rows) for one in self._others.values())
        return sum(self._next_seq.values()) + pending

    def add_objects(self, rows: Sequence[ObjectRow], at: Instant) -> None:
        """Rows of `kube_object` that were received at one instant."""
        self._add(TABLE_BY_NAME["kube_object"], self._objects, rows, at)

    def add_events(self, rows: Sequence[EventRow], at: Instant) -> None:
        """Rows of `kube_event` that were received at one instant."""
        self._add(TABLE_BY_NAME["kube_event"], self._events, rows, at)

    def add_rows(self, table: str, rows: Sequence[Mapping[str, object]], at: Instant) -> None:
        """Rows of another table that were received at one instant.

        Args:
            table: its name.
            rows: columns by name; without a severity they are INFO.
            at: when.
        """
        known = TABLE_BY_NAME[table]
        pending = self._others.setdefault(table, _Pending(partial(_plain_batch, known)))
        self._add(known, pending, [PlainRow(row) for row in rows], at)

    def add_loss(
        self, table: str, reason: LossReason, count: int | None, *, since: Instant, until: Instant, detail: str
    ) -> None:
        """A row of `loss`.

        Args:
            table: the table that misses rows.
            reason: why.
            count: how many; None = unknown.
            since: nothing was lost before.
            until: nothing was lost after.
            detail: where exactly.
        """
        row = loss_row(table, reason, count, from_boot_ns=since.boot_ns, to_boot_ns=until.boot_ns, detail=detail)
        self._losses.append((until, row))

    def tell_clock(self, at: Instant) -> None:
        """What wall clock and boot clock of a line say of each other."""
        offset = at.unix_nano - at.boot_ns
        if self._clocks and abs(self._clocks[-1].unix_minus_boot_ns - offset) <= CLOCK_DRIFT_NS:
            return
        if len(self._clocks) < CLOCK_SNAPSHOTS and (not self._clocks or at.boot_ns > self._clocks[-1].boot_time_ns):
            self._clocks.append(ClockSnapshot(at.unix_nano, at.boot_ns, at.boot_ns, 0, None, is_synchronized=False))

    def seal(self, parent: Path, name: str, *, identity: str, created_by: str) -> Path:
        """Write the segment.

        Args:
            parent: directory that will hold it.
            name: of the segment.
            identity: what makes this recording this one; the same identity gives the same bytes.
            created_by: program and version.

        Returns:
            The segment's directory.
        """
        identifier = hashlib.blake2b(identity.encode(), digest_size=16).hexdigest()
        self._flush(TABLE_BY_NAME["kube_object"], self._objects)
        self._flush(TABLE_BY_NAME["kube_event"], self._events)
        for table, pending in self._others.items():
            self._flush(TABLE_BY_NAME[table], pending)
        self._keep_losses()
        self._keep_clocks(identifier)
        header = SegmentHeader(identifier, self.node_name, identifier, created_by, tuple(self._clocks))
        seal_segment(parent, name, header, lambda table: iter(self._batches[table]), tuple(self._batches))
        return parent / name

    def _add(self, table: Table, pending: _Pending[RowT], rows: Sequence[RowT], at: Instant) -> None:
        for row in rows:
            pending.rows.append((at, row))
            pending.bytes += row.stored_bytes
            if pending.bytes > PENDING_BYTES:
                self._flush(table, pending)

    def _flush(self, table: Table, pending: _Pending[RowT]) -> None:
        if not pending.rows:
            return
        ordered = sorted(pending.rows, key=lambda entry: entry[0].boot_ns)
        drained = pending.to_batch([row for _, row in ordered], [at.boot_ns for at, _ in ordered])
        self._keep(table, drained, [at.unix_nano for at, _ in ordered])
        pending.rows, pending.bytes = [], 0

    def _keep_losses(self) -> None:
        ordered = sorted(self._losses, key=lambda entry: entry[0].boot_ns)
        self._keep_rows("loss", [row for _, row in ordered], [at.unix_nano for at, _ in ordered])

    def _keep_clocks(self, boot_id: str) -> None:
        rows = [clock_row(clock, is_jump=False, clocksource="imported", boot_id=boot_id) for clock in self._clocks]
        self._keep_rows("clock", rows, [clock.time_unix_nano for clock in self._clocks])

    def _keep_rows(self, table: str, rows: list[dict[str, object]], times_unix_nano: list[int]) -> None:
        if rows:
            self._keep(TABLE_BY_NAME[table], batch_from_rows(TABLE_BY_NAME[table], rows), times_unix_nano)

    def _keep(self, table: Table, drained: pa.RecordBatch, times_unix_nano: list[int]) -> None:
        first_seq = self._next_seq[table.name]
        batch = complete_batch(table, drained, node_name=self.node_name, first_seq=first_seq, unix_minus_boot_ns=0)
        # The file's own wall clock is nearer to the truth than a sum of boot clock and an older difference.
        index = batch.schema.get_field_index(TIME_UNIX_NANO.name)
        times = pa.array(times_unix_nano, TIME_UNIX_NANO.type)
        self._batches[table.name].append(batch.set_column(index, batch.schema.field(index), times))
        self._next_seq[table.name] += batch.num_rows


def _plain_batch(table: Table, rows: Sequence[PlainRow], boot_times_ns: Sequence[int]) -> pa.RecordBatch:
    info = {"severity_number": SeverityNumber.INFO}
    return batch_from_rows(
        table,
        [info | dict(row.columns) | {"boot_time_ns": time} for row, time in zip(rows, boot_times_ns, strict=True)],
    )


class _Pending(Generic[RowT]):
    """Rows that are not yet a batch."""

    def __init__(self, to_batch: Callable[[Sequence[RowT], Sequence[int]], pa.RecordBatch]) -> None:
        self.to_batch: Callable[[Sequence[RowT], Sequence[int]], pa.RecordBatch] = to_batch
        self.rows: list[tuple[Instant, RowT]] = []
        self.bytes = 0
