"""Promises of beginnings: a circle explains nothing, what is explained from outside begins nothing."""

from __future__ import annotations

import pytest

from analyzer.reasoning.beginnings import find_beginnings
from tests.analyzer.hand_made import add_entities, add_trouble, cause_text, graph_of, make_tables, symptom_text

SYMPTOMS = tuple(symptom_text(name) for name in ("one", "two", "three"))
AROUND = "lag: [-60s, 60s]\n"


@pytest.fixture
def tables(engine):
    make_tables(engine)
    add_entities(engine, "Pod/a")
    for at, name in enumerate(("one", "two", "three"), start=1):
        add_trouble(engine, at, "Pod/a", name, end=20)
    return engine


def begin(tables, *causes):
    rules = [*SYMPTOMS, *(cause_text(f"{a}-{b}", a, b, more=AROUND) for a, b in causes)]
    graph = graph_of(tables, rules)
    return [graph.symptoms[number].rule.name for number in find_beginnings(graph, set(graph.symptoms))]


def test_chain_begins_with_its_first_symptom(tables):
    assert begin(tables, ("one", "two"), ("two", "three")) == ["one"]


def test_circle_begins_with_the_member_that_no_earlier_one_explains(tables):
    assert begin(tables, ("one", "two"), ("two", "three"), ("three", "one")) == ["one"]


def test_circle_that_is_explained_from_outside_begins_nothing(tables):
    assert begin(tables, ("one", "two"), ("two", "three"), ("three", "two")) == ["one"]


def test_effect_that_was_seen_first_does_not_begin_before_its_cause(tables):
    assert begin(tables, ("three", "one"), ("one", "two")) == ["three"]


def test_symptoms_that_nothing_connects_all_begin(tables):
    assert begin(tables) == ["one", "two", "three"]
