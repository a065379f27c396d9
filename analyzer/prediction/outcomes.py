"""What became of predictions: the foretold events of a capture, matched with what was said before them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from analyzer.knowledge.check import FactColumns
from analyzer.knowledge.compile import occurrences_query
from analyzer.knowledge.rules import SymptomRule
from analyzer.model.engine import Engine
from analyzer.model.entity_index import EntityIndex, EntityRow
from analyzer.prediction.alarm import RECEIVED, Alarm
from analyzer.prediction.standing import Issued

MAX_EVENTS = 50_000
"""Events of one foretold symptom, the earliest."""


class Outcome(StrEnum):
    """What became of a prediction."""

    CONFIRMED = "confirmed"
    """It happened, no later than expected."""
    REVISED = "revised"
    """A later prediction of the same warning took its place before it was due."""
    REFUTED = "refuted"
    """It was due, and it had not happened."""
    OPEN = "open"
    """The recording ended before it was due, or its entity was gone by then."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One event that a rule foretells.

    Attributes:
        symptom: its name.
        entity: whom it happened to.
        at_ns: when, in aligned unix ns.
        known_ns: when the recording told of it.
        details: columns that the symptom keeps, as text.
    """

    symptom: str
    entity: EntityRow
    at_ns: int
    known_ns: int
    details: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Judged:
    """A prediction and what became of it.

    Attributes:
        issued: the prediction.
        entity: that it is about.
        outcome: of the prediction.
        happened_ns: when the foretold event came; None if it did not come after the prediction.
    """

    issued: Issued
    entity: EntityRow
    outcome: Outcome
    happened_ns: int | None


def find_events(
    engine: Engine, rules: Iterable[SymptomRule], facts: FactColumns, entities: EntityIndex
) -> tuple[Happened, ...]:
    """Every event of these symptoms, in order of time."""
    found: list[tuple[int, int, str, str, str]] = []
    for rule in rules:
        queries = " UNION ALL ".join(occurrences_query(rule, fact, facts) for fact in rule.facts)
        found += engine.rows(
            f"""
            SELECT DISTINCT from_ns, greatest(from_ns, coalesce(received.at_ns, from_ns)), name, entity_id, details
            FROM ({queries}) AS occurrence LEFT JOIN ({RECEIVED}) AS received USING (evidence)
            ORDER BY ALL LIMIT {MAX_EVENTS}
            """  # noqa: S608 - see analyzer.knowledge.compile
        )
    entities.load(entity_id for *_event, entity_id, _details in found)
    events = []
    for at_ns, known_ns, name, entity_id, details in sorted(found):
        entity = entities.get(entity_id)
        if entity is not None:
            events.append(Happened(name, entity, at_ns, known_ns, json.loads(details)))
    return tuple(events)


class Events:
    """The foretold events of a capture, looked up by what foretold them.

    Args:
        events: in order of time.
        series: names of the columns that tell the lines of one entity apart, by rule.
    """

    def __init__(self, events: Sequence[Happened], series: Mapping[str, tuple[str, ...]]) -> None:
        self._series = series
        self._by_symptom: dict[str, list[Happened]] = defaultdict(list)
        for event in events:
            self._by_symptom[event.symptom].append(event)

    def of(self, alarm: Alarm, entity: EntityRow) -> Iterator[Happened]:
        """The events that an alarm about this entity is about, before it and after it."""
        kept = dict(zip(self._series.get(alarm.rule, ()), alarm.series, strict=False))
        for name in alarm.foretells:
            for event in self._by_symptom[name]:
                if is_about(entity, event.entity) and _is_same_line(kept, event):
                    yield event


def choose_alarms(alarms: Iterable[Alarm], events: Events, entities: EntityIndex) -> Iterator[Alarm]:
    """Leaves out alarms by what was known when they were made: it has just happened, or is far ahead and never did."""
    for alarm in alarms:
        entity = entities.get(alarm.entity_id)
        if entity is None:
            continue
        before = [event.at_ns for event in events.of(alarm, entity) if event.known_ns <= alarm.made_ns]
        has_just_happened = bool(before) and max(before) >= alarm.read_ns
        if not has_just_happened and (before or not alarm.is_far):
            yield alarm


def judge(issued: Sequence[Issued], events: Events, entities: EntityIndex, end_ns: int) -> tuple[Judged, ...]:
    """What became of each prediction; those about something that is no entity are left out.

    Args:
        issued: in the order in which they were made.
        events: of the same capture.
        entities: of the same capture.
        end_ns: end of the capture.
    """
    last = {prediction.number: prediction for prediction in issued}
    judged = []
    for prediction in issued:
        entity = entities.get(prediction.alarm.entity_id)
        if entity is None:
            continue
        made_ns = prediction.alarm.made_ns
        later = (event.at_ns for event in events.of(prediction.alarm, entity) if event.at_ns > made_ns)
        happened_ns = min(later, default=None)
        is_revised = last[prediction.number] is not prediction
        gone_ns = min(entity.to_ns, end_ns)
        judged.append(Judged(prediction, entity, _outcome(prediction, happened_ns, gone_ns, is_revised), happened_ns))
    return tuple(judged)


def is_about(expected: EntityRow, found: EntityRow) -> bool:
    """Whether what happened to one entity was foretold of another: the same, its pod, a part of it, or its node."""
    if expected.entity_id == found.entity_id:
        return True
    if expected.kind == "Node":
        return found.node == expected.name
    return found.pod_id == expected.entity_id or expected.pod_id == found.entity_id


def _is_same_line(kept: Mapping[str, str], event: Happened) -> bool:
    return all(event.details[name] == value for name, value in kept.items() if name in event.details)


def _outcome(prediction: Issued, happened_ns: int | None, gone_ns: int, is_revised: bool) -> Outcome:
    due_ns = prediction.alarm.due_ns
    if happened_ns is not None and happened_ns <= due_ns:
        return Outcome.CONFIRMED
    if is_revised:
        return Outcome.REVISED
    return Outcome.REFUTED if gone_ns >= due_ns else Outcome.OPEN
