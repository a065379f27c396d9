"""What all sources that ask the kubelet of this node share: a thread that asks for one path at intervals."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from formats.loss import LossReason
from formats.severity import SeverityNumber
from recorder.conversation_source import ConversationSource, Row
from recorder.kubelet.kubelet_client import KubeletClient
from recorder.row_queue import ColumnsRow, RowQueue
from recorder.source import SourceContext

OPTIONS = {"address": "", "kubeconfig": "", "ca_file": "", "timeout_s": 10}
"""The options of every source that asks the kubelet, besides `interval_s`."""
LOSS_REASONS = (LossReason.REJECTED, LossReason.QUEUE_FULL)
MAX_ROWS = 20_000
"""Rows of one answer. Why: 500 pods, with ten uses of storage each, make 5,000."""


class KubeletSource(ConversationSource):
    """Asks the kubelet for one path at intervals. What it knows is kept when it fails, and compared later.

    Attributes:
        path: of the kubelet's API.
        wanted: beginnings of the lines that are read; empty: all of the answer.
    """

    path: ClassVar[str]
    wanted: ClassVar[Sequence[str]] = ()

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

    def converse(self, context: SourceContext, queue: RowQueue[ColumnsRow]) -> KubeletConversation:
        """With the kubelet.

        Raises:
            ConfigurationError: the option `address` is not one.
            UnavailableError: there are no credentials.
        """
        return KubeletConversation(self, KubeletClient(context), queue, context)


class KubeletConversation:
    """Asks for the path of a source. `begin` starts its thread.

    Args:
        source: makes rows of the answers.
        client: asks.
        queue: takes the rows.
        context: of the source.

    Attributes:
        detail: one sentence for `status`; empty if all is well.
        problem: why the thread ended; None while it runs.
    """

    def __init__(
        self, source: KubeletSource, client: KubeletClient, queue: RowQueue[ColumnsRow], context: SourceContext
    ) -> None:
        self._source = source
        self._client = client
        self._queue = queue
        self._context = context
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._rejected = self._overflowed = 0
        self.detail = ""
        self.problem: Exception | None = None

    @property
    def missing(self) -> Mapping[LossReason, int]:
        """Answers that could not be read, and rows for which there was no room."""
        return {LossReason.REJECTED: self._rejected, LossReason.QUEUE_FULL: self._overflowed}

    def begin(self) -> None:
        """Ask for the first time, then go on in a thread.

        Raises:
            UnavailableError: the kubelet cannot be reached, or refuses.
        """
        self._ask()
        self._thread = threading.Thread(target=self._run, name=self._source.spec.name, daemon=True)
        self._thread.start()

    def snapshot(self) -> list[Row]:
        """The state of everything, if the table has one."""
        return _with_severity(self._source.state_rows()[:MAX_ROWS])

    def end(self, timeout_s: float) -> None:
        """End the thread, and wait for it at most so long."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            while not self._stop.wait(float(self._context.options["interval_s"])):
                self._ask()
        except Exception as error:  # noqa: BLE001 - the source tells it when it is drained
            self.problem = error

    def _ask(self) -> None:
        answer = self._client.get(self._source.path, self._source.wanted)
        try:
            rows = self._source.make_rows(answer, self._context.boot_time_ns())
        except ValueError as error:
            self._rejected += 1
            self.detail = f"the response of the kubelet cannot be read: {error}"
            return
        self.detail = ""
        room = MAX_ROWS if self._queue.wait_for_room(0) else 0
        self._overflowed += max(len(rows) - room, 0)
        self._queue.put([ColumnsRow(row) for row in _with_severity(rows[:room])])


def _with_severity(rows: Sequence[Row]) -> list[Row]:
    return [{"severity_number": SeverityNumber.INFO, **row} for row in rows]
