"""Source `container`: containers and pod sandboxes as the container runtime sees them, and why containers crashed."""

from __future__ import annotations

from formats.loss import LossReason
from formats.rows.container import ContainerVersions
from formats.tables import container
from recorder.conversation_source import ConversationSource
from recorder.cri.conversation import Conversation, ConversationLimits
from recorder.cri.runtime import Runtime, find_sockets
from recorder.row_queue import ColumnsRow, RowQueue
from recorder.source import Need, Profile, SourceContext, SourceSpec


class ContainerSource(ConversationSource):
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
        super().__init__()
        self._versions = ContainerVersions()

    def converse(self, context: SourceContext, queue: RowQueue[ColumnsRow]) -> Conversation:
        """With the runtime.

        Raises:
            UnavailableError: there is no runtime.
        """
        options = context.options
        return Conversation(
            Runtime(find_sockets(str(options["socket"]), context.proc), float(options["timeout_s"])),
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
