"""Source `kube_object`: versions of Kubernetes objects, as lists and watches of the API server tell them."""

from __future__ import annotations

from formats.errors import ConfigurationError
from formats.loss import LossReason
from formats.rows.kube_object import ObjectRow, object_batch
from formats.rows.kube_resources import OBJECT_RESOURCES, RESOURCE_BY_NAME
from formats.rows.kube_versions import ObjectVersions
from formats.tables import kube_object
from recorder.kube.conversation_set import ConversationSet, WatchScope
from recorder.kube.kube_source import KubeSource
from recorder.kube.pacing import Timing
from recorder.source import Need, Profile, SourceContext, SourceSpec


class KubeObjectSource(KubeSource[ObjectRow]):
    """Follows every resource in a thread of its own; redacts, compares and compresses where it receives."""

    spec = SourceSpec(
        table=kube_object.TABLE,
        needs=(Need.KUBERNETES,),
        profile=Profile.LEAN,
        cost="a connection and thread per resource: 0.2 % of a core idle, 0.7 ms per changed pod, 28 MB for 1,000 pods",
        loss_reasons=(
            LossReason.REJECTED,
            LossReason.QUEUE_FULL,
            LossReason.WATCH_GAP,
            LossReason.NOT_LEADER,
            LossReason.STARTING,
        ),
        shed_order=80,
        options={
            "kubeconfig": "",
            "resources": tuple(resource.name for resource in OBJECT_RESOURCES),
            "namespaces": (),
            "configmap_values": False,
            "node_pods_only": False,
        },
        opens_slowly=True,
    )

    def follow(self, context: SourceContext, timing: Timing) -> ConversationSet[ObjectRow]:
        """Follow each of the resources.

        Raises:
            ConfigurationError: an option names a resource that is not known.
            UnavailableError: the API server cannot be reached, refuses access, or serves none of the resources.
        """
        names = context.options["resources"]
        unknown = sorted(set(names) - RESOURCE_BY_NAME.keys())
        if unknown:
            raise ConfigurationError(
                f"`resources` contains {unknown[0]!r}, which cannot be recorded",
                where="sources.kube_object.resources",
                next_step=f"choose from {', '.join(RESOURCE_BY_NAME)}",
            )
        is_divided = context.leadership.is_elected
        scope = WatchScope(
            tuple(context.options["namespaces"]),
            pods_of_node=context.node_name if is_divided or context.options["node_pods_only"] else None,
            is_divided=is_divided,
        )
        conversations = ConversationSet(context, ObjectVersions, object_batch, timing)
        conversations.open(
            [RESOURCE_BY_NAME[name] for name in dict.fromkeys(names)],
            scope,
            configmap_values=bool(context.options["configmap_values"]),
        )
        return conversations
