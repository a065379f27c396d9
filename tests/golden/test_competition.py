"""Who uses more of a shared resource than before is blamed for its shortage, by mechanisms alone."""

from __future__ import annotations

import pytest

from tests.golden.town import Town

LOW = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 20Mi."


def run_short(town, *, used):
    """The memory of the new pod of `portal`, then pressure on the node, which evicts the pod of `ledger`."""
    town.workload("portal", at=30, env=[{"name": "CACHE", "value": "all"}])
    town.pod("portal", "portal-new-1", at=32, cgroup=12, event="added")
    for at, megabytes in enumerate(used):
        town.memory("portal-new-1", megabytes, at=40 + at)
    for at in (20, 45, 60):
        town.memory("ledger-old-1", 400 + at, at=at)
    town.node_lacks_memory(at=50)
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
    town.node_lacks_memory(at=50)
    town.evict("ledger-old-1", "TerminationByKubelet", at=55, message=LOW)
    town.builder.kube_object("ConfigMap", "end", {}, at=90)
    # WHEN
    (finding,) = town.analyze().findings
    # THEN
    assert (finding.root_cause.kind, finding.root_cause.name) == ("Deployment", "portal")
    assert [step.symptom for step in finding.chain][:2] == ["replicas-changed", "node-under-pressure"]


@pytest.mark.slow
def test_workload_that_added_pods_long_before_is_not_blamed(tmp_path):
    town = Town(tmp_path)
    town.workload("portal", at=30, replicas=2)
    town.pod("portal", "portal-new-1", at=31, event="added")
    town.node_lacks_memory(at=340)
    town.evict("ledger-old-1", "TerminationByKubelet", at=345, message=LOW)
    town.builder.kube_object("ConfigMap", "end", {}, at=400)
    assert [(one.root_cause.kind, one.root_cause.name) for one in town.analyze().findings] == [("Node", "node-1")]
