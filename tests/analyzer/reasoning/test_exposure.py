"""Promises of exposure: which pods a change reached, by what it changed, and which it did not reach."""

from __future__ import annotations

import pytest

from analyzer.reasoning.exposure import find_exposure
from tests.analyzer.hand_made import SECOND, add_entities, add_trouble, find, make_tables, relate, symptom_text
from tests.analyzer.knowledge_text import load_text

RULES = (symptom_text("edit", nature="change", severity="info"), symptom_text("crash"))


def exposure_of(engine, changed, *, effect_at=200):
    """By a change at second 100 and an effect later on; the pods' names."""
    add_trouble(engine, 100, changed, "edit")
    add_trouble(engine, effect_at, "Pod/new", "crash")
    change, effect = find(engine, load_text(*RULES)).items
    exposure = find_exposure(engine, change, effect)
    return tuple(sorted(pod.removeprefix("Pod/") for pod in pods) for pods in (exposure.reached, exposure.unreached))


@pytest.fixture
def tables(engine):
    """Pods of a Deployment: `old` until the end, `gone` until second 150, `new` since second 101; `alien` of another."""
    make_tables(engine)
    add_entities(engine, "Deployment/shop", "ConfigMap/conf", "Node/n", "Service/db", "PersistentVolumeClaim/data")
    add_entities(engine, "Pod/old", "Pod/gone", "Pod/new", "Pod/alien")
    engine.execute("UPDATE entity SET pod_id = entity_id WHERE kind = 'Pod'")
    engine.execute("UPDATE entity SET workload_id = 'Deployment/shop' WHERE kind = 'Pod' AND name <> 'alien'")
    engine.execute("UPDATE entity SET from_ns = ? WHERE name = 'new'", [101 * SECOND])
    engine.execute("UPDATE entity SET to_ns = ? WHERE name = 'gone'", [150 * SECOND])
    return engine


def add_versions(engine, pod, *restart_counts):
    """Versions of a pod's container at seconds 40, 80 and so on, each until the next."""
    for number, restart_count in enumerate(restart_counts, start=1):
        engine.execute(
            "INSERT INTO container_status BY NAME SELECT ? AS entity_id, ? AS pod_id, ? AS restart_count, ? AS until_ns",
            [f"Container/{pod}/web", f"Pod/{pod}", restart_count, (number + 1) * 40 * SECOND],
        )


def test_changed_workload_reaches_its_new_pods(tables):
    for pod in ("old", "gone", "new"):
        relate(tables, "WORKLOAD_OF", f"Pod/{pod}", "Deployment/shop")
    # what is gone when the effect begins is not compared, nor what belongs to another workload
    assert exposure_of(tables, "Deployment/shop") == (["new"], ["old"])


def test_pod_that_was_still_there_when_the_effect_began_is_compared(tables):
    for pod in ("old", "gone", "new"):
        relate(tables, "WORKLOAD_OF", f"Pod/{pod}", "Deployment/shop")
    assert exposure_of(tables, "Deployment/shop", effect_at=149) == (["new"], ["gone", "old"])


def test_changed_configuration_reaches_what_started_with_it(tables):
    for pod in ("old", "new", "alien"):
        relate(tables, "USES", f"Pod/{pod}", "ConfigMap/conf")
    add_versions(tables, "old", 0, 1, 1)
    add_versions(tables, "alien", 1, 1, 2)
    assert exposure_of(tables, "ConfigMap/conf") == (["alien", "new"], ["old"])


def test_what_mounts_a_changed_configuration_and_did_not_start_since_is_not_compared(tables):
    for pod in ("old", "new"):
        relate(tables, "USES", f"Pod/{pod}", "ConfigMap/conf")
        relate(tables, "MOUNTS", f"Pod/{pod}", "ConfigMap/conf")
    assert exposure_of(tables, "ConfigMap/conf") == (["new"], [])


def test_changed_node_reaches_the_pods_on_it(tables):
    relate(tables, "RUNS_ON", "Pod/new", "Node/n", 101)
    relate(tables, "RUNS_ON", "Pod/alien", "Node/n")
    assert exposure_of(tables, "Node/n") == (["alien", "new"], ["old"])


def test_changed_service_reaches_its_callers(tables):
    relate(tables, "CALLS", "Pod/old", "Service/db")
    assert exposure_of(tables, "Service/db") == (["old"], ["new"])


def test_changed_claim_reaches_the_pods_that_use_it(tables):
    relate(tables, "USES", "Pod/old", "PersistentVolumeClaim/data")
    assert exposure_of(tables, "PersistentVolumeClaim/data") == (["old"], ["new"])


def test_relation_that_ended_before_the_change_reaches_nothing(tables):
    relate(tables, "CALLS", "Pod/old", "Service/db", end=90)
    assert exposure_of(tables, "Service/db") == ([], [])
