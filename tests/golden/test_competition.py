"""Who uses more of a shared resource than before is blamed for its shortage, by mechanisms alone."""

from __future__ import annotations

import pytest

from fixtures.town.kernel import probe_fails, uses_cpu, waits
from tests.golden.town import Town

LOW = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 20Mi."


def run_short(town, *, used, kind="MemoryPressure"):
    """The memory of the new pod of `portal`, then pressure on the node, which evicts the pod of `ledger`."""
    town.workload("portal", at=30, env=[{"name": "CACHE", "value": "all"}])
    town.pod("portal", "portal-new-1", at=32, cgroup=12, event="added")
    for at, megabytes in enumerate(used):
        town.memory("portal-new-1", megabytes, at=40 + at)
    for at in (20, 45, 60):
        town.memory("ledger-old-1", 400 + at, at=at)
    town.node_is_short_of(kind, at=50)
    town.evict("ledger-old-1", "TerminationByKubelet", at=55, message=LOW)
    town.builder.kube_event("Evicted", "Pod", "ledger-old-1", note=LOW, at=55.5)
    town.builder.kube_object("ConfigMap", "end", {}, at=90)


def test_change_of_what_used_up_the_memory_of_the_node_is_blamed_for_the_eviction_of_another(tmp_path):
    # GIVEN a changed workload whose new pod grows, and one that has more memory and does not grow
    town = Town(tmp_path)
    run_short(town, used=[50, 200, 600])
    # WHEN
    (finding,) = town.analyze().findings
    # THEN
    assert (finding.root_cause.kind, finding.root_cause.name) == ("Deployment", "portal")
    assert [step.symptom for step in finding.chain] == [
        "workload-spec-changed",
        "memory-use-grown",
        "node-under-pressure",
        "pod-evicted-by-pressure",
    ]


@pytest.mark.parametrize("used", [[300, 310, 320], [300, 200, 100], [10, 20, 50]], ids=["steady", "shrinks", "small"])
def test_workload_that_used_no_more_than_before_is_not_blamed(tmp_path, used):
    town = Town(tmp_path)
    run_short(town, used=used)
    assert [(one.root_cause.kind, one.root_cause.name) for one in town.analyze().findings] == [("Node", "node-1")]


def test_workload_that_added_pods_to_the_node_is_blamed_for_its_shortage(tmp_path):
    # GIVEN a node that runs short right after a workload was scaled up, without readings of memory
    town = Town(tmp_path)
    town.workload("portal", at=30, replicas=9)
    for number in range(8):
        town.pod("portal", f"portal-new-{number}", at=31 + number / 10, event="added")
    town.node_is_short_of("MemoryPressure", at=50)
    town.evict("ledger-old-1", "TerminationByKubelet", at=55, message=LOW)
    town.builder.kube_object("ConfigMap", "end", {}, at=90)
    # WHEN
    (finding,) = town.analyze().findings
    # THEN
    assert (finding.root_cause.kind, finding.root_cause.name) == ("Deployment", "portal")
    assert [step.symptom for step in finding.chain][:2] == ["replicas-changed", "node-under-pressure"]


FULL = (
    "The node was low on resource: ephemeral-storage. Threshold quantity: 2146223340, available: 1883424Ki. "
    "Container app was using {used}, request is 0, has larger consumption of ephemeral-storage."
)


def run_out_of_disk(town, *, used, kind="DiskPressure"):
    """The node runs out of disk; the kubelet evicts the new pod of `portal` and says what it used, and a pod of `ledger`."""
    town.workload("portal", at=30, env=[{"name": "SPOOL", "value": "all"}])
    town.pod("portal", "portal-new-1", at=32, event="added")
    town.node_is_short_of(kind, at=50)
    town.evict("ledger-old-1", "TerminationByKubelet", at=55, message=FULL.format(used="10304Ki"))
    town.evict("portal-new-1", "TerminationByKubelet", at=58, message=FULL.format(used=used))
    town.builder.kube_object("ConfigMap", "end", {}, at=90)


