"""Promises of `analyzer.model.changes`."""

from __future__ import annotations

import pytest

from analyzer.model.changes import list_changes
from tests.analyzer.capture_builder import CaptureBuilder, uid_of, unix_ns


def template(**container):
    return {"spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "app", **container}]}}}}


CASES = [
    ("ConfigMap", {"data": {"A": "1"}}, {"data": {"A": "2"}}, "config", "A", "data.A 1 → 2"),
    ("ConfigMap", {"data": {}}, {"data": {"a.b": "x"}}, "config", "a.b", 'data["a.b"] was set to x'),
    ("ConfigMap", {"data": {"A": "digest:01", "B": "1"}}, {"data": {"A": "digest:02", "B": "1"}}, "config", "A", "data.A was changed"),
    ("Secret", {"data": {"K": "digest:01", "L": "l"}}, {"data": {"L": "l"}}, "config", "K", "data.K was removed"),
    ("Deployment", template(image="a:1"), template(image="a:2"), "image", "image", "spec.template.spec.containers[name=app].image a:1 → a:2"),
    ("Deployment", template(env=[{"name": "X", "value": "1"}]), template(env=[{"name": "X", "value": "2"}]), "env", "X", None),
    ("Deployment", template(command=["a"]), template(command=["b"]), "command", "command", None),
    ("Deployment", template(resources={"limits": {"cpu": "1"}}), template(resources={"limits": {"cpu": "2"}}), "resources", "cpu", None),
    ("Deployment", template(livenessProbe={"periodSeconds": 1}), template(livenessProbe={"periodSeconds": 2}), "probe", "periodSeconds", None),
    ("Deployment", {"spec": {"replicas": 1}}, {"spec": {"replicas": 3}}, "replicas", "replicas", "spec.replicas 1 → 3"),
    ("Service", {"spec": {"selector": {"app": "a"}}}, {"spec": {"selector": {"app": "b"}}}, "selector", "app", None),
    ("ResourceQuota", {"spec": {"hard": {"pods": "60"}}}, {"spec": {"hard": {"pods": "11"}}}, "quota", "pods", "spec.hard.pods 60 → 11"),
    ("HorizontalPodAutoscaler", {"spec": {"maxReplicas": 1}}, {"spec": {"maxReplicas": 2}}, "scale", "maxReplicas", None),
    ("PersistentVolumeClaim", {"spec": {"x": "1"}}, {"spec": {"x": "2"}}, "storage", "x", None),
    ("Namespace", {"metadata": {"labels": {"a": "1"}}}, {"metadata": {"labels": {"a": "2"}}}, "labels", "a", None),
    ("Deployment", {"spec": {"paused": False}}, {"spec": {"paused": True}}, "spec", "paused", "spec.paused false → true"),
]  # fmt: skip
"""Kind, before, after; category, key, and the end of the sentence where it matters."""


def test_a_change_is_classified_by_what_it_touches(tmp_path, model_of):
    # GIVEN two versions of one object for each case
    builder = CaptureBuilder(tmp_path)
    for number, (kind, before, _after, *_) in enumerate(CASES):
        builder.kube_object(kind, f"it-{number}", before)
    for number, (kind, _before, after, *_) in enumerate(CASES):
        builder.kube_object(kind, f"it-{number}", after, at=10.0 + number)
    # WHEN the changes are listed
    changes = list_changes(model_of(builder.write(), "change").engine, with_controllers=True)
    # THEN each object has its one change
    assert len(changes) == len(CASES)
    for number, (change, (kind, _before, _after, category, key, what)) in enumerate(zip(changes, CASES, strict=True)):
        assert (change.name, change.category, change.verb) == (f"it-{number}", category, "modified")
        assert change.at_ns == unix_ns(10 + number)
        assert key in str(change.path)
        if what is not None:
            assert change.what == f"{kind} it-{number}: {what}"


def test_a_restart_is_known_by_its_annotation(tmp_path, model_of):
    def restarted(at):
        return {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": at}}}}}

    path = (
        CaptureBuilder(tmp_path)
        .kube_object("Deployment", "api", restarted("2026-01-01"))
        .kube_object("Deployment", "api", restarted("2026-01-02"))
        .write()
    )
    engine = model_of(path, "object_change").engine
    assert engine.rows("SELECT category, key, actor FROM object_change") == [
        ("restart", "kubectl.kubernetes.io/restartedAt", "user")
    ]


def test_status_bookkeeping_and_mirrors_are_no_changes(tmp_path, model_of):
    builder = CaptureBuilder(tmp_path)
    for number in (1, 2):
        metadata = {
            "generation": number,
            "finalizers": [str(number)],
            "annotations": {"deployment.kubernetes.io/revision": str(number)},
        }
        builder.kube_object("Deployment", "api", {"metadata": metadata, "status": {"replicas": number}})
        builder.kube_object("EndpointSlice", "api-x", {"endpoints": [{"addresses": [f"10.0.0.{number}"]}]})
        builder.kube_object("Lease", "l", {"spec": {"holderIdentity": str(number)}})
    assert list_changes(model_of(builder.write(), "change").engine, with_controllers=True) == ()


def test_what_controllers_do_is_told_only_when_asked_for(tmp_path, model_of):
    path = (
        CaptureBuilder(tmp_path)
        .kube_object("Deployment", "web", {"spec": {"replicas": 1}})
        .kube_object("HorizontalPodAutoscaler", "s", {"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}})
        .kube_object("Node", "node-1", {"spec": {}})
        .kube_object("Deployment", "web", {"spec": {"replicas": 5}}, at=1)
        .kube_object("ReplicaSet", "web-b", {}, event="added", owner=("Deployment", "web"), at=2)
        .kube_object("Node", "node-1", {"spec": {"taints": [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]}}, at=3)
        .kube_object("Node", "node-1", {"spec": {"unschedulable": True, "taints": [{"key": "mine", "effect": "NoSchedule"}]}}, at=4)
        .kube_object("Job", "once", {}, event="added", at=5)
        .kube_object("Job", "once", {}, event="deleted", at=6)
        .write()
    )  # fmt: skip
    engine = model_of(path, "change").engine
    assert [(change.name, change.verb) for change in list_changes(engine)] == [
        ("node-1", "modified"),
        ("node-1", "modified"),
        ("once", "created"),
        ("once", "deleted"),
    ]
    everything = list_changes(engine, with_controllers=True)
    assert [change.id for change in everything] == [f"c{number}" for number in range(1, len(everything) + 1)]
    assert ("web", "replicas", "controller") in {(change.name, change.category, change.actor) for change in everything}
    assert ("web-b", "lifecycle", "controller") in {
        (change.name, change.category, change.actor) for change in everything
    }


def test_a_version_that_is_told_again_is_no_second_change(tmp_path, model_of):
    # GIVEN a change, and the snapshot at the start of the next segment, which repeats the version
    builder = CaptureBuilder(tmp_path).kube_object("ConfigMap", "c", {"data": {"K": "1"}}, at=1)
    builder.kube_object("ConfigMap", "c", {"data": {"K": "2"}}, at=2).next_segment()
    repeated = dict(builder._versions[uid_of("ConfigMap/shop/c")])
    builder._version -= 1
    builder.kube_object("ConfigMap", "c", repeated, event="state", at=10)
    engine = model_of(builder.write(), "change", "object_version").engine
    assert len(list_changes(engine)) == 1
    assert engine.value("SELECT count(*) FROM object_version") == 2


def test_a_difference_without_a_path_is_no_change(tmp_path, model_of):
    path = (
        CaptureBuilder(tmp_path)
        .kube_object("ConfigMap", "c", {"data": {"K": "1"}})
        .kube_object("ConfigMap", "c", {"data": {"K": "2"}}, **{"k8s.object.changes": '[{"path": '})
        .kube_object("ConfigMap", "c", {"data": {"K": "3"}}, **{"k8s.object.changes": '{"path": 5}'})
        .kube_object("ConfigMap", "c", {"data": {"K": "4"}}, **{"k8s.object.changes": '[7, {"path": 7, "old": {}}]'})
        .write()
    )
    # THEN of these lists only the one entry that has a path, though a number, is a change
    assert [change.path for change in list_changes(model_of(path, "change").engine)] == ["7"]


def test_a_namespace_is_deleted_when_that_is_asked_for_and_takes_along_what_is_in_it(tmp_path, model_of):
    # GIVEN a namespace that is asked to go, is gone after everything in it, and a Service of another one that goes meanwhile
    path = (
        CaptureBuilder(tmp_path)
        .kube_object("Namespace", "common", {"metadata": {"labels": {"deletionTimestamp": "never"}}}, at=0.1)
        .service("rates", namespace="common", at=0.2)
        .service("cache", at=0.3)
        .kube_object("Namespace", "common", {"metadata": {"deletionTimestamp": "2026-11-17T12:00:10Z"}}, at=10)
        .kube_object("Service", "rates", event="deleted", namespace="common", at=12)
        .kube_object("Service", "cache", event="deleted", at=13)
        .kube_object("Namespace", "common", event="deleted", at=16)
        .write()
    )
    # WHEN the changes are listed
    engine = model_of(path, "change", "relation").engine
    changes = list_changes(engine, with_controllers=True)
    # THEN its deletion comes first, and what is in it follows from that alone
    deleted = [(change.kind, change.name, change.actor, change.at_ns) for change in changes if change.verb == "deleted"]
    assert deleted == [
        ("Namespace", "common", "user", unix_ns(10)),
        ("Service", "rates", "controller", unix_ns(12)),
        ("Service", "cache", "user", unix_ns(13)),
    ]
    held = engine.rows("SELECT target_id FROM relation WHERE relation = 'HOLDS'")
    assert held == [(f"Service/{uid_of('Service/common/rates')}",)]


def test_a_namespace_that_was_going_before_the_recording_is_no_change(tmp_path, model_of):
    path = (
        CaptureBuilder(tmp_path)
        .kube_object("Namespace", "common", {"metadata": {"deletionTimestamp": "2026-11-17T11:00:00Z"}}, at=0.1)
        .service("rates", namespace="common", at=0.2)
        .kube_object("Service", "rates", event="deleted", namespace="common", at=12)
        .write()
    )
    changes = list_changes(model_of(path, "change").engine, with_controllers=True)
    assert [(change.kind, change.actor) for change in changes] == [("Service", "controller")]


def test_a_claim_is_deleted_when_that_is_asked_for_and_not_again_when_nobody_uses_it_any_more(tmp_path, model_of):
    going = {"metadata": {"deletionTimestamp": "2026-11-17T12:00:10Z", "finalizers": ["kubernetes.io/pvc-protection"]}}
    path = (
        CaptureBuilder(tmp_path)
        .kube_object("PersistentVolumeClaim", "data", {}, at=0.1)
        .kube_object("PersistentVolumeClaim", "data", going, at=10)
        .kube_object("PersistentVolumeClaim", "data", event="deleted", at=30)
        .write()
    )
    changes = list_changes(model_of(path, "change").engine)
    assert [(change.verb, change.at_ns) for change in changes] == [("deleted", unix_ns(10))]


@pytest.mark.parametrize("kind", ["Endpoints", "EndpointSlice"])
def test_endpoints_are_changed_by_people_only_while_their_service_has_no_selector(tmp_path, model_of, kind):
    # GIVEN a Service that loses its selector, and endpoints that are changed before that and afterwards
    labels = {"labels": {"kubernetes.io/service-name": "cache"}}
    builder = CaptureBuilder(tmp_path).service("cache", at=0.1)
    for second, port in ((0.2, 1), (10, 2), (30, 3)):
        ports = {"ports": [{"name": "db", "port": port}]}
        content = {"metadata": labels, "subsets": [ports]} if kind == "Endpoints" else {"metadata": labels, **ports}
        builder.kube_object(kind, "cache", content, at=second, owner=("Service", "cache"))
        if second == 10:
            builder.kube_object("Service", "cache", {"spec": {"clusterIP": "None"}}, at=20)
    # WHEN
    engine = model_of(builder.write(), "change", "endpoints_edit").engine
    # THEN
    changes = [change for change in list_changes(engine, with_controllers=True) if change.kind == kind]
    assert [(change.at_ns, change.actor) for change in changes] == [(unix_ns(30), "user")]
    assert engine.rows("SELECT at_ns, entity_id, actor FROM endpoints_edit") == [
        (unix_ns(30), f"Service/{uid_of('Service/shop/cache')}", "user")
    ]
