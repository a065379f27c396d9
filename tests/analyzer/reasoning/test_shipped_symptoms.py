"""Promises of shipped symptoms: what one says is what was recorded, in the units that people read."""

from __future__ import annotations

import pytest

from analyzer.model.engine import Engine
from analyzer.model.engine_tables import declared_facts, declared_tables, fact_columns
from analyzer.reasoning.causality import link_symptoms
from analyzer.reasoning.symptoms import FoundSymptom, SymptomSearch
from tests.analyzed import shipped_knowledge
from tests.analyzer.hand_made import ONE_CLOCK, SECOND, add_entities

CONTAINER = "Container/app"


@pytest.fixture
def facts(engine):
    """Every fact as an empty table, and one container."""
    for fact in declared_facts().values():
        engine.execute(fact.empty_sql)
    for name in ("entity", "relation", "capture_window"):
        engine.execute(declared_tables()[name].empty_sql)
    add_entities(engine, CONTAINER)
    return engine


def add_fact(engine: Engine, fact: str, at: float, **values: object) -> None:
    """One row of a fact about the container; columns that are not given are null."""
    values = {"at_ns": round(at * SECOND), "entity_id": CONTAINER, "node": "n", "evidence": f"{fact}:n:{at}", **values}
    columns, marks = ", ".join(values), ", ".join("?" * len(values))
    engine.execute(f"INSERT INTO {fact} ({columns}) VALUES ({marks})", list(values.values()))


def add_unhealthy(engine: Engine, at: float, note: str) -> None:
    probe = note.split(" ", 1)[0].lower()
    add_fact(engine, "failed_probe", at, probe=probe, note=note, is_past=False, count_delta=1)


def find(engine: Engine) -> list[FoundSymptom]:
    return list(SymptomSearch(engine, shipped_knowledge(), fact_columns()).finish().items)


@pytest.mark.parametrize("probe", ["Startup", "Liveness", "Readiness"])
def test_failing_probe_is_named_as_the_probe_that_failed(facts, probe):
    add_unhealthy(facts, 1, f"{probe} probe failed: connection refused")
    (symptom,) = find(facts)
    assert symptom.rule.name == f"{probe.lower()}-probe-failing"
    assert symptom.what.startswith(f"the {probe.lower()} probe of Container app is failing")


@pytest.mark.parametrize("probe", ["startup", "liveness"])
def test_container_killed_by_a_probe_is_explained_by_failures_of_that_probe_alone(facts, probe):
    # GIVEN a container of which both probes failed, and which one of them had killed
    knowledge = shipped_knowledge()
    add_unhealthy(facts, 1, "Startup probe failed: connection refused")
    add_unhealthy(facts, 2, "Liveness probe failed: timeout")
    note = f"Container app failed {probe} probe, will be restarted"
    add_fact(facts, "kubernetes_event", 10, reason="Killing", note=note, is_past=False, count_delta=1)
    # WHEN
    symptoms = SymptomSearch(facts, knowledge, fact_columns()).finish()
    graph = link_symptoms(facts, symptoms, knowledge, fact_columns(), clocks=ONE_CLOCK)
    # THEN
    names = {symptom.number: symptom.rule.name for symptom in symptoms.items}
    linked = [names[edge.source] for edge in graph.edges if edge.rule == "failing-probe-kills"]
    assert linked == [f"{probe}-probe-failing"]


def test_memory_near_the_limit_is_reported_in_percent(facts):
    add_fact(facts, "memory_usage", 1, usage_permille=957)
    (symptom,) = find(facts)
    assert symptom.what == "Container app reached 95\N{NO-BREAK SPACE}% of its memory limit"
    assert (symptom.magnitude, symptom.rule.unit) == (95, "%")
