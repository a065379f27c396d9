"""Incidents that no cause or pattern was written for: mechanisms and contrast name the change that began them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from analyzer.analyze import analyze_capture
from formats.capture.reading import open_capture
from formats.postmortem.document import Document
from tests.analyzed import shipped_knowledge
from tests.analyzer.capture_builder import CaptureBuilder, container_status

READY = [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-17T11:00:00Z"}]


class Town:
    """Two workloads: `portal` calls the Service `ledger`, whose pods are those of the Deployment `ledger`."""

    def __init__(self, directory: Path) -> None:
        self.builder = CaptureBuilder(directory)
        self.builder.kube_object("Node", "node-1", {"status": {"conditions": [{"type": "Ready", "status": "True"}]}})
        for number, name in enumerate(("ledger", "portal"), start=1):
            self.workload(name, at=0.1)
            self.pod(name, f"{name}-old-1", at=0.2, cgroup=number, ip=f"10.1.0.{number}")
        self.builder.service("ledger", cluster_ip="10.2.0.1", at=0.3)

    def workload(self, name: str, *, at: float, replicas: int = 1, **container: Any) -> None:
        """One version of a Deployment, and of the ReplicaSet of its pods."""
        template = {
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "app", "image": "town:1", **container}]},
        }
        spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
        self.builder.kube_object("Deployment", name, {"spec": spec}, at=at)
        self.builder.kube_object(
            "ReplicaSet", f"{name}-{len(str(container))}", {"spec": spec}, at=at, owner=("Deployment", name)
        )
        self._set = f"{name}-{len(str(container))}"

    def pod(self, name: str, pod: str, *, at: float, cgroup: int, ip: str, **columns: Any) -> None:
        """A pod of the newest ReplicaSet of a workload, with the cgroup of its container."""
        statuses = columns.pop("statuses", [container_status("app", run_of=f"{pod}/app")])
        self.builder.pod(
            pod, at=at, owner=("ReplicaSet", self._set), ip=ip, labels={"app": name}, containers=[{"name": "app"}],
            conditions=columns.pop("conditions", READY), statuses=statuses, **columns,
        ).cgroup(cgroup, pod, "app", at + 0.01)  # fmt: skip

    def unhealthy(self, pod: str, probe: str, *, at: float, note: str = "") -> None:
        """The kubelet reports a failed probe of a container, or that it kills it for that."""
        text = note or f"{probe} probe failed: context deadline exceeded"
        columns = {"k8s.object.field_path": "spec.containers{app}", "k8s.event.uid": f"{pod} {at}"}
        self.builder.kube_event("Killing" if note else "Unhealthy", "Pod", pod, note=text, at=at, **columns)

    def call(self, caller: int, address: str, port: int, *, at: float, refused: bool = False) -> None:
        """A connection of a container, by its cgroup."""
        event = "refused" if refused else "connect"
        self.builder.tcp(event, at, cgroup_id=caller, network__peer__address=address, network__peer__port=port)

    def responses(self, server: int, status: int, *, at: float) -> None:
        """Responses of a server, by its cgroup."""
        columns = {"http.response.status_code": status, "request.side": "server"}
        self.builder.row("request", "request.responses", at, cgroup_id=server, count=2, **columns)

    def analyze(self) -> Document:
        """The document of all that was told."""
        return analyze_capture(open_capture(self.builder.write()), shipped_knowledge(), threads=1)


def test_variable_that_points_to_a_closed_port_is_blamed_for_the_refused_connections_and_the_failed_requests(tmp_path):
    # GIVEN a portal whose new pod gets another address of its backend, on which nobody listens
    town = Town(tmp_path)
    town.call(2, "10.2.0.1", 9000, at=1)
    town.workload("portal", at=30, env=[{"name": "BACKEND", "value": "10.2.0.1:9999"}])
    town.pod("portal", "portal-new-1", at=32, cgroup=12, ip="10.1.0.12", event="added")
    for second in range(40, 90, 2):
        town.call(12, "10.2.0.1", 9999, at=second, refused=True)
        town.responses(12, 502, at=second + 0.5)
    # WHEN
    (finding, *_rest) = town.analyze().findings
    # THEN
    assert (finding.root_cause.kind, finding.root_cause.name) == ("Deployment", "portal")
    assert [step.symptom for step in finding.chain] == [
        "workload-spec-changed",
        "connections-refused",
        "requests-failing",
    ]


def test_caller_that_is_killed_for_a_slow_backend_is_the_effect_of_the_change_that_slowed_it(tmp_path):
    # GIVEN a backend with a new CPU limit, whose caller fails its probes before the backend itself is found slow
    town = Town(tmp_path)
    for second in range(1, 90, 4):
        town.call(2, "10.2.0.1", 9000, at=second)
    town.workload("ledger", at=30, resources={"limits": {"cpu": "10m"}})
    town.pod("ledger", "ledger-new-1", at=32, cgroup=11, ip="10.1.0.11", event="added")
    for second in range(50, 80, 10):
        town.unhealthy("portal-old-1", "Liveness", at=second)
        town.unhealthy("ledger-new-1", "Liveness", at=second + 8)
    town.unhealthy("portal-old-1", "", at=81, note="Container app failed liveness probe, will be restarted")
    town.unhealthy("ledger-new-1", "", at=89, note="Container app failed liveness probe, will be restarted")
    # WHEN
    findings = town.analyze().findings
    # THEN one story is told, and it begins with the change
    assert [(one.root_cause.kind, one.root_cause.name) for one in findings] == [("Deployment", "ledger")]


def test_failed_requests_without_a_recorded_cause_are_told_with_what_was_considered(tmp_path):
    # GIVEN errors of the old pods, and a change of a workload that they do not belong to
    town = Town(tmp_path)
    for second in range(20, 90, 2):
        town.responses(1, 500, at=second + 0.5)
    town.workload("portal", at=60, env=[{"name": "COLOR", "value": "green"}])
    # WHEN
    (finding,) = town.analyze().findings
    # THEN nothing is blamed
    assert finding.pattern == "unexplained"
    assert finding.confidence < 0.5
    assert any(
        "portal" in statement.what and "after the failure began" in statement.what for statement in finding.supported_by
    )


def test_change_is_not_blamed_for_what_its_workload_showed_before_it(tmp_path):
    # GIVEN a portal that fails before its change, and whose new pod fails in the same way
    town = Town(tmp_path)
    for second in range(5, 30, 2):
        town.call(2, "10.2.0.1", 9999, at=second, refused=True)
    town.workload("portal", at=40, env=[{"name": "COLOR", "value": "green"}])
    town.pod("portal", "portal-new-1", at=42, cgroup=12, ip="10.1.0.12", event="added")
    for second in range(45, 90, 2):
        town.call(12, "10.2.0.1", 9999, at=second, refused=True)
    # WHEN THEN
    findings = town.analyze().findings
    assert [finding.pattern for finding in findings] == ["unexplained"] * len(findings)
    assert findings
