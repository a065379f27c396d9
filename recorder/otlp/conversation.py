"""Listens for programs that export, and puts what they said into the queue at intervals."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from formats.errors import ConfigurationError, UnavailableError
from formats.loss import LossReason
from recorder.bounded_server import BoundedServer, parse_address
from recorder.conversation_source import Row
from recorder.otlp.intake import Intake
from recorder.otlp.protocols import make_handler
from recorder.row_queue import ColumnsRow, RowQueue

MAX_CONNECTIONS = 64
"""For each address: connections, and so threads, at the same time."""
MAX_ADDRESSES = 8
WHERE = "sources.otlp.listen"


class OtlpConversation:
    """Receives. `begin` starts its threads.

    Args:
        listen: addresses with ports.
        intake: takes the requests.
        queue: takes the rows.
        interval_s: how often rows are made.

    Attributes:
        detail: one sentence for `status`; empty if all is well.
        problem: why the thread ended; None while it runs.

    Raises:
        ConfigurationError: an address is none.
    """

    def __init__(self, listen: Sequence[str], intake: Intake, queue: RowQueue[ColumnsRow], interval_s: float) -> None:
        if len(listen) > MAX_ADDRESSES:
            raise ConfigurationError(
                f"{len(listen)} addresses are more than {MAX_ADDRESSES}", where=WHERE, next_step="configure fewer"
            )
        self._addresses = [parse_address(one, where=WHERE, example="127.0.0.1:4318") for one in listen]
        self._intake = intake
        self._queue = queue
        self._interval_s = interval_s
        self._servers: list[BoundedServer] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._overflowed = 0
        self.detail = ""
        self.problem: Exception | None = None

    @property
    def missing(self) -> Mapping[LossReason, int]:
        """Spans that were left out so far, and requests that were refused."""
        return {
            LossReason.RATE_LIMITED: self._intake.rate_limited,
            LossReason.REJECTED: self._intake.rejected,
            LossReason.QUEUE_FULL: self._overflowed,
        }

    @property
    def ports(self) -> list[int]:
        """That are listened on; the system chose those that were 0."""
        return [int(server.server_address[1]) for server in self._servers]

    def begin(self) -> None:
        """Listen.

        Raises:
            UnavailableError: an address cannot be listened on.
        """
        handler = make_handler(self._intake)
        for address in self._addresses:
            try:
                server = BoundedServer(address, handler, MAX_CONNECTIONS)
            except OSError as error:
                raise UnavailableError(
                    f"cannot listen on {address[0]} port {address[1]} ({error.strerror or error})",
                    where=WHERE,
                    next_step="choose another address or port; it is tried again",
                ) from error
            self._servers.append(server)
            threading.Thread(target=server.serve_forever, args=(0.2,), name="otlp listens", daemon=True).start()
        self._thread = threading.Thread(target=self._run, name="otlp", daemon=True)
        self._thread.start()

    def snapshot(self) -> list[Row]:
        """Nothing: nobody can be asked."""
        return []

    def end(self, timeout_s: float) -> None:
        """Stop listening, and end the thread; wait for it at most so long."""
        for server in self._servers:
            server.close_all()
        self._servers = []
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def tell(self) -> None:
        """Put the rows of the interval into the queue; what has no room is counted."""
        rows = self._intake.take_rows()
        for index, row in enumerate(rows):
            if not self._queue.wait_for_room(0):
                self._overflowed += sum(int(left["count"]) for left in rows[index:])
                return
            self._queue.put([ColumnsRow(row)])

    def _run(self) -> None:
        try:
            while not self._stop.wait(self._interval_s):
                self.tell()
        except Exception as error:  # noqa: BLE001 - the source tells it when it is drained
            self.problem = error
