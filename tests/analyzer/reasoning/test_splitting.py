"""Promises of splitting: no effect is told before its cause where its cause changed, and nothing is counted twice or lost."""

from __future__ import annotations

import pytest

from analyzer.knowledge.compile import MOMENTS_KEPT
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

LAG = "lag: [-60s, 60s]\n"
MERGE = "merge: 60s\n"
RULES = (
    symptom_text("edit", nature="change"),
    symptom_text("restart"),
    symptom_text("loop", more=MERGE),
    symptom_text("errors", more=f"{MERGE}magnitude: {{sum: size, unit: requests}}\n"),
    symptom_text("empty", more=MERGE),
    cause_text("restart-fails-requests", "restart", "errors, empty", confidence=0.6, more=LAG),
    cause_text("loop-fails-requests", "loop", "errors, empty", confidence=0.9, more=LAG),
)


@pytest.fixture
def tables(engine):
    """One container, and another one that calls it."""
    make_tables(engine)
    add_entities(engine, "Container/a", "Container/b")
    relate(engine, "CALLS", "Container/b", "Container/a")
    return engine


def told(graph, name):
    """Begin and end in seconds, count and magnitude of the episodes of a symptom, each with the names of its causes."""
    return [
        (
            item.from_ns // SECOND,
            item.to_ns // SECOND,
            item.count,
            item.magnitude,
            sorted(graph.symptoms[edge.source].rule.name for edge in graph.edges if edge.target == number),
        )
        for number, item in graph.symptoms.items()
        if item.rule.name == name
    ]


def add_errors(tables, *seconds, entity="Container/a", size=2):
    for second in seconds:
        add_trouble(tables, second, entity, "errors", size=size)


def test_errors_of_a_restart_and_of_the_crash_loop_after_it_are_two_effects_each_after_its_cause(tables):
    # GIVEN errors since a restart, and a crash loop that begins while they go on
    add_trouble(tables, 10, "Container/a", "restart")
    add_errors(tables, 11, 13, 15, 21, 24)
    add_trouble(tables, 20, "Container/a", "loop", end=40)
    # WHEN
    graph = graph_of(tables, RULES)
    # THEN
    assert told(graph, "errors") == [(11, 15, 3, 6, ["restart"]), (21, 24, 2, 4, ["loop", "restart"])]
    assert min(edge.lag_ns for edge in graph.edges) >= 0
    # AND symptoms are numbered in order of begin, with their own evidence
    assert [item.rule.name for item in graph.symptoms.values()] == ["restart", "errors", "loop", "errors"]
    assert list(graph.symptoms) == [item.number for item in graph.symptoms.values()]
    evidence = [item.evidence for item in graph.symptoms.values() if item.rule.name == "errors"]
    assert [len(one) for one in evidence] == [3, 2]
    assert not set(evidence[0]) & set(evidence[1])


def test_state_that_goes_on_is_cut_where_its_cause_changes(tables):
    add_trouble(tables, 10, "Container/a", "restart")
    add_trouble(tables, 11, "Container/a", "empty", end=50, is_open=True)
    add_trouble(tables, 20, "Container/a", "loop", end=50)
    graph = graph_of(tables, RULES)
    assert [one[:3] for one in told(graph, "empty")] == [(11, 20, 1), (20, 50, 1)]
    assert [item.is_open for item in graph.symptoms.values() if item.rule.name == "empty"] == [False, True]


def test_episode_stays_whole_where_its_first_part_is_too_short_to_count(tables):
    # GIVEN a rule for what lasts at least as long as the time until the cause changes, and a second longer
    add_trouble(tables, 10, "Container/a", "restart")
    add_trouble(tables, 11, "Container/a", "empty", end=50, is_open=True)
    add_trouble(tables, 20, "Container/a", "loop", end=50)
    parts = {}
    for lasting in (9, 10):
        empty = symptom_text("empty", more=f"{MERGE}lasting: {lasting}s\n")
        rules = [empty if rule == symptom_text("empty", more=MERGE) else rule for rule in RULES]
        # WHEN
        parts[lasting] = [one[:2] for one in told(graph_of(tables, rules), "empty")]
    # THEN
    assert parts == {9: [(11, 20), (20, 50)], 10: [(11, 50)]}