def test_change_of_what_used_up_the_disk_of_the_node_is_blamed_for_the_evictions(tmp_path):
    town = Town(tmp_path)
    run_out_of_disk(town, used="52428800Ki")
    (finding, *_others) = town.analyze().findings
    assert (finding.root_cause.kind, finding.root_cause.name) == ("Deployment", "portal")
    assert [step.symptom for step in finding.chain] == [
        "workload-spec-changed",
        "pod-used-node-up",
        "node-under-pressure",
        "pod-evicted-by-pressure",
    ]


@pytest.mark.parametrize(
    ("used", "kind"), [("52676Ki", "DiskPressure"), ("52428800Ki", "MemoryPressure")], ids=["little", "other-resource"]
)
def test_pod_that_used_little_or_another_resource_is_not_blamed(tmp_path, used, kind):
    town = Town(tmp_path)
    run_out_of_disk(town, used=used, kind=kind)
    assert "pod-used-node-up" not in [step.symptom for one in town.analyze().findings for step in one.chain]


def test_growth_of_memory_is_not_blamed_for_a_full_disk(tmp_path):
    town = Town(tmp_path)
    run_short(town, used=[50, 200, 600], kind="DiskPressure")
    assert "memory-use-grown" not in [step.symptom for one in town.analyze().findings for step in one.chain]


@pytest.mark.parametrize("resource", ["cpu", "io"])
@pytest.mark.parametrize(("begin", "blamed"), [(35, True), (10, False)], ids=["since-the-job", "long-before"])
def test_job_is_blamed_for_neighbours_that_wait_since_its_pods_run_and_not_for_those_that_did_before(
    tmp_path, resource, begin, blamed
):
    # GIVEN a Job whose pods run on the node of the ledger, and the ledger, which waits most of the time
    town = Town(tmp_path)
    town.builder.kube_object("Job", "reindex", {"spec": {"parallelism": 4}}, at=30, event="added")
    for number in range(4):
        town.builder.pod(f"reindex-{number}", owner=("Job", "reindex"), at=31, event="added")
    town.waits("ledger-old-1", resource, share=0.9, begin=begin, end=90)
    for second in range(begin + 5, 85, 10):
        town.unhealthy("ledger-old-1", "Liveness", at=second)
    town.unhealthy("ledger-old-1", "", at=86, note="Container app failed liveness probe, will be restarted")
    town.builder.kube_object("ConfigMap", "end", {}, at=90)
    # WHEN
    (finding, *_others) = town.analyze().findings
    # THEN
    assert ((finding.root_cause.kind, finding.root_cause.name) == ("Job", "reindex")) is blamed
    assert (finding.pattern == "noisy-neighbour") is blamed


@pytest.mark.slow
def test_workload_that_added_pods_long_before_is_not_blamed(tmp_path):
    town = Town(tmp_path)
    town.workload("portal", at=30, replicas=2)
    town.pod("portal", "portal-new-1", at=31, event="added")
    town.node_is_short_of("MemoryPressure", at=340)
    town.evict("ledger-old-1", "TerminationByKubelet", at=345, message=LOW)
    town.builder.kube_object("ConfigMap", "end", {}, at=400)
    assert [(one.root_cause.kind, one.root_cause.name) for one in town.analyze().findings] == [("Node", "node-1")]


@pytest.mark.parametrize("busy", ["reindex", "mirror"])
def test_pods_that_use_the_cpu_together_are_blamed_and_not_those_that_were_only_added(tmp_path, busy):
    # GIVEN two workloads that get seven pods each, those of one with 200 millicores each, and a neighbour that waits
    town = Town(tmp_path)
    for at, name in ((30, "reindex"), (32, "mirror")):
        town.workload(name, at=20, event="state")
        town.workload(name, at=at, replicas=7)
        for number in range(7):
            town.pod(name, f"{name}-{number}", at=at + 1, event="added")
            uses_cpu(town, f"{name}-{number}", begin=40, grown=200 if name == busy else 1, since=40)
    waits(town, "cpu", share=0.8)
    probe_fails(town)
    # WHEN
    finding = town.analyze().findings[0]
    # THEN
    assert finding.root_cause.name == busy
    assert "workload-cpu-grown" in {step.symptom for step in finding.chain}
