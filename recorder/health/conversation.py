"""Makes the checks at intervals: each in a thread of its own, so that one that hangs stops no other."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from formats.loss import LossReason
from formats.severity import SeverityNumber
from recorder.conversation_source import Row
from recorder.health.checks import Check, CheckOutcome, is_ip_address
from recorder.row_queue import ColumnsRow, RowQueue
from recorder.source import SourceContext

JOIN_S = 0.2
"""How long a turn waits for a check before it goes on to the next one."""


class _Watched:
    """One check, its newest row, and whether it is being made."""

    def __init__(self, check: Check, put: _Put) -> None:
        self.check = check
        self.newest: Row | None = None
        self._put = put
        self._thread: threading.Thread | None = None
        self._began_ns = 0

    def take_turn(self, context: SourceContext, timeout_s: float) -> None:
        """Make the check, or tell that the one before has not ended yet."""
        if self._thread is not None and self._thread.is_alive():
            self._tell(context, CheckOutcome("timed_out"))
            return
        self._began_ns = context.boot_time_ns()
        self._thread = threading.Thread(
            target=lambda: self._tell(context, self.check.run(timeout_s)),
            name=f"health {self.check.name}",
            daemon=True,
        )
        self._thread.start()
        self._thread.join(JOIN_S)

    def _tell(self, context: SourceContext, outcome: CheckOutcome) -> None:
        is_address = self.check.host is not None and is_ip_address(self.check.host)
        self.newest = {
            "event_name": "health.checked",
            "severity_number": SeverityNumber.INFO if outcome.error is None else SeverityNumber.WARN,
            "health.check": self.check.name,
            "server.address": None if is_address else self.check.host,
            "network.peer.address": self.check.host if is_address else None,
            "server.port": self.check.port,
            "error.type": outcome.error,
            "health.duration_ns": context.boot_time_ns() - self._began_ns,
            "tls.server.not_after_unix_nano": outcome.not_after_ns,
        }
        self._put(self.newest)


class _Put:
    """Puts rows into the queue, and counts those for which there is no room."""

    def __init__(self, queue: RowQueue[ColumnsRow]) -> None:
        self._queue = queue
        self.overflowed = 0

    def __call__(self, row: Row) -> None:
        if self._queue.wait_for_room(0):
            self._queue.put([ColumnsRow(row)])
        else:
            self.overflowed += 1


class HealthConversation:
    """Makes the checks. `begin` starts its thread.

    Args:
        checks: what is asked.
        queue: takes the rows.
        context: of the source; options `interval_s` and `timeout_s`.

    Attributes:
        detail: one sentence for `status`; empty if all is well.
        problem: why the thread ended; None while it runs.
    """

    def __init__(self, checks: Sequence[Check], queue: RowQueue[ColumnsRow], context: SourceContext) -> None:
        self._put = _Put(queue)
        self._watched = [_Watched(check, self._put) for check in checks]
        self._context = context
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.problem: Exception | None = None

    @property
    def detail(self) -> str:
        """Which checks fail."""
        failing = [one.newest for one in self._watched if one.newest is not None and one.newest["error.type"]]
        return ", ".join(f"{row['health.check']}: {row['error.type']}" for row in failing)

    @property
    def missing(self) -> Mapping[LossReason, int]:
        """Outcomes for which there was no room."""
        return {LossReason.QUEUE_FULL: self._put.overflowed}

    def begin(self) -> None:
        """Make the checks at once, and then at intervals in a thread."""
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)
        self._thread.start()

    def snapshot(self) -> list[Row]:
        """The newest outcome of each check."""
        return [{**one.newest, "event_name": "health.state"} for one in self._watched if one.newest is not None]

    def end(self, timeout_s: float) -> None:
        """End the thread, and wait for it at most so long. A check that hangs is left alone."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        options = self._context.options
        turn = 0
        try:
            while True:
                for one in self._watched:
                    if turn % one.check.every == 0:
                        one.take_turn(self._context, float(options["timeout_s"]))
                turn += 1
                if self._stop.wait(float(options["interval_s"])):
                    return
        except Exception as error:  # noqa: BLE001 - the source tells it when it is drained
            self.problem = error
