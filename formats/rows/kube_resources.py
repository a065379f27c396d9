"""The kinds of Kubernetes objects that are recorded, and under which names clusters of different ages serve them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Served:
    """One way in which a cluster may serve a resource.

    Attributes:
        api_version: `v1` for the core group, else group/version.
        plural: name in the URL.
        kind: as the API spells it.
    """

    api_version: str
    plural: str
    kind: str

    @property
    def group_path(self) -> str:
        """Path of the group and version: `/api/v1` or `/apis/apps/v1`."""
        return f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource to record.

    Attributes:
        name: its plural, as people write it in the configuration.
        served: how it may be served, the preferred way first.
        is_namespaced: whether its objects live in namespaces.
        short_names: names that `kubectl` also accepts.
        is_workload: whether its objects make pods to do work and are what people call the application.
        is_extension: whether clusters need not have it: where it is not served, nothing is missing.
        label_selector: which objects of it are recorded; empty = all.
    """

    name: str
    served: tuple[Served, ...]
    is_namespaced: bool = True
    short_names: tuple[str, ...] = ()
    is_workload: bool = False
    is_extension: bool = False
    label_selector: str = ""

    @property
    def kind(self) -> str:
        """Kind of the preferred way."""
        return self.served[0].kind


def _resource(
    plural: str,
    kind: str,
    *api_versions: str,
    is_namespaced: bool = True,
    short: tuple[str, ...] = (),
    is_workload: bool = False,
) -> Resource:
    served = tuple(Served(api_version, plural, kind) for api_version in api_versions)
    return Resource(plural, served, is_namespaced, short, is_workload)


def _permission(plural: str, kind: str, *, is_namespaced: bool = True) -> Resource:
    served = (Served("rbac.authorization.k8s.io/v1", plural, kind),)
    return Resource(plural, served, is_namespaced, label_selector=_NO_DEFAULTS)


_NO_DEFAULTS = "kubernetes.io/bootstrapping!=rbac-defaults"
"""Leaves out some 120 roles and bindings that every API server makes, and puts right itself when it starts."""

OBJECT_RESOURCES: tuple[Resource, ...] = (
    _resource("pods", "Pod", "v1", short=("po",)),
    _resource("replicasets", "ReplicaSet", "apps/v1", short=("rs",)),
    _resource("deployments", "Deployment", "apps/v1", short=("deploy",), is_workload=True),
    _resource("statefulsets", "StatefulSet", "apps/v1", short=("sts",), is_workload=True),
    _resource("daemonsets", "DaemonSet", "apps/v1", short=("ds",), is_workload=True),
    _resource("jobs", "Job", "batch/v1", is_workload=True),
    _resource("cronjobs", "CronJob", "batch/v1", "batch/v1beta1", short=("cj",), is_workload=True),
    _resource("services", "Service", "v1", short=("svc",)),
    Resource(
        "endpointslices",
        (
            Served("discovery.k8s.io/v1", "endpointslices", "EndpointSlice"),
            Served("discovery.k8s.io/v1beta1", "endpointslices", "EndpointSlice"),
            Served("v1", "endpoints", "Endpoints"),
        ),
    ),
    _resource("configmaps", "ConfigMap", "v1", short=("cm",)),
    _resource("secrets", "Secret", "v1"),
    _resource("nodes", "Node", "v1", is_namespaced=False, short=("no",)),
    _resource("persistentvolumeclaims", "PersistentVolumeClaim", "v1", short=("pvc",)),
    _resource("persistentvolumes", "PersistentVolume", "v1", is_namespaced=False, short=("pv",)),
    _resource(
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        "autoscaling/v2",
        "autoscaling/v2beta2",
        "autoscaling/v1",
        short=("hpa",),
    ),
    _resource("ingresses", "Ingress", "networking.k8s.io/v1", "networking.k8s.io/v1beta1", short=("ing",)),
    Resource(
        "httproutes",
        tuple(
            Served(f"gateway.networking.k8s.io/{version}", "httproutes", "HTTPRoute") for version in ("v1", "v1beta1")
        ),
        is_extension=True,
    ),
    _resource("networkpolicies", "NetworkPolicy", "networking.k8s.io/v1", short=("netpol",)),
    _resource("resourcequotas", "ResourceQuota", "v1", short=("quota",)),
    _resource("limitranges", "LimitRange", "v1", short=("limits",)),
    _resource(
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        "admissionregistration.k8s.io/v1",
        "admissionregistration.k8s.io/v1beta1",
        is_namespaced=False,
    ),
    _resource(
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        "admissionregistration.k8s.io/v1",
        "admissionregistration.k8s.io/v1beta1",
        is_namespaced=False,
    ),
    _resource("namespaces", "Namespace", "v1", is_namespaced=False, short=("ns",)),
    _resource("serviceaccounts", "ServiceAccount", "v1", short=("sa",)),
    _permission("roles", "Role"),
    _permission("rolebindings", "RoleBinding"),
    _permission("clusterroles", "ClusterRole", is_namespaced=False),
    _permission("clusterrolebindings", "ClusterRoleBinding", is_namespaced=False),
    _resource("poddisruptionbudgets", "PodDisruptionBudget", "policy/v1", "policy/v1beta1", short=("pdb",)),
    _resource("storageclasses", "StorageClass", "storage.k8s.io/v1", is_namespaced=False, short=("sc",)),
    _resource("priorityclasses", "PriorityClass", "scheduling.k8s.io/v1", is_namespaced=False, short=("pc",)),
    _resource("runtimeclasses", "RuntimeClass", "node.k8s.io/v1", "node.k8s.io/v1beta1", is_namespaced=False),
)
"""What `kube_object` records when nothing else is asked for."""

EVENTS = Resource("events", (Served("v1", "events", "Event"), Served("events.k8s.io/v1", "events", "Event")))
"""Both APIs describe the same Events, so one of them is recorded: core/v1 where it is served."""

RESOURCE_BY_NAME: dict[str, Resource] = {resource.name: resource for resource in OBJECT_RESOURCES}

KIND_BY_NAME: dict[str, str] = {
    name: resource.kind
    for resource in OBJECT_RESOURCES
    for name in (resource.kind.lower(), resource.name, *resource.short_names)
}
"""Kinds by every name that `kubectl` takes for them (kind, plural, short names), in lower case."""

WORKLOAD_KINDS: frozenset[str] = frozenset(resource.kind for resource in OBJECT_RESOURCES if resource.is_workload)
"""Kinds whose objects are what people call the application."""
