"""Source `systemd`: the services of the node as systemd sees them, and why they exited."""

from __future__ import annotations

from pathlib import Path

from formats.errors import UnavailableError
from formats.loss import LossReason
from formats.rows.node_services import UNIT_PATTERNS
from formats.tables import systemd
from recorder.conversation_source import ConversationSource
from recorder.dbus.units import UnitConversation, UnitLimits
from recorder.host_files import find_on_host
from recorder.row_queue import ColumnsRow, RowQueue
from recorder.source import Need, Profile, SourceContext, SourceSpec

SOCKET = "/run/dbus/system_bus_socket"


class SystemdSource(ConversationSource):
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
    queue_bytes = 1 << 20

    def converse(self, context: SourceContext, queue: RowQueue[ColumnsRow]) -> UnitConversation:
        """With systemd, over the bus.

        Raises:
            UnavailableError: there is no bus, or no systemd on it.
        """
        options = context.options
        limits = UnitLimits(
            units=tuple(str(unit) for unit in options["units"]),
            timeout_s=float(options["timeout_s"]),
            max_units=int(options["max_units"]),
            max_rows_per_minute=int(options["max_rows_per_minute"]),
        )
        return UnitConversation(_find_bus(str(options["socket"]), context.proc), queue, limits, context)


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
