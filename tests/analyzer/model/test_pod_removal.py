"""Promises of the fact about Pods that somebody deletes, and of the relation to who may."""

from __future__ import annotations

import pytest

from tests.analyzer.capture_builder import CaptureBuilder, rfc3339, uid_of

API = f"Deployment/{uid_of('Deployment/shop/api')}"


def replicas(builder: CaptureBuilder, number: int, at: float) -> None:
    """What the Deployment `api` and its ReplicaSet should have."""
    template = {"spec": {"containers": [{"name": "api"}]}}
    builder.kube_object("Deployment", "api", {"spec": {"replicas": number, "template": template}}, at=at)
    columns = {"owner": ("Deployment", "api")}
    builder.kube_object("ReplicaSet", "api-1", {"spec": {"replicas": number, "template": template}}, at=at, **columns)


def running(builder: CaptureBuilder, name: str, **columns) -> None:
    builder.pod(name, owner=("ReplicaSet", "api-1"), at=0.5, **columns)


def delete(builder: CaptureBuilder, name: str, at: float, **columns) -> None:
    going = {"deletionTimestamp": rfc3339(at), "deletionGracePeriodSeconds": 0}
    builder.pod(name, owner=("ReplicaSet", "api-1"), metadata=going, at=at, **columns)


@pytest.fixture
def builder(tmp_path) -> CaptureBuilder:
    """A Deployment of two Pods on a node."""
    built = CaptureBuilder(tmp_path)
    built.kube_object("Node", "node-1", {}, at=0.1)
    replicas(built, 2, at=0.2)
    running(built, "api-1-a")
    return built


def removed(model_of, builder: CaptureBuilder) -> list[tuple[str, str]]:
    builder.kube_object("ConfigMap", "last", {}, at=100)
    return model_of(builder.write(), "pod_removal").engine.rows("SELECT entity_id, pod FROM pod_removal")


def test_a_pod_that_is_deleted_while_its_replica_set_wants_it_was_removed(builder, model_of):
    delete(builder, "api-1-a", at=40)
    assert removed(model_of, builder) == [(API, "api-1-a")]


@pytest.mark.parametrize("scaled_at", [30, 43])
def test_a_pod_that_goes_because_there_shall_be_fewer_was_not(builder, model_of, scaled_at):
    delete(builder, "api-1-a", at=40)
    replicas(builder, 1, at=scaled_at)
    assert removed(model_of, builder) == []


def test_a_pod_of_a_node_that_is_cordoned_was_not(builder, model_of):
    builder.kube_object("Node", "node-1", {"spec": {"unschedulable": True}}, at=30)
    delete(builder, "api-1-a", at=40)
    assert removed(model_of, builder) == []


def test_a_pod_that_was_evicted_was_not(builder, model_of):
    builder.kube_event("Evicted", "Pod", "api-1-a", note="The node was low on resource: memory.", at=39)
    delete(builder, "api-1-a", at=40)
    assert removed(model_of, builder) == []


def test_a_pod_of_a_namespace_that_goes_was_not(builder, model_of):
    builder.kube_object("Namespace", "shop", {"metadata": {"deletionTimestamp": rfc3339(35)}}, at=35)
    delete(builder, "api-1-a", at=40)
    assert removed(model_of, builder) == []


@pytest.mark.parametrize(("verb", "callers"), [("deletecollection", {"janitor", "idle"}), ("list", set())])
def test_those_may_delete_whose_role_says_so(builder, model_of, verb, callers):
    permit(builder, verb)
    delete(builder, "api-1-a", at=40)
    assert may_delete(model_of, builder) == callers


def test_of_those_who_may_only_the_callers_of_the_api_server_count_where_one_is_recorded(builder, model_of):
    # GIVEN two Pods of one account, of which one calls the API server
    permit(builder, "delete")
    builder.service("kubernetes", namespace="default", cluster_ip="10.2.0.9", at=0.3)
    builder.cgroup(7, "janitor", "app", 2)
    builder.tcp("connect", 30, cgroup_id=7, network__peer__address="10.2.0.9", network__peer__port=443)
    delete(builder, "api-1-a", at=40)
    # THEN
    assert may_delete(model_of, builder) == {"janitor"}


def permit(builder: CaptureBuilder, verb: str) -> None:
    """Two Pods of an account that may do something with Pods."""
    for name in ("janitor", "idle"):
        builder.pod(name, spec={"serviceAccountName": "tidy"}, ip=f"10.1.0.{len(name)}", at=1)
    builder.kube_object("Role", "tidies", {"rules": [{"resources": ["pods"], "verbs": [verb]}]}, at=1)
    binding = {
        "roleRef": {"kind": "Role", "name": "tidies"},
        "subjects": [{"kind": "ServiceAccount", "name": "tidy", "namespace": "shop"}],
    }
    builder.kube_object("RoleBinding", "tidies", binding, at=1)


def may_delete(model_of, builder: CaptureBuilder) -> set[str]:
    builder.kube_object("ConfigMap", "last", {}, at=100)
    engine = model_of(builder.write(), "relation", "entity").engine
    rows = engine.rows("""
        SELECT pod.name, target_id FROM relation JOIN entity AS pod ON pod.entity_id = source_id WHERE relation = 'MAY_DELETE'
    """)
    assert {target for _, target in rows} <= {API}
    return {name for name, _ in rows}