def test_first_part_has_no_cause_that_begins_within_it(tables):
    # GIVEN a second, weaker late cause, which begins before the better one
    late = (symptom_text("slow"), cause_text("slow-fails-requests", "slow", "errors", confidence=0.5, more=LAG))
    add_trouble(tables, 10, "Container/a", "restart")
    add_errors(tables, 11, 13, 17, 24)
    add_trouble(tables, 15, "Container/a", "slow", end=40)
    add_trouble(tables, 20, "Container/a", "loop", end=40)
    graph = graph_of(tables, [*RULES, *late])
    assert [one[4] for one in told(graph, "errors")] == [["restart"], ["loop", "restart", "slow"]]


def test_what_is_only_seen_before_its_one_cause_stays_whole(tables):
    add_errors(tables, 11, 13, 24)
    add_trouble(tables, 20, "Container/a", "loop", end=40)
    assert told(graph_of(tables, RULES), "errors") == [(11, 24, 3, 6, ["loop"])]


def test_cause_that_was_reported_some_seconds_late_is_no_other_cause(tables):
    add_trouble(tables, 10, "Container/a", "restart")
    add_errors(tables, 11, 13, 24)
    add_trouble(tables, 13.5, "Container/a", "loop", end=40)
    assert len(told(graph_of(tables, RULES), "errors")) == 1


@pytest.mark.parametrize(("end", "parts"), [(40, 1), (16, 2)], ids=["goes-on", "has-ended"])
def test_second_cause_of_the_same_kind_takes_over_only_when_the_first_one_has_ended(tables, end, parts):
    # GIVEN two crash loops of two containers, both of which the caller calls
    rules = [
        *RULES[:5],
        cause_text("loop-fails-callers", "loop", "errors", through="* <-CALLS- *", confidence=0.9, more=LAG),
    ]
    add_entities(tables, "Container/c")
    relate(tables, "CALLS", "Container/b", "Container/c")
    add_trouble(tables, 10, "Container/a", "loop", end=end)
    add_trouble(tables, 20, "Container/c", "loop", end=40)
    add_errors(tables, 11, 15, 24, entity="Container/b")
    # WHEN / THEN
    assert len(told(graph_of(tables, rules), "errors")) == parts


def test_what_an_episode_led_to_is_not_its_cause(tables):
    # GIVEN errors that lead to the crash loop
    add_trouble(tables, 10, "Container/a", "restart")
    add_errors(tables, 11, 13, 24)
    add_trouble(tables, 20, "Container/a", "loop", end=40)
    rules = [*RULES, cause_text("errors-crash", "errors", "loop", confidence=0.5)]
    assert len(told(graph_of(tables, rules), "errors")) == 1


def test_effects_of_what_was_split_are_split_at_the_same_time(tables):
    rules = [*RULES, cause_text("empty-fails-callers", "empty", "errors", through="* <-CALLS- *", more=LAG)]
    add_trouble(tables, 10, "Container/a", "restart")
    add_trouble(tables, 11, "Container/a", "empty", end=50)
    add_trouble(tables, 20, "Container/a", "loop", end=50)
    add_errors(tables, 12, 18, 22, 30, entity="Container/b")
    assert [one[:4] for one in told(graph_of(tables, rules), "errors")] == [(12, 18, 2, 4), (22, 30, 2, 4)]


@pytest.mark.parametrize(("before", "parts"), [(MOMENTS_KEPT - 1, 2), (MOMENTS_KEPT, 1)])
def test_episode_with_more_events_before_the_cut_than_are_kept_stays_whole(tables, before, parts):
    add_trouble(tables, 10, "Container/a", "restart")
    add_trouble(tables, 20, "Container/a", "loop", end=40)
    tables.execute(
        """
        INSERT INTO trouble (at_ns, entity_id, node, seq, evidence, reason, size)
        SELECT (11 + number * 8 / ?) * 1000000000, 'Container/a', 'n', number, 'tcp:n:' || number, 'errors', 1
        FROM range(?) AS one (number)
        """,
        [before, before],
    )
    add_errors(tables, 25, size=1)
    graph = graph_of(tables, RULES)
    found = told(graph, "errors")
    assert [(one[2], one[3]) for one in found] == (
        [(before, before), (1, 1)] if parts == 2 else [(before + 1, before + 1)]
    )


def test_greatest_value_of_an_episode_is_not_divided(tables):
    rules = [rule.replace("{sum: size", "{max: size") for rule in RULES]
    add_trouble(tables, 10, "Container/a", "restart")
    add_errors(tables, 11, 13, 24)
    add_trouble(tables, 20, "Container/a", "loop", end=40)
    assert len(told(graph_of(tables, rules), "errors")) == 1
