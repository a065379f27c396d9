"""The predictions of a capture: what each trend and each early sign foretold at its moment, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from analyzer.knowledge.check import fill
from analyzer.knowledge.compile_changes import change_macros
from analyzer.knowledge.rules import Knowledge, SymptomRule
from analyzer.knowledge.trend_rules import TrendRule
from analyzer.model.build import build_model
from analyzer.model.engine import Engine
from analyzer.model.engine_tables import fact_columns
from analyzer.model.entity_index import EntityIndex, EntityRow
from analyzer.model.segment_reading import Window
from analyzer.prediction.alarm import Alarm
from analyzer.prediction.outcomes import Events, Happened, Judged, choose_alarms, find_events, judge
from analyzer.prediction.signs import find_sign_alarms
from analyzer.prediction.standing import issue_predictions
from analyzer.prediction.trends import find_trend_alarms
from formats.capture.reading import Capture
from formats.postmortem.findings import Prediction
from formats.times import format_time
from formats.units import format_bytes

MAX_PREDICTIONS = 200
"""Predictions that a document has, the earliest."""


def prediction_facts(knowledge: Knowledge) -> set[str]:
    """The facts that predictions and what they foretell read."""
    return {
        *(trend.fact for trend in knowledge.trends),
        *(fact for rule in _signs(knowledge) for fact in rule.facts),
    } | {fact for rule in foretold_symptoms(knowledge) for fact in rule.facts}


def foretold_symptoms(knowledge: Knowledge) -> tuple[SymptomRule, ...]:
    """The symptoms that a trend or an early sign foretells."""
    names = {name for trend in knowledge.trends for name in trend.foretells}
    names |= {foretold.symptom for rule in knowledge.symptoms for foretold in rule.foretells}
    return tuple(rule for rule in knowledge.symptoms if rule.name in names)


def predict_capture(
    capture: Capture, knowledge: Knowledge, *, window: Window = (None, None)
) -> tuple[tuple[Prediction, ...], tuple[Judged, ...], tuple[Happened, ...]]:
    """The predictions of a capture, and all events that they could have foretold.

    Raises:
        KnowledgeError: if an expression of the knowledge fails on what was recorded.
    """
    with Engine.for_events(capture.events) as engine:
        model = build_model(
            capture,
            engine,
            window,
            wanted=prediction_facts(knowledge) | {"entity"},
            change_macros=change_macros(knowledge.changes),
            often_read=prediction_facts(knowledge),
        )
        model.go_through()
        entities = EntityIndex(engine)
        judged, events = judge_predictions(engine, knowledge, entities, model.fact_rows)
        return describe_predictions(judged, knowledge), judged, events


def judge_predictions(
    engine: Engine, knowledge: Knowledge, entities: EntityIndex, fact_rows: Mapping[str, int] | None = None
) -> tuple[tuple[Judged, ...], tuple[Happened, ...]]:
    """The predictions of a model whose parts have been gone through, and the events that are foretold.

    Args:
        engine: of the model.
        knowledge: checked rules.
        entities: of the same engine.
        fact_rows: how many rows facts have, where that is known.
    """
    facts, rows = fact_columns(), fact_rows or {}
    alarms = list(_all_alarms(engine, knowledge, rows))
    shown = [rule for rule in foretold_symptoms(knowledge) if any(rows.get(fact) != 0 for fact in rule.facts)]
    events = find_events(engine, shown, facts, entities) if shown else ()
    lookup = Events(events, {trend.name: trend.series for trend in knowledge.trends})
    entities.load(alarm.entity_id for alarm in alarms)
    issued = issue_predictions(choose_alarms(alarms, lookup, entities))
    end_ns = int(engine.value("SELECT coalesce(max(to_ns), 0) FROM capture_window"))
    return judge(issued, lookup, entities, end_ns), events


def _all_alarms(engine: Engine, knowledge: Knowledge, rows: Mapping[str, int]) -> Iterator[Alarm]:
    facts = fact_columns()
    for trend in knowledge.trends:
        if rows.get(trend.fact) != 0:
            yield from find_trend_alarms(engine, trend, facts)
    for rule in _signs(knowledge):
        if any(rows.get(fact) != 0 for fact in rule.facts):
            for foretold in rule.foretells:
                yield from find_sign_alarms(engine, rule, foretold, facts)


def _signs(knowledge: Knowledge) -> list[SymptomRule]:
    return [rule for rule in knowledge.symptoms if rule.foretells]


def describe_predictions(judged: tuple[Judged, ...], knowledge: Knowledge) -> tuple[Prediction, ...]:
    """The predictions as a document has them, the earliest `MAX_PREDICTIONS`."""
    trends = {trend.name: trend for trend in knowledge.trends}
    symptoms = {rule.name: rule for rule in knowledge.symptoms}
    return tuple(_describe(one, trends, symptoms) for one in judged[:MAX_PREDICTIONS])


def describe(one: Judged, knowledge: Knowledge) -> Prediction:
    """One prediction as documents have it."""
    trends = {trend.name: trend for trend in knowledge.trends}
    return _describe(one, trends, {rule.name: rule for rule in knowledge.symptoms})


def _describe(one: Judged, trends: Mapping[str, TrendRule], symptoms: Mapping[str, SymptomRule]) -> Prediction:
    alarm, trend = one.issued.alarm, trends.get(one.issued.alarm.rule)
    values = _placeholders(alarm, one.entity, trend.unit if trend is not None else "")
    if trend is not None:
        values |= dict(zip(trend.series, alarm.series, strict=False))
    if trend is not None:
        what, actions = fill(trend.title, values), tuple(fill(action, values) for action in trend.actions)
    else:
        foretold = symptoms[alarm.foretells[0]]
        what = f"{values['entity']}: {alarm.rule} is often followed by {foretold.name}"
        actions = ()
    return Prediction(
        made_at=format_time(alarm.made_ns),
        rule=alarm.rule,
        foretells=alarm.foretells,
        entity=one.entity.reference,
        what=what,
        expected_from=format_time(alarm.from_ns),
        expected_to=format_time(alarm.to_ns),
        confidence=alarm.confidence,
        evidence=alarm.evidence,
        recommendations=actions,
        warning=one.issued.number + 1,
        outcome=one.outcome.value,
        happened_at=None if one.happened_ns is None else format_time(one.happened_ns),
    )


def _placeholders(alarm: Alarm, entity: EntityRow, unit: str) -> dict[str, str]:
    return {
        "entity": f"{entity.kind} {entity.name}",
        "kind": entity.kind,
        "name": entity.name,
        "namespace": entity.namespace or "no namespace",
        "node": entity.node or "no node",
        "level": _amount(alarm.level, unit),
        "limit": _amount(alarm.limit, unit),
        "rate": _amount(alarm.rate, unit),
    }


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return "?"
    if unit == "By":
        return format_bytes(round(value))
    return f"{value:.4g}" if unit == "1" else f"{value:.4g} {unit}"
