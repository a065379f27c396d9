"""Source `kube_event`: Kubernetes Events and every update of them, as lists and watches of the API server tell them."""

from __future__ import annotations

import pyarrow as pa

from formats.loss import LossReason
from formats.rows.kube_event import EventRow, event_batch
from formats.rows.kube_resources import EVENTS
from formats.rows.kube_versions import EventVersions
from formats.tables import kube_event
from recorder.kube.conversation_set import ConversationSet, Scope
from recorder.kube.pacing import Timing
from recorder.source import Need, Profile, SourceContext, SourceSpec, SourceStats


class KubeEventSource:
    """Follows the Events of the cluster, or of some namespaces.

    Args:
        timing: how patient it is with the API server.
    """

    spec = SourceSpec(
        table=kube_event.TABLE,
        needs=(Need.KUBERNETES,),
        profile=Profile.LEAN,
        cost="one connection and thread: 0.1 ms per Event",
        loss_reasons=(LossReason.REJECTED, LossReason.QUEUE_FULL, LossReason.WATCH_GAP),
        shed_order=70,
        options={"kubeconfig": "", "namespaces": ()},
    )

    def __init__(self, timing: Timing | None = None) -> None:
        self._timing = timing or Timing()
        self._conversations: ConversationSet[EventRow] | None = None

    def open(self, context: SourceContext) -> None:
        """Finds the API server and begins to follow its Events.

        Raises:
            UnavailableError: there is no API server to be had.
        """
        conversations = ConversationSet(context, EventVersions, event_batch, self._timing)
        conversations.open([EVENTS], Scope(tuple(context.options["namespaces"])))
        self._conversations = conversations

    def drain(self, budget_ns: int) -> list[pa.RecordBatch]:
        """Versions of Events that were received."""
        return self._conversations.drain(budget_ns) if self._conversations else []

    def snapshot(self) -> list[pa.RecordBatch]:
        """Nothing: Events are no state."""
        return []

    def stats(self) -> SourceStats:
        """The running totals."""
        return self._conversations.stats() if self._conversations else SourceStats()

    def wake_fds(self) -> tuple[int, ...]:
        """None: the timer is often enough."""
        return ()

    def close(self) -> None:
        """Ends the conversation."""
        if self._conversations:
            self._conversations.close()
            self._conversations = None
