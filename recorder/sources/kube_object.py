"""Source `kube_object`: versions of Kubernetes objects, as lists and watches of the API server tell them."""

from __future__ import annotations

import pyarrow as pa

from formats.errors import ConfigurationError
from formats.loss import LossReason
from formats.rows.kube_object import ObjectRow, object_batch
from formats.rows.kube_resources import OBJECT_RESOURCES, RESOURCE_BY_NAME
from formats.rows.kube_versions import ObjectVersions
from formats.tables import kube_object
from recorder.kube.conversation_set import ConversationSet, Scope
from recorder.kube.pacing import Timing
from recorder.source import Need, Profile, SourceContext, SourceSpec, SourceStats


class KubeObjectSource:
    """Follows every resource in a thread of its own; redacts, compares and compresses where it receives.

    Args:
        timing: how patient it is with the API server.
    """

    spec = SourceSpec(
        table=kube_object.TABLE,
        needs=(Need.KUBERNETES,),
        profile=Profile.LEAN,
        cost="a connection and thread per resource: 0.2 % of a core idle, 0.7 ms per changed pod, 28 MB for 1,000 pods",
        loss_reasons=(LossReason.REJECTED, LossReason.QUEUE_FULL, LossReason.WATCH_GAP),
        shed_order=80,
        options={
            "kubeconfig": "",
            "resources": tuple(resource.name for resource in OBJECT_RESOURCES),
            "namespaces": (),
            "configmap_values": False,
            "node_pods_only": False,
        },
    )

    def __init__(self, timing: Timing | None = None) -> None:
        self._timing = timing or Timing()
        self._conversations: ConversationSet[ObjectRow] | None = None

    def open(self, context: SourceContext) -> None:
        """Finds the API server and begins to follow what it serves.

        Raises:
            ConfigurationError: an option names a resource that is not known.
            UnavailableError: there is no API server to be had.
        """
        names = context.options["resources"]
        unknown = sorted(set(names) - RESOURCE_BY_NAME.keys())
        if unknown:
            raise ConfigurationError(
                f"`resources` names {unknown[0]!r}, which is not recorded",
                where="sources.kube_object.resources",
                next_step=f"choose from {', '.join(RESOURCE_BY_NAME)}",
            )
        scope = Scope(
            tuple(context.options["namespaces"]), context.node_name if context.options["node_pods_only"] else None
        )
        conversations = ConversationSet(context, ObjectVersions, object_batch, self._timing)
        conversations.open(
            [RESOURCE_BY_NAME[name] for name in dict.fromkeys(names)],
            scope,
            configmap_values=bool(context.options["configmap_values"]),
        )
        self._conversations = conversations

    def drain(self, budget_ns: int) -> list[pa.RecordBatch]:
        """Versions that were received."""
        return self._conversations.drain(budget_ns) if self._conversations else []

    def snapshot(self) -> list[pa.RecordBatch]:
        """The last version of every object."""
        return self._conversations.snapshot() if self._conversations else []

    def stats(self) -> SourceStats:
        """The running totals."""
        return self._conversations.stats() if self._conversations else SourceStats()

    def wake_fds(self) -> tuple[int, ...]:
        """None: the timer is often enough."""
        return ()

    def close(self) -> None:
        """Ends all conversations."""
        if self._conversations:
            self._conversations.close()
            self._conversations = None
