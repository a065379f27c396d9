"""Source `kube_event`: Kubernetes Events and every update of them, as lists and watches of the API server tell them."""

from __future__ import annotations

from formats.loss import LossReason
from formats.rows.kube_event import EventRow, event_batch
from formats.rows.kube_resources import EVENTS
from formats.rows.kube_versions import EventVersions
from formats.tables import kube_event
from recorder.kube.conversation_set import ConversationSet, WatchScope
from recorder.kube.kube_source import KubeSource
from recorder.kube.pacing import Timing
from recorder.source import Need, Profile, SourceContext, SourceSpec


class KubeEventSource(KubeSource[EventRow]):
    """Follows the Events of the cluster, or of some namespaces."""

    spec = SourceSpec(
        table=kube_event.TABLE,
        needs=(Need.KUBERNETES,),
        profile=Profile.LEAN,
        cost="one connection and thread: 0.1 ms per Event",
        loss_reasons=(
            LossReason.REJECTED,
            LossReason.QUEUE_FULL,
            LossReason.WATCH_GAP,
            LossReason.NOT_LEADER,
            LossReason.STARTING,
        ),
        shed_order=70,
        options={"kubeconfig": "", "namespaces": ()},
        opens_slowly=True,
    )

    def follow(self, context: SourceContext, timing: Timing) -> ConversationSet[EventRow]:
        """Follow the Events.

        Raises:
            UnavailableError: the API server cannot be reached or refuses access.
        """
        conversations = ConversationSet(context, EventVersions, event_batch, timing)
        conversations.open(
            [EVENTS], WatchScope(tuple(context.options["namespaces"]), is_divided=context.leadership.is_elected)
        )
        return conversations
