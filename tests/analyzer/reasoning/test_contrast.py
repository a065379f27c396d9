"""Promises of contrast: a change is no cause of what was there before it, or strikes what it did not reach."""

from __future__ import annotations

import pytest

from analyzer.reasoning.contrast import BEFORE_FACTOR, UNEXPOSED_FACTOR
from tests.analyzer.hand_made import add_entities, add_trouble, cause_text, graph_of, make_tables, relate, symptom_text

RULES = (
    symptom_text("edit", nature="change", severity="info"),
    symptom_text("crash"),
    symptom_text("outage"),
    cause_text("edit-crashes", "edit", "crash", through="Deployment <-WORKLOAD_OF- Pod", more="lag: [0s, 1h]\n"),
)


@pytest.fixture
def tables(engine):
    """A Deployment with pod a, which is older than its change at second 100, and pod b, which the change made."""
    make_tables(engine)
    add_entities(engine, "Deployment/shop", "Pod/a", "Pod/b")
    engine.execute("UPDATE entity SET workload_id = 'Deployment/shop'")
    engine.execute("UPDATE entity SET from_ns = 101000000000 WHERE entity_id = 'Pod/b'")
    for pod in "ab":
        relate(engine, "WORKLOAD_OF", f"Pod/{pod}", "Deployment/shop")
    add_trouble(engine, 100, "Deployment/shop", "edit", end=110)
    add_trouble(engine, 110, "Pod/b", "crash")
    return engine


def edge(tables, target="Pod/b"):
    graph = graph_of(tables, RULES)
    (found,) = [one for one in graph.edges if graph.symptoms[one.target].entity_id == target]
    return found


def test_factors_are_those_of_the_documentation():
    assert (BEFORE_FACTOR, UNEXPOSED_FACTOR) == (0.5, 0.6)


def test_change_keeps_its_confidence_where_only_its_own_pods_fail(tables):
    assert edge(tables).confidence == 0.8


def test_what_the_workload_showed_before_the_change_speaks_against_it(tables):
    add_trouble(tables, 60, "Pod/a", "crash")
    assert edge(tables).confidence == pytest.approx(0.8 * BEFORE_FACTOR)
    assert "Pod a showed the same before the change" in edge(tables).how


def test_another_trouble_before_the_change_speaks_neither_for_nor_against_it(tables):
    add_trouble(tables, 60, "Pod/a", "outage")
    assert edge(tables).confidence == 0.8


def test_older_pods_that_fail_alike_speak_against_a_change_of_the_workload(tables):
    add_trouble(tables, 120, "Pod/a", "crash")
    assert edge(tables).confidence == pytest.approx(0.8 * UNEXPOSED_FACTOR)
    assert "Pod a, which is older than the change, shows the same" in edge(tables).how


def test_trouble_that_begins_in_the_seconds_of_the_change_was_not_there_before(tables):
    add_trouble(tables, 97, "Deployment/shop", "crash")
    assert edge(tables).confidence == 0.8
