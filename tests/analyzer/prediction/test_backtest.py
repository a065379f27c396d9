"""The figures of a back-test, from judged predictions that are written by hand."""

from __future__ import annotations

import dataclasses

import pytest

from analyzer.model.entity_index import EntityRow
from analyzer.prediction.alarm import Alarm
from analyzer.prediction.backtest import Replayed, collect_warnings, join_reports, score
from analyzer.prediction.outcomes import Happened, Judged, Outcome
from analyzer.prediction.standing import Issued
from tests.analyzed import shipped_knowledge

SECOND = 1_000_000_000
RULE = "memory-reaches-limit"
ALARM = Alarm(
    RULE, ("kernel-oom-kill",), "Container/a", ("/a",), 0, 0, 0, 0, 120 * SECOND, False, 0.85, 1.0, 2.0, 1.0, ("a:b:1",)
)


def entity(name):
    return EntityRow(f"Container/{name}", "Container", "shop", name, None, "node-1", 0, 1, f"Pod/{name}", None)


def judged(name, made, outcome, happened=None, *, number=0, confidence=0.85, until=None):
    """A prediction in seconds."""
    alarm = dataclasses.replace(
        ALARM,
        entity_id=f"Container/{name}",
        made_ns=made * SECOND,
        from_ns=(made + 100) * SECOND,
        to_ns=(until or made + 200) * SECOND,
        confidence=confidence,
    )
    happened_ns = None if happened is None else happened * SECOND
    return Judged(Issued(alarm, number, is_revision=False), entity(name), outcome, happened_ns)


def killed(name, at, symptom="kernel-oom-kill"):
    return Happened(symptom, entity(name), at * SECOND, at * SECOND, {})


def figures(*captures):
    return score(
        [Replayed(tuple(said), tuple(events), 3600 * SECOND) for said, events in captures], shipped_knowledge()
    )


def rule_of(backtest):
    (rule,) = [rule for rule in backtest.rules if rule.rule == RULE]
    return rule


def test_precision_counts_right_and_wrong_warnings_and_not_open_ones():
    rule = rule_of(
        figures(
            (
                [
                    judged("a", 0, Outcome.CONFIRMED, 150),
                    judged("b", 0, Outcome.REFUTED, number=1),
                    judged("c", 0, Outcome.OPEN, number=2),
                ],
                [killed("a", 150)],
            )
        )
    )
    assert (rule.warnings, rule.right, rule.wrong, rule.open, rule.precision) == (3, 1, 1, 1, 0.5)


def test_recall_counts_every_event_once_and_those_without_a_warning():
    said = [judged("a", 0, Outcome.CONFIRMED, 150)]
    events = [killed("a", 150), killed("a", 155, "container-oom-killed"), killed("b", 500)]
    rule = rule_of(figures((said, events)))
    assert (rule.events, rule.foretold, rule.recall) == (2, 1, 0.5)


def test_lead_is_from_the_first_prediction_of_a_warning():
    said = [judged("a", 0, Outcome.REVISED, 250), judged("a", 100, Outcome.CONFIRMED, 250)]
    rule = rule_of(figures((said, [killed("a", 250)])))
    assert (rule.warnings, rule.right, rule.lead_ns) == (1, 1, 250 * SECOND)
    # The first interval ended at 200 seconds.
    assert rule.in_interval == 0


def test_a_warning_is_what_became_of_its_last_prediction_unless_one_came_true():
    (warning,) = collect_warnings([judged("a", 0, Outcome.REVISED), judged("a", 50, Outcome.REFUTED)])
    assert (warning.outcome, warning.lead_ns) == (Outcome.REFUTED, 0)


def test_the_reliability_table_compares_what_was_said_with_how_often_it_was_right():
    said = [
        judged(name, 0, outcome, 150 if outcome is Outcome.CONFIRMED else None, number=number, confidence=confidence)
        for number, (name, outcome, confidence) in enumerate(
            [
                ("a", Outcome.CONFIRMED, 0.82),
                ("b", Outcome.REFUTED, 0.88),
                ("c", Outcome.CONFIRMED, 0.95),
                ("d", Outcome.OPEN, 0.95),
            ]
        )
    ]
    rows = figures((said, [])).reliability
    assert [(row.confidence_from, row.warnings, row.right) for row in rows] == [(0.8, 2, 0.5), (0.9, 1, 1.0)]
    assert [row.said for row in rows] == pytest.approx([0.85, 0.95])


def test_quiet_captures_with_a_wrong_warning_are_counted():
    backtest = figures(([judged("a", 0, Outcome.REFUTED)], []), ([], []), ([], [killed("a", 5)]))
    assert (backtest.captures, backtest.quiet, backtest.quiet_with_warning) == (3, 2, 1)


def test_reports_of_one_entity_within_a_minute_are_one_event():
    assert len(join_reports([killed("a", 0), killed("a", 59), killed("a", 61), killed("b", 0)])) == 3
