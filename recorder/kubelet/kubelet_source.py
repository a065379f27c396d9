"""What all sources that ask the kubelet of this node share: a thread that asks at intervals, and a queue of rows."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias

import pyarrow as pa

from formats.batches import batch_from_rows
from formats.loss import LossReason
from formats.severity import SeverityNumber
from recorder.kubelet.kubelet_client import KubeletClient
from recorder.row_queue import ColumnsRow, RowQueue
from recorder.source import SourceContext, SourceSpec, SourceStats

OPTIONS = {"address": "", "kubeconfig": "", "ca_file": "", "timeout_s": 10}
"""The options of every source that asks the kubelet, besides `interval_s`."""
LOSS_REASONS = (LossReason.REJECTED, LossReason.QUEUE_FULL)
QUEUE_BYTES = 4 << 20
BATCH_ROWS = 512
CLOSE_TIMEOUT_S = 1.0
MAX_ROWS = 20_000
"""Rows of one answer. Why: 500 pods, with ten uses of storage each, make 5,000."""
Row: TypeAlias = dict[str, Any]
"""Columns of the source's own table, all but `boot_time_ns`."""


class KubeletSource(ABC):
    """Asks the kubelet for one path at intervals. What it knows is kept when it fails, and compared later.

    Attributes:
        path: of the kubelet's API.
        wanted: beginnings of the lines that are read; empty: all of the answer.
    """

    spec: SourceSpec
    path: ClassVar[str]
    wanted: ClassVar[Sequence[str]] = ()

    def __init__(self) -> None:
        self._context: SourceContext | None = None
        self._queue: RowQueue[ColumnsRow] | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._problem: Exception | None = None
        self._detail = ""
        self._snapshot_rows = self._rejected = self._overflowed = 0

    @abstractmethod
    def make_rows(self, answer: bytes, now_ns: int) -> Sequence[Row]:
        """The rows of what an answer tells that the one before did not.

        Args:
            answer: what the kubelet sent.
            now_ns: boot ns.

        Raises:
            ValueError: it is not of the expected form.
        """

    def state_rows(self) -> Sequence[Row]:
        """The rows that a segment begins with; none if the table has no state."""
        return ()

    def open(self, context: SourceContext) -> None:
        """Ask for the first time, then go on in a thread.

        Raises:
            ConfigurationError: the option `address` is not one.
            UnavailableError: the kubelet cannot be reached, or refuses.
        """
        client = KubeletClient(context)
        queue: RowQueue[ColumnsRow] = RowQueue(QUEUE_BYTES, context.boot_time_ns)
        self._ask(client, queue, context)
        self._context, self._queue, self._problem = context, queue, None
        self._stop = threading.Event()
        arguments = (client, queue, context, self._stop)
        self._thread = threading.Thread(target=self._run, args=arguments, name=self.spec.name, daemon=True)
        self._thread.start()

    def drain(self, budget_ns: int) -> list[pa.RecordBatch]:
        """What the answers since the last call told.

        Raises:
            UnavailableError: the kubelet does not answer any more.
        """
        if self._context is None or self._queue is None:
            return []
        begin = self._context.boot_time_ns()
        batches = []
        while taken := self._queue.take(BATCH_ROWS):
            batches.append(self._to_batch([row.row for _, row in taken], [time for time, _ in taken]))
            if self._context.boot_time_ns() - begin > budget_ns:
                return batches
        if self._problem is not None and not batches:
            raise self._problem
        return batches

    def snapshot(self) -> list[pa.RecordBatch]:
        """The state of everything, if the table has one."""
        if self._context is None:
            return []
        now, rows = self._context.boot_time_ns(), self.state_rows()[:MAX_ROWS]
        self._snapshot_rows += len(rows)
        return [
            self._to_batch(part, [now] * len(part))
            for start in range(0, len(rows), BATCH_ROWS)
            if (part := rows[start : start + BATCH_ROWS])
        ]

    def stats(self) -> SourceStats:
        """Running totals of rows and losses."""
        missing = {LossReason.REJECTED: self._rejected, LossReason.QUEUE_FULL: self._overflowed}
        put = self._queue.put_rows if self._queue is not None else 0
        return SourceStats(
            produced=put + self._snapshot_rows + sum(missing.values()),
            missing={reason: count for reason, count in missing.items() if count},
            detail=self._detail,
        )

    def wake_fds(self) -> tuple[int, ...]:
        """No file descriptors: the queue is drained on the timer of the main loop."""
        return ()

    def close(self) -> None:
        """End the thread. What is known is kept: when the source is opened again, it is compared."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(CLOSE_TIMEOUT_S)
        self._context = self._queue = self._thread = None
        self._snapshot_rows = self._rejected = self._overflowed = 0

    def _run(
        self, client: KubeletClient, queue: RowQueue[ColumnsRow], context: SourceContext, stop: threading.Event
    ) -> None:
        try:
            while not stop.wait(float(context.options["interval_s"])):
                self._ask(client, queue, context)
        except Exception as error:  # noqa: BLE001 - the source tells it when it is drained
            self._problem = error

    def _ask(self, client: KubeletClient, queue: RowQueue[ColumnsRow], context: SourceContext) -> None:
        answer = client.get(self.path, self.wanted)
        try:
            rows = self.make_rows(answer, context.boot_time_ns())
        except ValueError as error:
            self._rejected += 1
            self._detail = f"the response of the kubelet cannot be read: {error}"
            return
        self._detail = ""
        room = MAX_ROWS if queue.wait_for_room(0) else 0
        self._overflowed += max(len(rows) - room, 0)
        queue.put([ColumnsRow(row) for row in rows[:room]])

    def _to_batch(self, rows: Sequence[Row], times: Sequence[int]) -> pa.RecordBatch:
        return batch_from_rows(
            self.spec.table,
            [
                {"severity_number": SeverityNumber.INFO, **row, "boot_time_ns": time}
                for row, time in zip(rows, times, strict=True)
            ],
        )
