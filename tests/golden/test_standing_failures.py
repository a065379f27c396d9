"""What was wrong before the recording began is found if it still is: a list of objects alone is enough."""

from __future__ import annotations

from pathlib import Path

from analyzer.analyze import analyze_capture
from analyzer.knowledge.shipped import read_knowledge
from formats.capture.reading import open_capture
from formats.postmortem.document import Document
from tests.analyzer.capture_builder import CaptureBuilder, container_status, rfc3339, termination, unix_ns


def _analyze(path: Path) -> Document:
    return analyze_capture(open_capture(path), read_knowledge(()))


def _conditions(status: str, since: float, **columns: object) -> list[dict[str, object]]:
    return [{"type": "Ready", "status": status, "lastTransitionTime": rfc3339(since), **columns}]


def test_one_list_of_objects_of_a_crashing_workload_gives_a_finding_that_began_before(tmp_path: Path) -> None:
    # GIVEN one moment, in which a container waits after its third crash and its Service has no endpoint
    crash = termination(at=-40, run_of="r2", exit_code=3, started=-45)
    status = container_status("billing", restarts=3, waiting="CrashLoopBackOff", last=crash)
    builder = CaptureBuilder(tmp_path).service("billing", at=0)
    builder.pod("billing-1", statuses=[status], conditions=_conditions("False", -90), at=0)
    path = builder.write()
    # WHEN
    document = _analyze(path)
    # THEN
    assert [finding.root_cause.name for finding in document.findings] == ["billing-1"]
    begins = {symptom.name: symptom.begin for symptom in document.symptoms}
    assert {"container-exited-with-error", "container-crash-looping", "pod-not-ready"} <= set(begins)
    assert begins["container-crash-looping"][:19] == rfc3339(-40)[:19]


def test_one_list_of_objects_that_are_well_again_gives_none(tmp_path: Path) -> None:
    # GIVEN one moment with the remains of failures that are over: a restart, events, an old failed Job
    crash = termination(at=-900, run_of="r0", exit_code=3, started=-950)
    builder = CaptureBuilder(tmp_path)
    builder.pod(
        "billing-1",
        statuses=[container_status("billing", restarts=1, last=crash, started=-890)],
        conditions=_conditions("True", -880),
        at=0,
    )
    for reason, kind, name in (("BackOff", "Pod", "billing-1"), ("FailedCreate", "ReplicaSet", "billing-6d")):
        columns = {"k8s.event.last_unix_nano": unix_ns(-870)}
        builder.kube_event(reason, kind, name, event="state", at=0, **columns)
    builder.kube_object(
        "ReplicaSet", "billing-6d", {"spec": {"replicas": 1}, "status": {"replicas": 1, "readyReplicas": 1}}, at=0
    )
    failed = {"type": "Failed", "status": "True", "lastTransitionTime": rfc3339(-86_400)}
    builder.kube_object("Job", "nightly-1", {"status": {"failed": 1, "conditions": [failed]}}, at=0)
    path = builder.write()
    # WHEN
    document = _analyze(path)
    # THEN
    assert document.findings == ()


def test_a_service_that_waits_for_its_workload_is_no_failure_and_one_whose_pods_are_not_made_is(tmp_path: Path) -> None:
    def slice_of(name: str) -> dict[str, object]:
        return {"metadata": {"labels": {"kubernetes.io/service-name": name}}, "endpoints": []}

    # GIVEN a Service without any workload, and one whose Deployment wants a pod and has none
    builder = CaptureBuilder(tmp_path)
    for name in ("later", "billing"):
        builder.service(name, cluster_ip="10.96.1.1", at=0).kube_object("EndpointSlice", name, slice_of(name), at=0)
    template = {"metadata": {"labels": {"app": "billing"}}, "spec": {"containers": [{"name": "main"}]}}
    builder.kube_object("Deployment", "billing", {"spec": {"replicas": 1, "template": template}, "status": {}}, at=0)
    # WHEN
    document = _analyze(builder.write())
    # THEN
    assert [(symptom.name, symptom.entity.name) for symptom in document.symptoms] == [
        ("service-without-endpoints", "billing")
    ]


def test_claim_of_a_missing_class_is_a_finding_before_any_pod_asks_for_it(tmp_path: Path) -> None:
    # GIVEN a claim, of which only the volume controller says that it cannot be bound
    builder = CaptureBuilder(tmp_path)
    spec = {"storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}}
    pending = {"spec": spec, "status": {"phase": "Pending"}}
    builder.kube_object("PersistentVolumeClaim", "books", pending, at=10, event="added")
    missing = 'storageclass.storage.k8s.io "fast" not found'
    builder.kube_event("ProvisioningFailed", "PersistentVolumeClaim", "books", note=missing, at=11)
    builder.kube_object("ConfigMap", "end", {}, at=60)
    # WHEN
    (finding,) = _analyze(builder.write()).findings
    # THEN
    assert (finding.pattern, finding.root_cause.name) == ("claim-class-unknown", "books")
