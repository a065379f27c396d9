"""The back-test: predictions of many captures against what happened in them.

A capture is replayed whole: each prediction rests on nothing later than the moment at which it was made, so what is
found in a whole capture up to a moment is what is found in a recording that ends there (a property test).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from analyzer.knowledge.rules import Knowledge
from analyzer.prediction.outcomes import Happened, Judged, Outcome, is_about
from formats.postmortem.predictions import PREDICTIONS_VERSION, Backtest, ReliabilityRow, RuleScore

SAME_EVENT_NS = 60_000_000_000
"""Reports of one event come within a minute: of the kernel, and of the kubelet some seconds later."""

ROWS = 10
"""Rows of the reliability table."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was found in one capture.

    Attributes:
        judged: its predictions.
        events: all events that a rule foretells.
        recorded_ns: length of the capture.
    """

    judged: tuple[Judged, ...]
    events: tuple[Happened, ...]
    recorded_ns: int


@dataclass(frozen=True, slots=True)
class Warned:
    """One warning: a prediction and its revisions.

    Attributes:
        first: the prediction as it was said first.
        outcome: confirmed if any of its predictions was; else what became of the last one.
        event_ns: when it happened; None if it is not confirmed.
    """

    first: Judged
    outcome: Outcome
    event_ns: int | None

    @property
    def lead_ns(self) -> int:
        """From the warning to the event; 0 if there was none."""
        return 0 if self.event_ns is None else self.event_ns - self.first.issued.alarm.made_ns


def collect_warnings(judged: Iterable[Judged]) -> tuple[Warned, ...]:
    """The predictions of one capture as warnings, in the order in which they were given."""
    by_number: dict[int, list[Judged]] = defaultdict(list)
    for one in judged:
        by_number[one.issued.number].append(one)
    return tuple(_warned(said) for said in by_number.values())


def _warned(said: Sequence[Judged]) -> Warned:
    came = [one.happened_ns for one in said if one.outcome is Outcome.CONFIRMED and one.happened_ns is not None]
    if came:
        return Warned(said[0], Outcome.CONFIRMED, min(came))
    return Warned(said[0], said[-1].outcome, None)


def score(replayed: Sequence[Replayed], knowledge: Knowledge) -> Backtest:
    """The figures over many captures."""
    foretells = {trend.name: set(trend.foretells) for trend in knowledge.trends}
    for rule in knowledge.symptoms:
        if rule.foretells:
            foretells[rule.name] = {foretold.symptom for foretold in rule.foretells}
    warned = [(capture, collect_warnings(capture.judged)) for capture in replayed]
    everything = [warning for _capture, warnings in warned for warning in warnings]
    quiet = [warnings for capture, warnings in warned if not capture.events]
    rules = tuple(_score_rule(name, names, warned) for name, names in sorted(foretells.items()))
    return Backtest(
        version=PREDICTIONS_VERSION,
        captures=len(replayed),
        recorded_ns=sum(capture.recorded_ns for capture in replayed),
        quiet=len(quiet),
        quiet_with_warning=sum(any(one.outcome is Outcome.REFUTED for one in warnings) for warnings in quiet),
        rules=tuple(rule for rule in rules if rule.warnings or rule.events),
        reliability=tuple(_reliability(everything)),
    )


def _score_rule(name: str, foretells: set[str], warned: Sequence[tuple[Replayed, Sequence[Warned]]]) -> RuleScore:
    own = [warning for _capture, warnings in warned for warning in warnings if _rule_of(warning) == name]
    right = [warning for warning in own if warning.outcome is Outcome.CONFIRMED]
    wrong = [warning for warning in own if warning.outcome is Outcome.REFUTED]
    events = foretold = 0
    for capture, warnings in warned:
        for event in join_reports([event for event in capture.events if event.symptom in foretells]):
            events += 1
            foretold += any(
                warning.event_ns is not None
                and 0 <= event.at_ns - warning.event_ns + SAME_EVENT_NS <= 2 * SAME_EVENT_NS
                and is_about(warning.first.entity, event.entity)
                for warning in warnings
                if _rule_of(warning) == name
            )
    leads = sorted(warning.lead_ns for warning in right)
    within = [
        warning.first.issued.alarm.from_ns <= warning.event_ns <= warning.first.issued.alarm.to_ns
        for warning in right
        if warning.event_ns is not None
    ]
    return RuleScore(
        rule=name,
        warnings=len(own),
        right=len(right),
        wrong=len(wrong),
        open=len(own) - len(right) - len(wrong),
        precision=_share(len(right), len(right) + len(wrong)),
        events=events,
        foretold=foretold,
        recall=_share(foretold, events),
        lead_ns=leads[len(leads) // 2] if leads else None,
        shortest_lead_ns=leads[len(leads) // 10] if leads else None,
        in_interval=_share(sum(within), len(within)),
    )


def join_reports(events: Iterable[Happened]) -> list[Happened]:
    """One event for all reports of the same entity within `SAME_EVENT_NS`, the earliest."""
    latest: dict[str, Happened] = {}
    kept = []
    for event in sorted(events, key=lambda one: (one.at_ns, one.symptom)):
        before = latest.get(event.entity.entity_id)
        if before is None or event.at_ns - before.at_ns > SAME_EVENT_NS:
            latest[event.entity.entity_id] = event
            kept.append(event)
    return kept


def _reliability(warnings: Iterable[Warned]) -> Iterable[ReliabilityRow]:
    decided = [one for one in warnings if one.outcome in (Outcome.CONFIRMED, Outcome.REFUTED)]
    rows: Mapping[int, list[Warned]] = defaultdict(list)
    for warning in decided:
        rows[min(ROWS - 1, int(warning.first.issued.alarm.confidence * ROWS))].append(warning)
    for number, listed in sorted(rows.items()):
        yield ReliabilityRow(
            confidence_from=number / ROWS,
            confidence_to=(number + 1) / ROWS,
            warnings=len(listed),
            said=round(sum(one.first.issued.alarm.confidence for one in listed) / len(listed), 3),
            right=round(sum(one.outcome is Outcome.CONFIRMED for one in listed) / len(listed), 3),
        )


def _rule_of(warning: Warned) -> str:
    return warning.first.issued.alarm.rule


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None
