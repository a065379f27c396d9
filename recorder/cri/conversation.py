"""The conversation with a container runtime: a thread that looks when something happened, and reads logs of crashes."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from formats.loss import LossReason
from formats.rows.container import Container, ContainerVersions, Listing, Row
from formats.rows.log_errors import LogError, find_log_errors
from recorder.cri.log_tail import read_last_messages
from recorder.cri.runtime import Runtime
from recorder.row_queue import ColumnsRow, RowQueue
from recorder.source import SourceContext

RESYNC_S = 30.0
"""A look without having been told: an event that was lost costs so much time at most."""
COALESCE_S = 0.2
"""Events of one rollout come in bursts; so long after the first one there is one look at all of them."""
RECENT_NS = 20 * 60 * 1_000_000_000
"""A crash that is older when the recorder starts is not what anybody will look for."""
QUEUE_PATIENCE_S = 5.0
_MINUTE_NS = 60_000_000_000


@dataclass(frozen=True, slots=True)
class ConversationLimits:
    """How much the conversation does.

    Attributes:
        interval_s: between two looks if the runtime does not tell when something happens.
        max_containers: that are followed.
        max_logs_per_minute: that are read.
        log_text: whether lines of logs may be recorded.
    """

    interval_s: float
    max_containers: int
    max_logs_per_minute: int
    log_text: bool


class Conversation:
    """Asks a runtime for everything when it begins, then for what has changed. `begin` starts its thread.

    Args:
        runtime: connected.
        versions: what is known; the conversation after one that ended compares with it.
        queue: takes the rows.
        limits: how much it does.
        context: of the source.

    Attributes:
        detail: one sentence for `status`; empty if all is well.
        problem: why the thread ended; None while it runs.
    """

    def __init__(
        self,
        runtime: Runtime,
        versions: ContainerVersions,
        queue: RowQueue[ColumnsRow],
        limits: ConversationLimits,
        context: SourceContext,
    ) -> None:
        self._runtime = runtime
        self._versions = versions
        self._queue = queue
        self._limits = limits
        self._context = context
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._minute_began_ns = 0
        self._logs_this_minute = 0
        self._without_events = f"the runtime tells no events: it is asked every {limits.interval_s:g} s"
        self.detail = ""
        self._skipped_logs = 0
        self._overflowed = 0
        self.problem: Exception | None = None

    @property
    def missing(self) -> Mapping[LossReason, int]:
        """Crashes whose logs were not read, because there were too many; rows for which the queue had no room."""
        return {LossReason.RATE_LIMITED: self._skipped_logs, LossReason.QUEUE_FULL: self._overflowed}

    def begin(self) -> None:
        """Look for the first time, then go on in a thread.

        Raises:
            UnavailableError: the runtime does not answer.
        """
        self._runtime.subscribe()  # before the look, so that nothing happens between
        self.look()
        self._thread = threading.Thread(target=self._run, name="container runtime", daemon=True)
        self._thread.start()

    def snapshot(self) -> list[Row]:
        """A row for everything that exists."""
        with self._lock:
            return self._versions.snapshot()

    def end(self, timeout_s: float) -> None:
        """End the thread, and wait for it at most so long."""
        self._runtime.interrupt()
        if self._thread is not None:
            self._thread.join(timeout_s)
        if self._thread is None or not self._thread.is_alive():
            self._runtime.close()

    def look(self) -> None:
        """Ask what there is, and for the status of what has changed; queue the rows.

        Raises:
            UnavailableError: the runtime does not answer.
        """
        listing = self._limit(self._runtime.list())
        statuses = {}
        for container_id in self._versions.find_changed(listing):
            status = self._runtime.get_status(container_id)
            if status is not None:
                statuses[container_id] = status
        with self._lock:
            told = self._versions.tell(listing, statuses)
        rows = told.rows
        for crashed in told.crashed:
            rows += self._read_log(crashed)
        if not self._queue.wait_for_room(QUEUE_PATIENCE_S):
            self._overflowed += len(rows)
            return
        self._queue.put([ColumnsRow(row) for row in rows])

    def _run(self) -> None:
        try:
            while True:
                self._wait()
                self.look()
        except Exception as error:  # noqa: BLE001 - the source tells it when it is drained
            self.problem = error

    def _wait(self) -> None:
        if not self._runtime.is_subscribed:
            self._runtime.wait(self._limits.interval_s)
            return
        if self._runtime.wait(RESYNC_S):
            self._runtime.wait(COALESCE_S)

    def _limit(self, listing: Listing) -> Listing:
        most = self._limits.max_containers
        count = len(listing.containers)
        if count <= most:
            self.detail = "" if self._runtime.is_subscribed else self._without_events
            return listing
        self.detail = f"only the newest {most} of {count} containers: raise max_containers"
        newest = sorted(listing.containers, key=lambda one: (-one.created_ns, one.container_id))[:most]
        wanted = {one.sandbox_id for one in newest}
        return Listing([one for one in listing.sandboxes if one.sandbox_id in wanted], newest)

    def _read_log(self, crashed: Container) -> list[Row]:
        """The rows about the log of a container that exited with an error."""
        now = self._context.boot_time_ns()
        if not crashed.log_path or crashed.finished_ns < self._context.wall_clock.at(now).unix_nano - RECENT_NS:
            return []
        if now - self._minute_began_ns >= _MINUTE_NS:
            self._minute_began_ns, self._logs_this_minute = now, 0
        self._logs_this_minute += 1
        if self._logs_this_minute > self._limits.max_logs_per_minute:
            self._skipped_logs += 1
            return []
        errors = find_log_errors(
            read_last_messages(crashed.log_path, self._context.proc), with_text=self._limits.log_text
        )
        row = self._versions.make_row(crashed, "container.log_error")
        return [row | to_columns(error) for error in errors]


def to_columns(error: LogError) -> Row:
    """The columns of an error of a log."""
    return {
        "log.class": error.log_class,
        "log.count": error.count,
        "log.lines_after": error.lines_after,
        "log.peer.host": error.host,
        "log.peer.address": error.address,
        "log.peer.port": error.port,
        "log.file.path": error.file,
        "log.name": error.name,
        "log.text": error.text or None,
    }
