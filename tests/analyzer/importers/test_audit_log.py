"""The audit log of an API server: every write that succeeded becomes a version of its object, and its user is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analyzer.importers.audit_log import AuditLog, is_audit_event
from analyzer.importers.capturing import import_kubernetes
from formats.capture.reading import open_capture
from formats.rows.kube_json import Json
from reports.answer import answer
from tests.analyzed import document_of

REAL = Path(__file__).parents[3] / "fixtures/kube/release-exiting.audit.jsonl.zst"


def event(verb: str, name: str = "web", *, resource: str = "deployments", **changed: object) -> Json:
    """An audit event of a successful write, as an API server logs it at level RequestResponse."""
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "stage": "ResponseComplete",
        "verb": verb,
        "user": {"username": "alice"},
        "objectRef": {"resource": resource, "namespace": "shop", "name": name},
        "responseStatus": {"code": 200},
        "responseObject": deployment(name),
        "stageTimestamp": "2026-11-20T10:00:00.000001Z",
        **changed,
    }


def deployment(name: str = "web", *, version: str = "2", replicas: int = 3, **metadata: object) -> Json:
    return {
        "kind": "Deployment",
        "metadata": {"namespace": "shop", "name": name, "uid": f"uid-{name}", "resourceVersion": version, **metadata},
        "spec": {"replicas": replicas, "paused": False},
    }


def test_real_audit_log_names_the_change_and_the_user_who_made_it(tmp_path: Path) -> None:
    # GIVEN what an API server logged while somebody broke a StatefulSet
    capture = tmp_path / "out.tapio"
    # WHEN
    import_kubernetes([REAL], capture, node_name="kube-api")
    # THEN nothing is missing
    assert "loss" not in open_capture(capture).tables
    document = document_of(capture)
    (finding,) = document.findings
    assert finding.root_cause.name == "customer-hub"
    assert "the user admin" in str(answer(document, finding))


def test_what_was_written_is_told_once_and_signed() -> None:
    # GIVEN
    log = AuditLog()
    # WHEN
    (created,) = log.read(event("create"))
    (changed,) = log.read(event("update", responseObject=deployment(version="3")))
    # THEN
    assert (created.watch_type, changed.watch_type) == ("ADDED", "MODIFIED")
    assert (created.before, changed.before) == (None, None)
    (manager,) = changed.raw["metadata"]["managedFields"]
    assert manager["manager"] == "user/alice"


def test_components_keep_the_managers_that_the_api_server_names() -> None:
    # GIVEN
    raw = deployment(managedFields=[{"manager": "kube-controller-manager"}])
    user = {"username": "system:serviceaccount:kube-system:deployment-controller"}
    # WHEN
    (write,) = AuditLog().read(event("update", user=user, responseObject=raw))
    # THEN
    assert write.raw["metadata"]["managedFields"] == [{"manager": "kube-controller-manager"}]


def test_patch_of_an_object_that_was_not_logged_before_tells_what_it_set() -> None:
    # GIVEN
    patch = {"spec": {"replicas": 3}}
    # WHEN
    (write,) = AuditLog().read(event("patch", requestObject=patch))
    # THEN
    assert write.before is not None
    assert write.before["spec"] == {"paused": False}
    assert write.before["metadata"]["uid"] == "uid-web"


def test_scaling_is_a_new_version_of_the_workload() -> None:
    # GIVEN
    log = AuditLog()
    log.read(event("create"))
    reference = {"resource": "deployments", "subresource": "scale", "namespace": "shop", "name": "web"}
    scale = {"kind": "Scale", "metadata": {"resourceVersion": "9"}, "spec": {"replicas": 0}}
    # WHEN
    (write,) = log.read(event("patch", objectRef=reference, responseObject=scale))
    # THEN
    assert write.raw["kind"] == "Deployment"
    assert (write.raw["spec"]["replicas"], write.raw["metadata"]["resourceVersion"]) == (0, "9")


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"deletionTimestamp": "2026-11-20T10:00:30Z", "deletionGracePeriodSeconds": 30}, "MODIFIED"),
        ({"deletionTimestamp": "2026-11-20T10:00:30Z", "finalizers": ["example.com/wait"]}, "MODIFIED"),
        ({"deletionTimestamp": "2026-11-20T10:00:30Z", "deletionGracePeriodSeconds": 0}, "DELETED"),
        ({}, "DELETED"),
    ],
)
def test_deletion_that_has_to_wait_is_no_end(metadata: Json, expected: str) -> None:
    # GIVEN / WHEN
    (write,) = AuditLog().read(event("delete", responseObject=deployment(**metadata)))
    # THEN
    assert write.watch_type == expected


def test_collection_that_was_deleted_without_its_objects_ends_those_that_are_known() -> None:
    # GIVEN two Deployments of a namespace, and one of another one
    log = AuditLog()
    other = {"resource": "deployments", "namespace": "other", "name": "kept"}
    for one in (event("create", "a"), event("create", "b"), event("create", "kept", objectRef=other)):
        log.read(one)
    whole = event("deletecollection", responseObject=None, requestURI="/apis/apps/v1/namespaces/shop/deployments")
    some = {**whole, "requestURI": f"{whole['requestURI']}?labelSelector=a%3Db"}
    # WHEN / THEN a selection says nothing of which
    assert log.read(some) == []
    assert sorted(write.raw["metadata"]["name"] for write in log.read(whole)) == ["a", "b"]


@pytest.mark.parametrize(
    "changed",
    [
        {"verb": "get"},
        {"stage": "RequestReceived"},
        {"responseStatus": {"code": 409}},
        {"responseStatus": None},
        {"stageTimestamp": None},
        {"requestURI": "/apis/apps/v1/namespaces/shop/deployments/web?dryRun=All"},
        {"objectRef": {"resource": "leases", "name": "x"}},
        {"objectRef": {"resource": "deployments", "subresource": "status-of-mine", "name": "web"}},
        {"objectRef": None},
        {"user": 7, "responseObject": []},
    ],
)
def test_what_wrote_nothing_is_no_write(changed: Json) -> None:
    # GIVEN / WHEN / THEN
    assert AuditLog().read({**event("update"), **changed}) == []


def test_write_without_its_object_is_counted_but_a_secret_is_not() -> None:
    # GIVEN
    log = AuditLog()
    # WHEN
    log.read(event("update", responseObject=None))
    log.read(event("update", resource="secrets", responseObject=None))
    # THEN
    assert log.bodiless == 1


def test_audit_event_is_known_by_its_kind() -> None:
    # GIVEN / WHEN / THEN an Event of the cluster is none
    assert is_audit_event(json.loads(json.dumps(event("get"))))
    assert not is_audit_event({"kind": "Event", "apiVersion": "v1"})
    assert not is_audit_event(None)
