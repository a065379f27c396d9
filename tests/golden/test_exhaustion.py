"""What exit messages, failed system calls and pressure say leads to its cause, also where no shipped capture has that cause."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analyzer.analyze import analyze_capture
from analyzer.importers.capturing import import_kubernetes
from fixtures.states.cluster import Cluster, containers_of, healthy_cluster
from fixtures.states.runtime import name_unresolved
from fixtures.states.services import address_host
from fixtures.town.kernel import descriptors_in_use
from formats.capture.reading import open_capture
from formats.postmortem.document import Document
from formats.postmortem.findings import Finding
from tests.analyzed import shipped_knowledge
from tests.analyzer.capture_builder import container_status, runtime_id_of, termination, uid_of
from tests.golden.town import Town


def analyze(cluster: Cluster, directory: Path) -> Document:
    lines, capture = directory / "lines.jsonl", directory / "made.tapio"
    lines.write_text("".join(json.dumps(line) + "\n" for line in cluster.lines()), encoding="utf-8")
    import_kubernetes([lines], capture, node_name="kube-api")
    return analyze_capture(open_capture(capture), shipped_knowledge())


def steps(finding: Finding) -> list[tuple[str, str | None]]:
    """Symptom and rule of each step of the chain."""
    return [(step.symptom, step.edge.rule if step.edge else None) for step in finding.chain]


def rules(document: Document) -> set[str]:
    return {edge.rule for edge in document.edges}


def test_an_address_of_no_service_is_why_its_name_is_not_resolved(tmp_path: Path) -> None:
    cluster = healthy_cluster()
    address_host(cluster)
    name_unresolved(cluster)
    document = analyze(cluster, tmp_path)
    first = document.findings[0]
    assert (first.pattern, first.root_cause.name) == ("service-address-mismatch", "orders")
    assert ("name-not-resolved", "wrong-address-is-not-resolved") in steps(first)


def test_a_changed_configuration_is_why_a_name_is_not_resolved(tmp_path: Path) -> None:
    cluster = healthy_cluster()
    for container in containers_of(cluster, "orders"):
        container["envFrom"] = [{"configMapRef": {"name": "orders-settings"}}]
    name_unresolved(cluster)
    cluster.get("ConfigMap", "orders-settings")["data"]["ledger"] = "ledger-v2"
    cluster.tell(5, "ConfigMap", "orders-settings")
    document = analyze(cluster, tmp_path)
    first = document.findings[0]
    assert (first.root_cause.kind, first.root_cause.name) == ("ConfigMap", "orders-settings")
    assert "changed-config-names-nobody" in rules(document)


@pytest.mark.parametrize("is_ready", [False, True], ids=["down", "up"])
def test_without_dns_names_are_not_resolved(tmp_path: Path, *, is_ready: bool) -> None:
    town = Town(tmp_path)
    ready = int(is_ready)
    content = {
        "spec": {"replicas": 1, "template": {"metadata": {"labels": {"k8s-app": "kube-dns"}}}},
        "status": {"replicas": 1, "readyReplicas": ready, "observedGeneration": 1},
    }
    town.builder.kube_object("Deployment", "coredns", content, namespace="kube-system", at=0.4)
    town.builder.kube_object(
        "ReplicaSet", "coredns-1", {}, namespace="kube-system", owner=("Deployment", "coredns"), at=0.5
    )
    status = container_status("coredns", run_of="coredns-1-a/coredns", ready=is_ready)
    columns = {"namespace": "kube-system", "owner": ("ReplicaSet", "coredns-1"), "at": 0.6}
    town.builder.pod("coredns-1-a", containers=[{"name": "coredns"}], statuses=[status], **columns)
    ended = termination(at=60, run_of="portal-old-1/app") | {"message": "getaddrinfo: Name or service not known"}
    again = container_status("app", run_of="portal-old-1/app/1", restarts=1, last=ended, waiting="CrashLoopBackOff")
    town.pod("portal", "portal-old-1", at=61, statuses=[again], ip="10.1.0.2")
    town.builder.kube_object("ConfigMap", "last", {}, at=120)
    document = town.analyze()
    assert ("names-are-not-resolved-without-dns" in rules(document)) is not is_ready
    assert (document.findings[0].root_cause.name == "coredns") is not is_ready


def test_a_lowered_cpu_limit_is_why_its_new_pods_starve(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.workload("ledger", at=20, resources={"limits": {"cpu": "20m"}})
    town.pod("ledger", "ledger-new-1", at=21, cgroup=7, event="added", ip="10.1.0.9")
    path = f"/kubepods/burstable/pod{uid_of('Pod/shop/ledger-new-1')}/{runtime_id_of('ledger-new-1/app')}"
    for number, second in enumerate(range(25, 110, 5)):
        columns = {"cgroup.path": path, "pressure.resource": "cpu", "pressure.some_ns": number * 4_500_000_000}
        columns["pressure.full_ns"] = number * 4_000_000_000
        town.builder.row("pressure", "pressure.sample", second, cgroup_id=7, **columns)
    for second in range(50, 100, 10):
        town.unhealthy("ledger-new-1", "Liveness", at=second)
    town.unhealthy("ledger-new-1", "", at=101, note="Container app failed liveness probe, will be restarted")
    town.builder.kube_object("ConfigMap", "last", {}, at=110)
    document = town.analyze()
    first = document.findings[0]
    assert (first.root_cause.name, first.chain[0].symptom) == ("ledger", "resources-changed")
    assert {"changed-resources-starve", "starved-container-answers-too-late"} <= rules(document)


def test_a_container_without_descriptors_fails_its_probe(tmp_path: Path) -> None:
    town = Town(tmp_path)
    descriptors_in_use(town)
    for second in range(60, 110, 10):
        town.unhealthy("ledger-old-1", "Liveness", at=second)
    town.unhealthy("ledger-old-1", "", at=111, note="Container app failed liveness probe, will be restarted")
    document = town.analyze()
    assert "exhausted-container-fails" in rules(document)
    assert [finding.pattern for finding in document.findings] == ["descriptors-in-use"]
