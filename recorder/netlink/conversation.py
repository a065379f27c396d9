"""The thread that hears of interfaces, routes and neighbours, and puts rows into the queue."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Mapping, Sequence

from formats.loss import LossReason
from recorder.netlink.view import Row
from recorder.netlink.watch import LinkWatch
from recorder.row_queue import ColumnsRow, RowQueue

LOOK_S = 0.2
"""How long is waited after something is heard: an interface that is set up makes ten notifications at once."""
QUEUE_PATIENCE_S = 5.0


class LinkConversation:
    """Lists all when it begins, then records what changes. `begin` starts its thread.

    Args:
        watch: what is known.
        queue: takes the rows.

    Attributes:
        problem: why the thread ended; None while it runs.
    """

    def __init__(self, watch: LinkWatch, queue: RowQueue[ColumnsRow]) -> None:
        self._watch = watch
        self._queue = queue
        self._ended = threading.Event()
        self._wake, self._wake_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._thread: threading.Thread | None = None
        self._overflowed = 0
        self.problem: Exception | None = None

    @property
    def detail(self) -> str:
        """One sentence for `status`; empty if all is well."""
        return self._watch.detail

    @property
    def missing(self) -> Mapping[LossReason, int]:
        """Rows of what changed too often, rows for which the queue had no room, and files that were not as expected."""
        return {
            LossReason.RATE_LIMITED: self._watch.rate_limited,
            LossReason.QUEUE_FULL: self._overflowed,
            LossReason.REJECTED: self._watch.rejected,
        }

    @property
    def gaps(self) -> Sequence[tuple[int, int, LossReason, str]]:
        """When notifications were lost."""
        return tuple(self._watch.gaps)

    def begin(self) -> None:
        """List all, then go on in a thread."""
        self._watch.begin()
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)
        self._thread.start()

    def snapshot(self) -> list[Row]:
        """A row for every interface and route that there is."""
        return self._watch.snapshot()

    def end(self, timeout_s: float) -> None:
        """End the thread, and wait for it at most so long."""
        self._ended.set()
        if self._wake_end >= 0:
            os.close(self._wake_end)  # which wakes it
            self._wake_end = -1
        if self._thread is not None:
            self._thread.join(timeout_s)
        if self._wake >= 0 and (self._thread is None or not self._thread.is_alive()):
            os.close(self._wake)
            self._wake = -1
            self._watch.close()

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                if self._is_heard():
                    self._ended.wait(LOOK_S)
                self._watch.hear()
                self._watch.poll()
                self._put(self._watch.take_rows())
        except Exception as error:  # noqa: BLE001 - the source tells it when it is drained
            self.problem = error

    def _is_heard(self) -> bool:
        """Wait until there is something to hear, or it is time to look."""
        waiting = select.poll()  # select(2) takes no descriptor from 1024 on
        waiting.register(self._wake, select.POLLIN)
        for opened in self._watch.sockets():
            waiting.register(opened, select.POLLIN)
        return bool(waiting.poll(self._watch.wait_s() * 1000))

    def _put(self, rows: list[Row]) -> None:
        if not rows:
            return
        if self._queue.wait_for_room(QUEUE_PATIENCE_S):
            self._queue.put([ColumnsRow(row) for row in rows])
        else:
            self._overflowed += len(rows)
