"""What names the object at fault, and what does not."""

import pytest

from fixtures.accuracy.cases import RightObject, Scope
from fixtures.accuracy.matching import names_object
from fixtures.accuracy.workloads import Workloads
from tests.accuracy.made_documents import document, entity, finding

APPLICATION = RightObject(Scope.APPLICATION, "orders", "shop")
NODE = RightObject(Scope.NODE, "node-1")
NAMESPACE = RightObject(Scope.NAMESPACE, "shop")


def is_named(root, right, made=None) -> bool:
    return names_object(finding(root)["root_cause"], right, Workloads(made or document()))


@pytest.mark.parametrize(
    ("root", "is_right"),
    [
        (entity("Deployment", "orders"), True),
        (entity("Pod", "orders-7c9d8f6b5d-x2x4z"), True),
        (entity("Container", "orders-7c9d8f6b5d-x2x4z/app"), True),
        (entity("ReplicaSet", "orders-7c9d8f6b5d"), True),
        (entity("Service", "orders"), True),
        (entity("ConfigMap", "orders-config"), True),
        (entity("Deployment", "orders", namespace="other"), False),
        (entity("Deployment", "orders-archive"), False),
        (entity("Pod", "orders-archive-7c9d8f6b5d-x2x4z"), False),
        (entity("ConfigMap", "ordersconfig"), False),
        (entity("ConfigMap", "settings"), False),
    ],
)
def test_application_is_named_by_what_belongs_to_it_alone(root, is_right) -> None:
    assert is_named(root, APPLICATION) is is_right


def test_config_map_belongs_to_the_one_workload_that_uses_it() -> None:
    # GIVEN a ConfigMap that pods of one workload use, then also a pod of another
    settings = entity("ConfigMap", "settings")
    pods = [entity("Pod", name) for name in ("a", "b", "c")]
    workloads = [entity("Deployment", "orders"), entity("Deployment", "billing")]
    own = [("WORKLOAD_OF", "Pod/a", "Deployment/orders"), ("WORKLOAD_OF", "Pod/b", "Deployment/orders")]
    uses = [("USES", "Pod/a", settings["id"]), ("USES", "Pod/b", settings["id"])]
    alone = document(entities=[settings, *pods, *workloads], relations=[*own, *uses])
    other = [("WORKLOAD_OF", "Pod/c", "Deployment/billing"), ("USES", "Pod/c", settings["id"])]
    shared = document(entities=[settings, *pods, *workloads], relations=[*own, *uses, *other])
    # WHEN / THEN
    assert is_named(settings, APPLICATION, alone)
    assert not is_named(settings, APPLICATION, shared)


def test_workload_of_a_pod_is_found_by_relations_whatever_its_name_is() -> None:
    # GIVEN names as anonymization leaves them, in which no suffix can be told
    pod, replica_set, deployment = (
        entity("Pod", "qwe-aaa-iii"),
        entity("ReplicaSet", "qwe-aaa"),
        entity("Deployment", "qwe"),
    )
    made = document(
        entities=[pod, replica_set, deployment],
        relations=[("OWNS", deployment["id"], replica_set["id"]), ("OWNS", replica_set["id"], pod["id"])],
    )
    # WHEN / THEN
    assert is_named(pod, RightObject(Scope.APPLICATION, "qwe", "shop"), made)


@pytest.mark.parametrize(
    ("root", "is_right"),
    [
        (entity("Node", "node-1", namespace=None, node="node-1"), True),
        (entity("Pod", "kube-proxy-abcde", namespace="kube-system", node="node-1"), True),
        (entity("Pod", "kube-proxy-abcde", namespace="kube-system", node="node-2"), False),
        (entity("Pod", "orders-1", node="node-1"), False),
        (entity("Node", "node-2", namespace=None, node="node-2"), False),
    ],
)
def test_node_is_named_by_itself_or_a_system_pod_on_it(root, is_right) -> None:
    assert is_named(root, NODE) is is_right


@pytest.mark.parametrize(
    ("root", "is_right"),
    [
        (entity("Namespace", "shop", namespace=None), True),
        (entity("ResourceQuota", "compute"), True),
        (entity("ServiceAccount", "default"), True),
        (entity("ResourceQuota", "compute", namespace="other"), False),
        (entity("Deployment", "shop"), False),
    ],
)
def test_namespace_is_named_by_itself_or_by_what_limits_it(root, is_right) -> None:
    assert is_named(root, NAMESPACE) is is_right


@pytest.mark.parametrize(
    ("kinds", "root", "is_right"),
    [
        (("ConfigMap",), entity("ConfigMap", "settings"), True),
        (("ConfigMap",), entity("Secret", "settings"), False),
        (("Pod", "Container"), entity("Pod", "settings-7c9d8f6b5d-x2x4z"), True),
        (("Deployment",), entity("Pod", "settings-7c9d8f6b5d-x2x4z"), False),
        (("Pod",), entity("Pod", "settings-archive-7c9d8f6b5d-x2x4z"), False),
    ],
)
def test_object_is_named_by_itself_and_by_pods_only_where_the_truth_allows_pods(kinds, root, is_right) -> None:
    assert is_named(root, RightObject(Scope.OBJECT, "settings", "shop", kinds)) is is_right
