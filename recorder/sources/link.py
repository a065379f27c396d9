"""Source `link`: interfaces, routes and neighbours of the node and of its pods, and tracked connections."""

from __future__ import annotations

from dataclasses import replace

from formats.errors import UnavailableError
from formats.loss import LossReason
from formats.tables import link
from recorder.conversation_source import ConversationSource
from recorder.netlink.conversation import LinkConversation
from recorder.netlink.watch import LinkWatch
from recorder.row_queue import ColumnsRow, RowQueue
from recorder.source import Need, Profile, SourceContext, SourceSpec, SourceStats


class LinkSource(ConversationSource):
    """Hears of changes over netlink, in the network namespaces of pods too. It enters none, and changes nothing."""

    spec = SourceSpec(
        table=link.TABLE,
        needs=(Need.PROC, Need.NETLINK),
        profile=Profile.LEAN,
        cost="1 MiB; 25 ms for each look at 100 pods, 0.2 % of a core; 40 us for each change, 5 % of a core in a flood",
        loss_reasons=(
            LossReason.KERNEL_RING_FULL,
            LossReason.RATE_LIMITED,
            LossReason.QUEUE_FULL,
            LossReason.REJECTED,
        ),
        shed_order=61,
        fallback=(
            "every interval_s, counters, routes, and neighbours of IPv4 that do not answer are read from /proc/PID/net,"
            " and the node's interfaces from /sys; of pods, an interface that goes down or has another MTU is not seen"
        ),
        options={
            "interval_s": 15,
            "roots": (),
            "max_cgroups": 4096,
            "ring_bytes": 524_288,
            "max_namespaces": 512,
            "max_routes": 1024,
            "max_rows_per_minute": 30,
        },
    )
    queue_bytes = 1 << 20

    def converse(self, context: SourceContext, queue: RowQueue[ColumnsRow]) -> LinkConversation:
        """With the kernel.

        Raises:
            UnavailableError: there is no /proc.
        """
        if not (context.proc / "self/net/dev").exists():
            raise UnavailableError(
                "/proc has no network interfaces",
                where=str(context.proc / "self/net/dev"),
                next_step="run with hostPID and the host's /proc",
            )
        return LinkConversation(LinkWatch(context), queue)

    def stats(self) -> SourceStats:
        """Running totals of rows and losses, and when notifications were lost."""
        gaps = self._conversation.gaps if isinstance(self._conversation, LinkConversation) else ()
        return replace(super().stats(), unknown_gaps=tuple(gaps))
