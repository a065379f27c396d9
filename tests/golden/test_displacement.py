"""What is removed from its place is absent there: preemption and drain, by mechanisms alone."""

from __future__ import annotations

import pytest

from analyzer.analyze import analyze_capture
from analyzer.sharing.sharing import anonymize_capture
from formats.capture.reading import open_capture
from tests.analyzed import shipped_knowledge
from tests.analyzer.capture_builder import uid_of
from tests.golden.town import Town

NO_ROOM = "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available"


def preempt(town, preemptor):
    """The scheduler removes the pod of `ledger`; the one that replaces it finds no room. Meanwhile `portal` is changed."""
    town.workload("portal", at=31, env=[{"name": "COLOR", "value": "green"}])
    town.evict(
        "ledger-old-1", "PreemptionByScheduler", at=32, message="preempting to accommodate a higher priority pod"
    )
    note = f"Preempted by {preemptor} on node node-1"
    town.builder.kube_event("Preempted", "Pod", "ledger-old-1", note=note, at=32.1)
    town.unplaced("ledger", "ledger-new-1", at=33, message=NO_ROOM)
    town.builder.kube_object("ConfigMap", "end", {}, at=90)


@pytest.mark.parametrize("preemptor", [f"pod {uid_of('Pod/shop/urgent-1')}", "shop/urgent-1"])
def test_workload_whose_pod_took_the_place_of_another_is_blamed_for_what_finds_no_room(tmp_path, preemptor):
    # GIVEN a new workload of high priority, for which a pod of another is removed
    town = Town(tmp_path)
    town.workload("urgent", at=30, event="added")
    town.pod("urgent", "urgent-1", at=31, event="added")
    preempt(town, preemptor)
    # WHEN
    (finding,) = town.analyze().findings
    # THEN
    assert (finding.root_cause.kind, finding.root_cause.name) == ("Deployment", "urgent")
    steps = [step.symptom for step in finding.chain]
    assert steps[:2] == ["workload-created", "pod-preempted"]
    assert steps[-1] == "pod-unschedulable"


def test_workload_that_was_scaled_up_before_its_pod_had_to_make_room_is_not_blamed(tmp_path):
    # GIVEN a preemption, and just before it the workload that loses its pod was given one more replica
    town = Town(tmp_path)
    town.workload("ledger", at=29, replicas=2)
    town.workload("urgent", at=30, event="added")
    town.pod("urgent", "urgent-1", at=31, event="added")
    preempt(town, "shop/urgent-1")
    # WHEN
    findings = town.analyze().findings
    # THEN
    assert [finding.root_cause.name for finding in findings] == ["urgent"]
    assert findings[0].pattern == "pods-preempted"


@pytest.mark.parametrize("preemptor", [f"pod {uid_of('Pod/shop/urgent-1')}", "shop/urgent-1"])
def test_anonymized_preemption_has_the_same_root_cause(tmp_path, preemptor):
    town = Town(tmp_path)
    town.workload("urgent", at=30, event="added")
    town.pod("urgent", "urgent-1", at=31, event="added")
    preempt(town, preemptor)
    anonymize_capture(town.builder.write(), tmp_path / "shared.tapio", key=b"k" * 32)
    document = analyze_capture(open_capture(tmp_path / "shared.tapio"), shipped_knowledge(), threads=1)
    assert [step.symptom for step in document.findings[0].chain][:2] == ["workload-created", "pod-preempted"]


def test_preemption_for_a_pod_that_was_not_recorded_is_blamed_on_no_change(tmp_path):
    # GIVEN the same, but the scheduler made room for a pod that nobody knows
    town = Town(tmp_path)
    town.workload("urgent", at=30, event="added")
    town.pod("urgent", "urgent-1", at=31, event="added")
    preempt(town, f"pod {uid_of('Pod/other/stranger-1')}")
    # WHEN THEN
    assert [finding.root_cause.name for finding in town.analyze().findings] == ["ledger-old-1"]


def test_pod_that_was_evicted_on_request_explains_why_its_replacement_needs_a_place(tmp_path):
    # GIVEN a pod that is evicted through the API, and the change of a workload that it does not belong to
    town = Town(tmp_path)
    town.workload("portal", at=31, env=[{"name": "COLOR", "value": "green"}])
    town.evict("ledger-old-1", "EvictionByEvictionAPI", at=32)
    town.unplaced("ledger", "ledger-new-1", at=33, message=NO_ROOM)
    town.builder.kube_object("ConfigMap", "end", {}, at=90)
    # WHEN
    (finding,) = town.analyze().findings
    # THEN
    assert finding.root_cause.name == "ledger-old-1"
    assert [step.symptom for step in finding.chain][:2] == ["pod-evicted-on-request", "cpu-request-too-large"]


def test_pod_that_was_there_before_the_eviction_does_not_replace_it(tmp_path):
    # GIVEN a pod that waits for room, and one of the same workload that is evicted later
    town = Town(tmp_path)
    town.unplaced("ledger", "ledger-new-1", at=5, message=NO_ROOM)
    town.evict("ledger-old-1", "EvictionByEvictionAPI", at=60)
    town.builder.kube_object("ConfigMap", "end", {}, at=90)
    # WHEN THEN
    assert "pod-evicted-on-request" not in [step.symptom for one in town.analyze().findings for step in one.chain]


def test_a_service_that_empties_while_its_namespace_goes_is_an_effect_of_that(tmp_path):
    # GIVEN the namespace of a served Service that nobody calls: it is asked to go, and its pods stop first
    town = Town(tmp_path)
    town.builder.kube_object("Namespace", "common", {"status": {"phase": "Active"}}, at=0.4)
    town.builder.service("rates", namespace="common", at=0.5)
    labels = {"metadata": {"labels": {"kubernetes.io/service-name": "rates"}}}
    for second, endpoints in ((0.6, [{"addresses": ["10.1.0.9"]}]), (43, [])):
        slice_of = {**labels, "endpoints": endpoints}
        town.builder.kube_object("EndpointSlice", "rates-1", slice_of, namespace="common", at=second)
    going = {"metadata": {"deletionTimestamp": "2026-11-17T12:00:40Z"}}
    town.builder.kube_object("Namespace", "common", going, at=40)
    town.builder.kube_object("ConfigMap", "last", {}, at=120)
    # WHEN it is analyzed
    document = town.analyze()
    # THEN the namespace is the cause, by the mechanism
    (finding,) = document.findings
    assert (finding.root_cause.kind, finding.root_cause.name) == ("Namespace", "common")
    assert "deleted-namespace-takes-all-along" in {edge.rule for edge in document.edges}
