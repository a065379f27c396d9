"""Promises of the contrast table: how often the effect shows with the change and without it, and what that says."""

from __future__ import annotations

import pytest

from analyzer.reasoning.comparison import LONG_BEFORE_NS, ComparisonSearch
from tests.analyzer.hand_made import (
    SECOND,
    add_entities,
    add_trouble,
    cause_text,
    graph_of,
    make_tables,
    relate,
    symptom_text,
)

RULES = (
    symptom_text("edit", nature="change", severity="info", more="keep: [path, old_value, new_value]\n"),
    symptom_text("crash"),
    cause_text("edit-crashes", "edit", "crash", through="Deployment <-WORKLOAD_OF- Pod", more="lag: [0s, 1h]\n"),
)
PODS = {"a": 0, "b": 0, "c": 101, "d": 101}
"""The pods of the Deployment and the second since which they exist: it is changed at second 100."""


@pytest.fixture
def tables(engine):
    """A Deployment that is changed at second 100, two older pods and two that the change made; pod c crashes."""
    make_tables(engine)
    add_entities(engine, "Deployment/shop", *(f"Pod/{name}" for name in PODS))
    engine.execute("UPDATE entity SET workload_id = 'Deployment/shop'")
    engine.execute("UPDATE entity SET pod_id = entity_id WHERE kind = 'Pod'")
    for name, second in PODS.items():
        engine.execute("UPDATE entity SET from_ns = ? WHERE name = ?", [second * SECOND, name])
        relate(engine, "WORKLOAD_OF", f"Pod/{name}", "Deployment/shop")
    add_trouble(engine, 100, "Deployment/shop", "edit", values=("12", "160"))
    add_trouble(engine, 110, "Pod/c", "crash")
    return engine


def compare(tables, *, cause="edit"):
    """The rows of the table by way: what the cause reached, the rest, and for whom it speaks."""
    graph = graph_of(tables, RULES)
    symptoms = sorted(graph.symptoms.values(), key=lambda symptom: symptom.number)
    root = next(symptom for symptom in symptoms if symptom.rule.name == cause)
    effect = next(symptom for symptom in symptoms if symptom.name == "c")
    rows = ComparisonSearch(tables, graph).compare(root, effect)
    return {row.by: row for row in rows}


def cells(row):
    return (row.reached, row.reached_of, row.other, row.other_of, row.speaks)


def test_only_pods_that_the_change_made_fail(tables):
    add_trouble(tables, 120, "Pod/d", "crash")
    row = compare(tables)["pods"]
    assert cells(row) == (2, 2, 0, 2, "for")
    assert row.what == "the symptom crash was seen on 2 of the 2 pods that the change reached, and on 0 of 2 others"


def test_a_minority_of_the_pods_that_the_change_made_leaves_it_open(tables):
    add_entities(tables, "Pod/e")
    tables.execute(
        "UPDATE entity SET workload_id = 'Deployment/shop', pod_id = entity_id, from_ns = ? WHERE name = 'e'",
        [101 * SECOND],
    )
    relate(tables, "WORKLOAD_OF", "Pod/e", "Deployment/shop")
    assert cells(compare(tables)["pods"]) == (1, 3, 0, 2, "open")


def test_pods_that_the_change_did_not_reach_fail_as_often(tables):
    add_trouble(tables, 120, "Pod/a", "crash")
    row = compare(tables)["pods"]
    assert cells(row) == (1, 2, 1, 2, "against")
    assert row.evidence == ("kube_event:n:2",)


def test_pods_that_the_change_did_not_reach_fail_less_than_half_as_often(tables):
    for name in ("e", "f", "g"):
        add_entities(tables, f"Pod/{name}")
        tables.execute("UPDATE entity SET workload_id = 'Deployment/shop', pod_id = entity_id WHERE name = ?", [name])
        relate(tables, "WORKLOAD_OF", f"Pod/{name}", "Deployment/shop")
    add_trouble(tables, 120, "Pod/d", "crash")
    add_trouble(tables, 120, "Pod/a", "crash")
    assert cells(compare(tables)["pods"]) == (2, 2, 1, 5, "open")


def test_without_pods_to_compare_with_the_table_says_so(tables):
    tables.execute("DELETE FROM entity WHERE name IN ('a', 'b')")
    row = compare(tables)["pods"]
    assert cells(row) == (1, 2, 0, 0, "open")
    assert row.what.endswith("; there are no others")


def test_effect_on_what_the_change_did_not_reach_has_no_row_of_pods(tables):
    tables.execute("DELETE FROM relation")
    assert "pods" not in compare(tables)


def test_a_minute_without_the_effect_before_the_change_speaks_for_it(tables):
    assert LONG_BEFORE_NS == 60 * SECOND
    row = compare(tables)["time"]
    assert cells(row) == (1, 900 * SECOND, 0, 100 * SECOND, "for")
    assert (
        row.what
        == "the symptom crash was seen 1 time in the 15 min after the change, and 0 times in the 1 min 40 s before"
    )


def test_a_recording_that_begins_shortly_before_the_change_leaves_it_open(tables):
    tables.execute("UPDATE capture_window SET from_ns = ?", [41 * SECOND])
    assert cells(compare(tables)["time"]) == (1, 900 * SECOND, 0, 59 * SECOND, "open")


def test_time_before_the_workload_existed_is_not_compared(tables):
    tables.execute("UPDATE entity SET from_ns = ? WHERE name = 'shop'", [100 * SECOND])
    assert "time" not in compare(tables)


def test_the_same_before_the_change_speaks_against_it(tables):
    add_trouble(tables, 60, "Pod/a", "crash")
    row = compare(tables)["time"]
    assert cells(row) == (1, 900 * SECOND, 1, 100 * SECOND, "against")
    assert row.evidence == ("kube_event:n:2",)


def test_change_that_was_not_undone_has_no_row_of_undo(tables):
    assert "undo" not in compare(tables)


def test_effect_that_ended_when_the_change_was_undone_speaks_for_it(tables):
    add_trouble(tables, 160, "Deployment/shop", "edit", values=("160", "12"))
    row = compare(tables)["undo"]
    assert cells(row) == (1, 60 * SECOND, 0, 840 * SECOND, "for")
    assert row.what == "it was not observed again after the change was undone"


def test_effect_that_went_on_after_the_change_was_undone_speaks_against_it(tables):
    add_trouble(tables, 160, "Deployment/shop", "edit", values=("160", "12"))
    add_trouble(tables, 700, "Pod/c", "crash")
    row = compare(tables)["undo"]
    assert cells(row) == (1, 60 * SECOND, 1, 840 * SECOND, "against")


def test_effect_that_was_over_before_the_change_was_undone_leaves_it_open(tables):
    add_trouble(tables, 300, "Deployment/shop", "edit", values=("160", "12"))
    assert compare(tables)["undo"].speaks == "open"


def test_cause_that_is_no_change_is_not_compared(tables):
    assert compare(tables, cause="crash") == {}
