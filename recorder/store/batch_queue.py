"""Batches that wait for the disk: numbered when they come, bounded in bytes, the oldest given up first."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from formats.batches import complete_batch
from formats.columns import BOOT_TIME_NS, EVENT_SEQ, Table
from formats.limits import FRAME_ROWS
from recorder.wall_clock import WallClock


@dataclass(frozen=True, slots=True)
class QueuedBatch:
    """One batch as it will be written.

    Attributes:
        table: that it belongs to.
        batch: completed: numbered, with the node and the wall clock.
        from_boot_ns: time of its earliest row; `to_boot_ns` is that of its latest.
        size: in bytes of memory.
    """

    table: Table
    batch: pa.RecordBatch
    from_boot_ns: int
    to_boot_ns: int
    size: int


class BatchQueue:
    """Numbers batches and keeps them until they are written.

    Args:
        node_name: `k8s.node.name` of every row.
        wall_clock: gives every row its wall clock.
        max_bytes: most that waits while the disk refuses.
        next_seq: number of each table's next event.
    """

    def __init__(self, node_name: str, wall_clock: WallClock, *, max_bytes: int, next_seq: Mapping[str, int]) -> None:
        self._node_name = node_name
        self._wall_clock = wall_clock
        self._max_bytes = max_bytes
        self._next_seq = dict(next_seq)
        self._batches: deque[QueuedBatch] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._batches)

    @property
    def bytes(self) -> int:
        """What waits, in bytes of memory."""
        return self._bytes

    @property
    def numbers(self) -> dict[str, int]:
        """Number of each table's next event."""
        return dict(self._next_seq)

    def next_seq(self, table: str) -> int:
        """Number of the table's next event."""
        return self._next_seq.get(table, 0)

    def first_unwritten(self) -> dict[str, int]:
        """Number of each table's first event that a new journal will hold: what is queued was numbered before."""
        numbers = dict(self._next_seq)
        for item in reversed(self._batches):
            numbers[item.table.name] = item.batch.column(EVENT_SEQ.name)[0].as_py()
        return numbers

    def add(self, table: Table, drained: pa.RecordBatch) -> None:
        """Number a drained batch and queue it. A batch without rows is none.

        Raises:
            TapioError: it does not have the table's schema; nothing was queued and no number was taken.
        """
        if drained.num_rows == 0:
            return
        batch = self.complete(table, drained)
        self.take_numbers(table.name, batch.num_rows)
        boot = batch.column(BOOT_TIME_NS.name).to_numpy()
        self._batches.append(QueuedBatch(table, batch, int(boot.min()), int(boot.max()), batch.nbytes))
        self._bytes += batch.nbytes

    def complete(self, table: Table, drained: pa.RecordBatch) -> pa.RecordBatch:
        """The batch with the table's next numbers, which stay free until `take_numbers`.

        Raises:
            TapioError: it does not have the table's schema.
        """
        return complete_batch(
            table,
            drained,
            node_name=self._node_name,
            first_seq=self.next_seq(table.name),
            unix_minus_boot_ns=self._wall_clock.unix_minus_boot_ns,
        )

    def take_numbers(self, table: str, rows: int) -> None:
        """That many of the table's numbers are given away."""
        self._next_seq[table] = self.next_seq(table) + rows

    def waiting(self) -> list[QueuedBatch]:
        """What waits, the oldest first."""
        return list(self._batches)

    def remove(self, done: Collection[QueuedBatch]) -> None:
        """These were written, or are counted as lost."""
        gone = {id(item) for item in done}
        self._batches = deque(item for item in self._batches if id(item) not in gone)
        self._bytes -= sum(item.size for item in done)

    def drop_excess(self) -> list[QueuedBatch]:
        """Give up the oldest until the rest is within the bound. Who calls this counts them as lost."""
        dropped: list[QueuedBatch] = []
        while self._bytes > self._max_bytes and self._batches:
            dropped.append(self._batches.popleft())
            self._bytes -= dropped[-1].size
        return dropped


def concat_by_table(queued: Sequence[QueuedBatch]) -> list[pa.RecordBatch]:
    """The batches of each table put together to at most one frame each, in the order in which the tables were queued.

    Why put together: few large frames compress best. Why not to more: it would be copied only to be cut again.
    """
    by_table: dict[str, list[list[pa.RecordBatch]]] = {}
    for item in queued:
        groups = by_table.setdefault(item.table.name, [[]])
        if sum(batch.num_rows for batch in groups[-1]) + item.batch.num_rows > FRAME_ROWS and groups[-1]:
            groups.append([])
        groups[-1].append(item.batch)
    return [
        group[0] if len(group) == 1 else pa.concat_batches(group) for groups in by_table.values() for group in groups
    ]
