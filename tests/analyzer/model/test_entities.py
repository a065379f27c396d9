"""Promises of `analyzer.model.entities`: who is who, at which time."""

from __future__ import annotations

from tests.analyzer.capture_builder import (
    CaptureBuilder,
    container_status,
    runtime_id_of,
    termination,
    uid_of,
    unix_ns,
)
from tests.analyzer.seen_in_parts import rows_of_parts


def entity_of(engine, entity_id):
    (row,) = engine.records(f"SELECT * FROM entity WHERE entity_id = '{entity_id}'")
    return row


def test_a_replaced_pod_of_the_same_name_is_another_entity(tmp_path, model_of):
    # GIVEN db-0 that is deleted and made again by its StatefulSet
    path = (
        CaptureBuilder(tmp_path)
        .pod("db-0", uid="uid-old", at=1)
        .pod("db-0", uid="uid-old", event="deleted", at=10)
        .pod("db-0", uid="uid-new", event="added", at=12)
        .kube_object("ConfigMap", "later", {}, at=20)
        .write()
    )
    engine = model_of(path, "entity").engine
    # THEN both have their own interval
    old, new = entity_of(engine, "Pod/uid-old"), entity_of(engine, "Pod/uid-new")
    assert (old["to_ns"], old["is_deleted"]) == (unix_ns(10), True)
    assert (new["from_ns"], new["to_ns"], new["is_deleted"]) == (unix_ns(12), unix_ns(20), False)


def test_a_restarted_container_stays_one_entity_under_all_its_runtime_ids(tmp_path, model_of):
    # GIVEN a container that ran as one id and runs as another
    last = termination(at=5, run_of="first run")
    path = (
        CaptureBuilder(tmp_path)
        .pod("api-1", statuses=[container_status("api", run_of="second run", restarts=1, last=last)], at=1)
        .write()
    )
    engine = model_of(path, "container_run", "entity").engine
    # THEN both ids are of one container
    container = f"Container/{uid_of('Pod/shop/api-1')}/api"
    assert engine.rows("SELECT runtime_id, entity_id FROM container_run ORDER BY runtime_id") == sorted(
        [(runtime_id_of("first run"), container), (runtime_id_of("second run"), container)]
    )
    assert engine.value("SELECT count(*) FROM entity WHERE kind = 'Container'") == 1


def test_an_address_belongs_to_the_pod_that_had_it_at_the_time(tmp_path, model_of):
    # GIVEN an address that one pod gives up and another one gets
    path = (
        CaptureBuilder(tmp_path)
        .pod("old-1", ip="10.1.0.9", event="added", at=1)
        .pod("old-1", event="deleted", at=10)
        .pod("new-1", ip="10.1.0.9", event="added", at=12)
        .pod("client-1", at=1)
        .cgroup(7, "client-1", None, at=1)
        .tcp("connect", 5, cgroup_id=7, network__peer__address="10.1.0.9", network__peer__port=80)
        .tcp("connect", 20, cgroup_id=7, network__peer__address="10.1.0.9", network__peer__port=80)
        .write()
    )
    from analyzer.model.engine import Engine
    from formats.capture.reading import open_capture
    from tests.analyzer.shipped_model import build_model

    # WHEN the connections are looked at
    with Engine() as engine:
        model = build_model(open_capture(path), engine, wanted=["tcp_connection"])
        query = "SELECT at_ns, peer_id FROM tcp_connection ORDER BY at_ns"
        peers = rows_of_parts(model, engine, "tcp_connection", query)
    # THEN each went to the pod that had the address then
    assert peers == [
        (unix_ns(5), f"Pod/{uid_of('Pod/shop/old-1')}"),
        (unix_ns(20), f"Pod/{uid_of('Pod/shop/new-1')}"),
    ]


def test_a_cgroup_id_that_is_used_again_after_a_reboot_belongs_to_its_owner_at_the_time(tmp_path, engine):
    from formats.capture.reading import open_capture
    from tests.analyzer.shipped_model import build_model

    # GIVEN two boots in which the same cgroup id is of different pods
    builder = CaptureBuilder(tmp_path).pod("a-1", at=0).pod("b-1", at=0).cgroup(7, "a-1", at=1)
    builder.process("exit", 50, 2, cgroup_id=7, process__exit__code=1)
    builder.on_node("node-1", boot_id="second-boot")
    path = builder.cgroup(7, "b-1", at=100).process("exit", 50, 101, cgroup_id=7, process__exit__code=1).write()
    # WHEN the exits are looked at
    model = build_model(open_capture(path), engine, wanted=["process_exit"])
    seen = rows_of_parts(model, engine, "process_exit", "SELECT at_ns, entity_id FROM process_exit ORDER BY at_ns")
    # THEN each is of its pod
    assert seen == [
        (unix_ns(2), f"Pod/{uid_of('Pod/shop/a-1')}"),
        (unix_ns(101), f"Pod/{uid_of('Pod/shop/b-1')}"),
    ]


def test_what_happens_before_a_cgroups_first_row_is_its_owners(tmp_path, engine):
    from formats.capture.reading import open_capture
    from tests.analyzer.shipped_model import build_model

    # GIVEN a container whose first process ends before its cgroup is recorded
    path = CaptureBuilder(tmp_path).pod("a-1", at=0).process("exit", 5, 1, cgroup_id=7).cgroup(7, "a-1", at=2).write()
    model = build_model(open_capture(path), engine, wanted=["process_exit"])
    # THEN the exit is the pod's all the same
    seen = rows_of_parts(model, engine, "process_exit", "SELECT entity_id FROM process_exit")
    assert seen == [(f"Pod/{uid_of('Pod/shop/a-1')}",)]


