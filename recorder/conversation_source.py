"""What all sources that follow a peer of the node in a thread share: the thread puts rows into a queue."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypeAlias

import pyarrow as pa

from formats.batches import batch_from_rows
from formats.loss import LossReason
from recorder.row_queue import ColumnsRow, RowQueue
from recorder.source import SourceContext, SourceSpec, SourceStats

BATCH_ROWS = 512
CLOSE_TIMEOUT_S = 1.0
Row: TypeAlias = dict[str, Any]
"""Columns of the source's own table, all but `boot_time_ns`."""


class PeerConversation(Protocol):
    """A thread that follows a peer, and puts a row into the queue for whatever changes."""

    @property
    def detail(self) -> str:
        """One sentence for `status`; empty if all is well."""

    @property
    def problem(self) -> Exception | None:
        """Why the thread ended; None while it runs."""

    @property
    def missing(self) -> Mapping[LossReason, int]:
        """Rows that were left out so far."""

    def begin(self) -> None:
        """Ask for the first time, then go on in a thread.

        Raises:
            UnavailableError: the peer does not answer.
        """

    def snapshot(self) -> Sequence[Row]:
        """The rows that a segment begins with."""

    def end(self, timeout_s: float) -> None:
        """End the thread, and wait for it at most so long."""


class ConversationSource(ABC):
    """Follows one peer. What is special about a source is its conversation.

    Attributes:
        queue_bytes: how much of what was received may wait for a drain.
    """

    spec: SourceSpec
    queue_bytes: ClassVar[int] = 4 << 20

    def __init__(self) -> None:
        self._context: SourceContext | None = None
        self._conversation: PeerConversation | None = None
        self._queue: RowQueue[ColumnsRow] | None = None
        self._snapshot_rows = 0

    @abstractmethod
    def converse(self, context: SourceContext, queue: RowQueue[ColumnsRow]) -> PeerConversation:
        """The conversation by the options, which has not begun.

        Raises:
            ConfigurationError: an option is wrong.
            UnavailableError: the peer is not there.
        """

    def open(self, context: SourceContext) -> None:
        """Find the peer, ask for all that there is, and begin to follow it.

        Raises:
            ConfigurationError: an option is wrong.
            UnavailableError: the peer is not there, or does not answer.
        """
        queue: RowQueue[ColumnsRow] = RowQueue(self.queue_bytes, context.boot_time_ns)
        conversation = self.converse(context, queue)
        try:
            conversation.begin()
        except Exception:
            conversation.end(CLOSE_TIMEOUT_S)
            raise
        self._context, self._conversation, self._queue = context, conversation, queue

    def drain(self, budget_ns: int) -> list[pa.RecordBatch]:
        """What was received since the last call.

        Raises:
            UnavailableError: the peer is gone.
        """
        if self._context is None or self._queue is None or self._conversation is None:
            return []
        begin = self._context.boot_time_ns()
        batches = []
        while taken := self._queue.take(BATCH_ROWS):
            batches.append(batch_from_rows(self.spec.table, [one.row | {"boot_time_ns": time} for time, one in taken]))
            if self._context.boot_time_ns() - begin > budget_ns:
                return batches
        if self._conversation.problem is not None and not batches:
            raise self._conversation.problem
        return batches

    def snapshot(self) -> list[pa.RecordBatch]:
        """Everything that there is."""
        if self._context is None or self._conversation is None:
            return []
        now = self._context.boot_time_ns()
        rows = [row | {"boot_time_ns": now} for row in self._conversation.snapshot()]
        self._snapshot_rows += len(rows)
        return [
            batch_from_rows(self.spec.table, rows[start : start + BATCH_ROWS])
            for start in range(0, len(rows), BATCH_ROWS)
        ]

    def stats(self) -> SourceStats:
        """Running totals of rows and losses."""
        if self._queue is None or self._conversation is None:
            return SourceStats()
        missing = self._conversation.missing
        return SourceStats(
            produced=self._queue.put_rows + self._snapshot_rows + sum(missing.values()),
            missing={reason: count for reason, count in missing.items() if count},
            detail=self._conversation.detail,
        )

    def wake_fds(self) -> tuple[int, ...]:
        """No file descriptors: the queue is drained on the timer of the main loop."""
        return ()

    def close(self) -> None:
        """End the conversation. What the source itself knows is kept: when it is opened again, it is compared."""
        if self._conversation is not None:
            self._conversation.end(CLOSE_TIMEOUT_S)
        self._context = self._conversation = self._queue = None
        self._snapshot_rows = 0
