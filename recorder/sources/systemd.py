"""Source `systemd`: the services of the node as systemd sees them, and why they exited."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from formats.batches import batch_from_rows
from formats.errors import UnavailableError
from formats.loss import LossReason
from formats.rows.node_services import UNIT_PATTERNS
from formats.rows.unit_state import Row
from formats.tables import systemd
from recorder.dbus.units import UnitConversation, UnitLimits, UnitRow
from recorder.host_files import find_on_host
from recorder.row_queue import RowQueue
from recorder.source import Need, Profile, SourceContext, SourceSpec, SourceStats

QUEUE_BYTES = 1 << 20
BATCH_ROWS = 512
CLOSE_TIMEOUT_S = 1.0
SOCKET = "/run/dbus/system_bus_socket"


class SystemdSource:
    """Follows chosen units over the system bus. It sends no call that could change anything."""

    spec = SourceSpec(
        table=systemd.TABLE,
        needs=(Need.SYSTEM_BUS,),
        profile=Profile.LEAN,
        cost="1 MiB; 4 ms for each unit every 30 s, 1 ms for each change of one of these",
        loss_reasons=(LossReason.RATE_LIMITED, LossReason.QUEUE_FULL),
        shed_order=66,
        fallback="the source is unavailable; what a dead service leads to is still recorded, not why it died",
        options={
            "socket": "",
            "units": list(UNIT_PATTERNS),
            "timeout_s": 10,
            "max_units": 128,
            "max_rows_per_minute": 120,
        },
        opens_slowly=True,
    )

    def __init__(self) -> None:
        self._context: SourceContext | None = None
        self._conversation: UnitConversation | None = None
        self._queue: RowQueue[UnitRow] | None = None
        self._snapshot_rows = 0

    def open(self, context: SourceContext) -> None:
        """Connect to the bus, ask for all units, and begin to follow them.

        Raises:
            UnavailableError: there is no bus, or no systemd on it.
        """
        options = context.options
        queue: RowQueue[UnitRow] = RowQueue(QUEUE_BYTES, context.boot_time_ns)
        limits = UnitLimits(
            units=tuple(str(unit) for unit in options["units"]),
            timeout_s=float(options["timeout_s"]),
            max_units=int(options["max_units"]),
            max_rows_per_minute=int(options["max_rows_per_minute"]),
        )
        conversation = UnitConversation(_find_bus(str(options["socket"]), context.proc), queue, limits, context)
        try:
            conversation.begin()
        except Exception:
            conversation.end(CLOSE_TIMEOUT_S)
            raise
        self._context, self._conversation, self._queue = context, conversation, queue

    def drain(self, budget_ns: int) -> list[pa.RecordBatch]:
        """What has changed.

        Raises:
            UnavailableError: the bus is gone.
        """
        if self._context is None or self._queue is None or self._conversation is None:
            return []
        deadline = self._context.boot_time_ns() + budget_ns
        batches = []
        while taken := self._queue.take(BATCH_ROWS):
            batches.append(batch_from_rows(self.spec.table, [one.row | {"boot_time_ns": time} for time, one in taken]))
            if self._context.boot_time_ns() > deadline:
                return batches
        if self._conversation.problem is not None and not batches:
            raise self._conversation.problem
        return batches

    def snapshot(self) -> list[pa.RecordBatch]:
        """Every unit that is followed."""
        if self._context is None or self._conversation is None:
            return []
        now = self._context.boot_time_ns()
        rows: list[Row] = [row | {"boot_time_ns": now} for row in self._conversation.snapshot()]
        self._snapshot_rows += len(rows)
        return [batch_from_rows(self.spec.table, rows)] if rows else []

    def stats(self) -> SourceStats:
        """Running totals of rows and losses."""
        if self._queue is None or self._conversation is None:
            return SourceStats()
        missing = {
            LossReason.RATE_LIMITED: self._conversation.rate_limited,
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
        """End the conversation."""
        if self._conversation is not None:
            self._conversation.end(CLOSE_TIMEOUT_S)
        self._context = self._conversation = self._queue = None
        self._snapshot_rows = 0


def _find_bus(configured: str, proc: Path) -> Path:
    """The socket of the system bus as this program sees it.

    Raises:
        UnavailableError: there is none.
    """
    places = find_on_host(configured or SOCKET, proc)
    for place in places:
        try:
            if place.is_socket():
                return place
        except OSError:  # a place that may not be looked at
            continue
    raise UnavailableError(
        "no socket of the system bus",
        where=str(places[0]),
        next_step=(
            "mount the host's /run into the recorder's container, or set `socket` of the source `systemd`; turn the"
            " source off on nodes without systemd"
        ),
    )