def test_a_container_that_the_api_does_not_know_is_the_pods_sandbox(tmp_path, model_of):
    # GIVEN a pod with one known container and a second cgroup
    path = (
        CaptureBuilder(tmp_path)
        .pod("api-1", statuses=[container_status("api", run_of="api-1/api")], at=0)
        .cgroup(1, "api-1", "api")
        .cgroup(2, "api-1", "pause")
        .write()
    )
    engine = model_of(path, "cgroup").engine
    pod = uid_of("Pod/shop/api-1")
    assert engine.rows("SELECT cgroup_id, entity_id FROM cgroup ORDER BY ALL") == [
        (1, f"Container/{pod}/api"),
        (2, f"Pod/{pod}"),
    ]


def test_without_kubernetes_pods_and_containers_are_told_by_their_cgroups(tmp_path, model_of):
    # GIVEN a recording of a node without the API server
    path = CaptureBuilder(tmp_path).cgroup(1, "api-1", "api", at=1).cgroup(2, None).write()
    engine = model_of(path, "entity", "relation").engine
    pod, run = uid_of("Pod/shop/api-1"), runtime_id_of("api-1/api")
    # THEN they are entities under their ids
    assert engine.rows("SELECT kind, name, node, pod_id FROM entity ORDER BY ALL") == [
        ("Container", f"{pod}/{run[:12]}", "node-1", f"Pod/{pod}"),
        ("Node", "node-1", "node-1", None),
        ("Pod", pod, "node-1", f"Pod/{pod}"),
    ]
    assert engine.rows("SELECT relation, evidence FROM relation ORDER BY ALL") == [
        ("CONTAINS", "cgroup_state:node-1:1"),
        ("RUNS_ON", None),
    ]


def test_a_static_pods_cgroup_is_found_by_the_hash_of_its_file(tmp_path, model_of):
    # GIVEN a mirror pod whose uid in the API is not the one in its cgroup path
    config_hash = "0123456789abcdef0123456789abcdef"
    path = (
        CaptureBuilder(tmp_path)
        .pod("etcd-node-1", metadata={"annotations": {"kubernetes.io/config.hash": config_hash}}, at=0)
        .cgroup(3, None, **{"cgroup.path": f"/kubepods/burstable/pod{config_hash}", "k8s.pod.uid": config_hash})
        .write()
    )
    engine = model_of(path, "cgroup").engine
    assert engine.rows("SELECT entity_id FROM cgroup") == [(f"Pod/{uid_of('Pod/shop/etcd-node-1')}",)]


def test_the_workload_is_the_top_of_the_owners_even_where_they_were_not_recorded(tmp_path, model_of):
    # GIVEN a pod whose ReplicaSet was recorded, with its Deployment, and one whose owner was not
    path = (
        CaptureBuilder(tmp_path)
        .kube_object("Deployment", "api", {})
        .kube_object("ReplicaSet", "api-a", {}, owner=("Deployment", "api"))
        .pod("api-a-1", owner=("ReplicaSet", "api-a"))
        .pod("other-1", owner=("StatefulSet", "other"))
        .pod("bare")
        .write()
    )
    engine = model_of(path, "entity").engine
    assert engine.rows("SELECT name, workload_id FROM entity WHERE kind IN ('Pod', 'Container') ORDER BY ALL") == [
        ("api-a-1", f"Deployment/{uid_of('Deployment/shop/api')}"),
        ("api-a-1/api", f"Deployment/{uid_of('Deployment/shop/api')}"),
        ("bare", None),
        ("bare/bare", None),
        ("other-1", f"StatefulSet/{uid_of('StatefulSet/shop/other')}"),
        ("other-1/other", f"StatefulSet/{uid_of('StatefulSet/shop/other')}"),
    ]
    assert entity_of(engine, f"StatefulSet/{uid_of('StatefulSet/shop/other')}")["name"] == "other"


def test_a_ring_of_owners_ends(tmp_path, model_of):
    path = (
        CaptureBuilder(tmp_path)
        .kube_object("ReplicaSet", "a", {}, owner=("ReplicaSet", "b"))
        .kube_object("ReplicaSet", "b", {}, owner=("ReplicaSet", "a"))
        .pod("p-1", owner=("ReplicaSet", "a"))
        .write()
    )
    engine = model_of(path, "entity").engine
    assert engine.value("SELECT workload_id FROM entity WHERE name = 'p-1'").startswith("ReplicaSet/")


def test_processes_that_failed_are_entities_that_their_container_contains(tmp_path, model_of):
    # GIVEN a process that was alive at the start and one that ends with an error; a pid that is used twice
    path = (
        CaptureBuilder(tmp_path)
        .pod("api-1", statuses=[container_status("api", run_of="api-1/api")], at=0)
        .cgroup(1, "api-1", "api", at=0)
        .process("state", 10, 1, started=-5, cgroup_id=1, process__command="api")
        .process("exit", 11, 3, started=2, cgroup_id=1, process__command="first", process__exit__code=2)
        .process("exit", 11, 5, started=4, cgroup_id=1, process__command="second", process__exit__signal=9)
        .process("exit", 12, 5, started=4, cgroup_id=1, process__command="fine", process__exit__code=0)
        .write()
    )
    engine = model_of(path, "entity", "relation").engine
    assert engine.rows("SELECT name, from_ns, is_deleted FROM entity WHERE kind = 'Process' ORDER BY from_ns") == [
        ("api (10)", unix_ns(-5), False),
        ("first (11)", unix_ns(2), True),
        ("second (11)", unix_ns(4), True),
    ]
    container = f"Container/{uid_of('Pod/shop/api-1')}/api"
    assert engine.value(f"SELECT count(*) FROM relation WHERE relation = 'CONTAINS' AND source_id = '{container}'") == 3
