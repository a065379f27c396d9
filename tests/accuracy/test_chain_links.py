"""Links of chains, compared with the true chain."""

import pytest

from fixtures.accuracy.cases import WORKLOAD, Place, RightObject, Scope, Truth
from fixtures.accuracy.chain_links import LinkCount, count_links
from fixtures.accuracy.workloads import Workloads, place_of
from tests.accuracy.made_documents import document, entity, finding

SETTINGS = entity("ConfigMap", "settings")
CACHE = entity("Pod", "cache-7c9d8f6b5d-x2x4z")
SERVICE = entity("Service", "cache")
API = entity("Container", "api-7c9d8f6b5d-z4z2x/app")
EDGE = entity("Pod", "edge-0")
OTHER = entity("Deployment", "billing")
TRUTH = Truth(
    RightObject(Scope.OBJECT, "settings", "shop", ("ConfigMap",)),
    None,
    (Place("ConfigMap", "settings"), Place(WORKLOAD, "cache"), Place(WORKLOAD, "api")),
    {"cache": frozenset({"api", "edge"}), "api": frozenset({"edge"})},
)


@pytest.mark.parametrize(
    ("chain", "right", "wrong"),
    [
        ((SETTINGS,), 0, 0),
        ((SETTINGS, CACHE, SERVICE, API), 3, 0),
        ((SETTINGS, API), 1, 0),
        ((API, CACHE), 0, 1),
        ((CACHE, SETTINGS), 0, 1),
        ((SETTINGS, OTHER), 0, 1),
        ((OTHER, CACHE), 0, 1),
        ((API, EDGE), 1, 0),
        ((SETTINGS, EDGE), 0, 1),
    ],
)
def test_link_is_right_if_both_ends_are_on_the_true_chain_in_its_order(chain, right, wrong) -> None:
    count = count_links([finding(*chain)], TRUTH, Workloads(document()))
    assert count == LinkCount(right, wrong)


def test_every_pod_of_a_node_at_fault_is_hit_by_it() -> None:
    # GIVEN a true chain that names the node and one of its workloads
    truth = Truth(
        RightObject(Scope.OBJECT, "node-1", None, ("Node",)), None, (Place("Node", "node-1"), Place(WORKLOAD, "api"))
    )
    node = entity("Node", "node-1", namespace=None)
    there, elsewhere = entity("Pod", "billing-0", node="node-1"), entity("Pod", "billing-1", node="node-2")
    workloads = Workloads(document())
    # WHEN / THEN
    assert count_links([finding(node, there, entity("Service", "billing"))], truth, workloads) == LinkCount(2, 0)
    assert count_links([finding(node, elsewhere)], truth, workloads) == LinkCount(0, 1)


def test_links_are_not_judged_where_the_true_chain_is_not_known() -> None:
    unknown = Truth(TRUTH.right, None)
    assert count_links([finding(SETTINGS, OTHER)], unknown, Workloads(document())) == LinkCount(0, 0)


@pytest.mark.parametrize(
    ("kind", "name", "workload"),
    [
        ("Pod", "api-7c9d8f6b5d-z4z2x", "api"),
        ("Pod", "api-gateway-7c9d8f6b5d-z4z2x", "api-gateway"),
        ("Pod", "db-0", "db"),
        ("Pod", "agent-z4z2x", "agent"),
        ("Pod", "report-29383838-z4z2x", "report"),
        ("Job", "report-29383838", "report"),
        ("ReplicaSet", "api-7c9d8f6b5d", "api"),
        ("Container", "api-7c9d8f6b5d-z4z2x/app", "api"),
        ("Process", "api (77)", "api"),
        ("Deployment", "api-cache", "api-cache"),
        ("Service", "api-00000", "api-00000"),
    ],
)
def test_workload_is_told_by_the_names_that_kubernetes_generates(kind, name, workload) -> None:
    assert place_of(kind, name) == Place(WORKLOAD, workload)


def test_other_objects_are_places_of_their_own() -> None:
    assert place_of("ConfigMap", "cache-0") == Place("ConfigMap", "cache-0")
