"""Source `container`: containers and pod sandboxes as the container runtime sees them, and why containers crashed."""

from __future__ import annotations

import pyarrow as pa

from formats.batches import batch_from_rows
from formats.loss import LossReason
from formats.rows.container import ContainerVersions, Row
from formats.tables import container
from recorder.cri.conversation import Conversation, ConversationLimits
from recorder.cri.runtime import Runtime, find_sockets
from recorder.row_queue import ColumnsRow, RowQueue
from recorder.source import Need, Profile, SourceContext, SourceSpec, SourceStats

QUEUE_BYTES = 4 << 20
BATCH_ROWS = 512
CLOSE_TIMEOUT_S = 1.0


class ContainerSource:
    """Follows a container runtime over the socket of its CRI. It sends no call that could change anything."""

    spec = SourceSpec(
        table=container.TABLE,
        needs=(Need.CONTAINER_RUNTIME,),
        profile=Profile.LEAN,
        cost="3.5 MiB; 2 ms for each look at 100 containers, 0.6 ms for each change, 10 ms for each crash; without "
        "GetContainerEvents (containerd before 1.7, CRI-O by default) a look every interval_s",
        loss_reasons=(LossReason.RATE_LIMITED, LossReason.QUEUE_FULL),
        shed_order=65,
        fallback="the source is unavailable; `kube_object` still tells how containers end, without their logs",
        options={
            "socket": "",
            "interval_s": 2,
            "timeout_s": 10,
            "max_containers": 4096,
            "max_logs_per_minute": 60,
            "log_text": False,
        },
        opens_slowly=True,
    )

    def __init__(self) -> None:
        self._context: SourceContext | None = None
        self._conversation: Conversation | None = None
        self._queue: RowQueue[ColumnsRow] | None = None
        self._versions = ContainerVersions()
        self._snapshot_rows = 0

    def open(self, context: SourceContext) -> None:
        """Find the runtime, ask for all that there is, and begin to follow it.

        Raises:
            UnavailableError: there is no runtime, or it does not answer.
        """
        options = context.options
        runtime = Runtime(find_sockets(str(options["socket"]), context.proc), float(options["timeout_s"]))
        queue: RowQueue[ColumnsRow] = RowQueue(QUEUE_BYTES, context.boot_time_ns)
        conversation = Conversation(
            runtime,
            self._versions,
            queue,
            ConversationLimits(
                interval_s=float(options["interval_s"]),
                max_containers=int(options["max_containers"]),
                max_logs_per_minute=int(options["max_logs_per_minute"]),
                log_text=bool(options["log_text"]),
            ),
            context,
        )
        try:
            conversation.begin()
        except Exception:
            conversation.end(CLOSE_TIMEOUT_S)
            raise
        self._context, self._conversation, self._queue = context, conversation, queue

    def drain(self, budget_ns: int) -> list[pa.RecordBatch]:
        """What has changed, and what the logs of crashes say.

        Raises:
            UnavailableError: the runtime is gone.
        """
        if self._context is None or self._queue is None or self._conversation is None:
            return []
        begin = self._context.boot_time_ns()
        batches = []
        while taken := self._queue.take(BATCH_ROWS):
            rows = [row.row | {"boot_time_ns": time} for time, row in taken]
            batches.append(batch_from_rows(self.spec.table, rows))
            if self._context.boot_time_ns() - begin > budget_ns:
                return batches
        if self._conversation.problem is not None and not batches:
            raise self._conversation.problem
        return batches

    def snapshot(self) -> list[pa.RecordBatch]:
        """Every sandbox and container that exists."""
        if self._context is None or self._conversation is None:
            return []
        now = self._context.boot_time_ns()
        rows: list[Row] = [row | {"boot_time_ns": now} for row in self._conversation.snapshot()]
        self._snapshot_rows += len(rows)
        return [
            batch_from_rows(self.spec.table, rows[start : start + BATCH_ROWS])
            for start in range(0, len(rows), BATCH_ROWS)
        ]

    def stats(self) -> SourceStats:
        """Running totals of rows and losses."""
        if self._queue is None or self._conversation is None:
            return SourceStats()
        missing = {
            LossReason.RATE_LIMITED: self._conversation.skipped_logs,
            LossReason.QUEUE_FULL: self._conversation.overflowed,
        }
        return SourceStats(
            produced=self._queue.put_rows + self._snapshot_rows + sum(missing.values()),
            missing={reason: count for reason, count in missing.items() if count},
            detail=self._conversation.detail,
        )

    def wake_fds(self) -> tuple[int, ...]:
        """No file descriptors: the queue is drained on the timer of the main loop."""
        return ()

    def close(self) -> None:
        """End the conversation. What is known of the containers is kept: when it is opened again, it is compared."""
        if self._conversation is not None:
            self._conversation.end(CLOSE_TIMEOUT_S)
        self._context = self._conversation = self._queue = None
        self._snapshot_rows = 0
