"""The contrast table of a finding: how often the effect shows with the change, and how often without it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from analyzer.knowledge.rules import Nature
from analyzer.model.engine import Engine
from analyzer.reasoning.causal_graph import CausalGraph
from analyzer.reasoning.contrast import Argument, Contrast
from analyzer.reasoning.exposure import find_exposure
from analyzer.reasoning.symptoms import FoundSymptom
from formats.postmortem.findings import Comparison
from formats.units import format_duration

LONG_BEFORE_NS = 60_000_000_000
"""Time without the effect before the change that speaks for the change. Why: what is rarer needs a longer look."""

FOR, AGAINST, OPEN = "for", "against", "open"


class ComparisonSearch:
    """Compares changes of a capture with what they did not reach.

    Args:
        engine: its database holds `entity`, `relation`, `container_status` and `capture_window`.
        graph: all symptoms.
    """

    def __init__(self, engine: Engine, graph: CausalGraph) -> None:
        self._engine = engine
        self._symptoms = [graph.symptoms[number] for number in sorted(graph.symptoms)]
        self._by_number = graph.symptoms
        self._contrast = Contrast(self._symptoms)

    def compare(self, cause: FoundSymptom, effect: FoundSymptom) -> Iterator[Comparison]:
        """What speaks for and against a change as the cause of an effect; nothing if the cause is no change."""
        if cause.rule.nature is not Nature.CHANGE:
            return
        alike = [
            symptom
            for symptom in self._symptoms
            if symptom.rule.name == effect.rule.name and symptom.rule.nature is Nature.SYMPTOM
        ]
        place = [symptom for symptom in alike if _where(symptom) == _where(effect)]
        for comparison in (
            self._by_pods(cause, effect, alike),
            self._by_time(cause, effect, place),
            self._by_undo(cause, effect, place),
        ):
            if comparison is not None:
                yield comparison

    def _by_pods(self, change: FoundSymptom, effect: FoundSymptom, alike: Iterable[FoundSymptom]) -> Comparison | None:
        """By pods that the change reached and those that it did not; None if the effect shows on none of these."""
        exposure = find_exposure(self._engine, change, effect)
        showing = {symptom.pod_id for symptom in alike if symptom.to_ns >= change.from_ns}
        if effect.pod_id not in exposure.reached | exposure.unreached or not exposure.reached:
            return None
        reached, unreached = len(exposure.reached), len(exposure.unreached)
        reached_showing, unreached_showing = len(showing & exposure.reached), len(showing & exposure.unreached)
        pods = "1 pod" if reached == 1 else f"{reached} pods"
        shown = f"the symptom {effect.rule.name} was seen on {reached_showing} of the {pods} that the change reached"
        if unreached == 0:
            speaks = OPEN
        elif unreached_showing == 0:
            speaks = FOR if 2 * reached_showing >= reached else OPEN
        else:
            speaks = AGAINST if 2 * unreached_showing * reached >= reached_showing * unreached else OPEN
        return Comparison(
            by="pods",
            reached=reached_showing,
            reached_of=reached,
            other=unreached_showing,
            other_of=unreached,
            speaks=speaks,
            what=f"{shown}, and on {unreached_showing} of {unreached} others"
            if unreached
            else f"{shown}; there are no others",
            evidence=_evidence(symptom for symptom in alike if symptom.pod_id in exposure.unreached),
        )

    def _by_time(self, change: FoundSymptom, effect: FoundSymptom, place: Iterable[FoundSymptom]) -> Comparison | None:
        """By the time before and after the change; None if the workload did not exist before, or was not recorded."""
        ((start_ns, end_ns, began_ns),) = self._engine.rows(
            """
            SELECT min(from_ns), max(to_ns), (SELECT min(from_ns) FROM entity WHERE entity_id = ?) FROM capture_window
            """,
            [_where(effect)],
        )
        before_ns = change.from_ns - max(start_ns or 0, began_ns or 0)
        if before_ns <= 0:
            return None
        before = [symptom for symptom in place if symptom.from_ns < change.from_ns]
        argument = self._contrast.compare_with_before(change, effect)
        after_ns = max((end_ns or 0) - change.from_ns, 0)
        after_count = sum(symptom.count for symptom in place if symptom.from_ns >= change.from_ns)
        before_count = sum(symptom.count for symptom in before)
        is_long_absent = before_ns >= LONG_BEFORE_NS and before_count == 0
        speaks = AGAINST if argument is not None else FOR if is_long_absent else OPEN
        return Comparison(
            by="time",
            reached=after_count,
            reached_of=after_ns,
            other=before_count,
            other_of=before_ns,
            speaks=speaks,
            what=(
                f"the symptom {effect.rule.name} was seen {_times(after_count)} in the {format_duration(after_ns)} "
                f"after the change, and {_times(before_count)} in the {format_duration(before_ns)} before"
            ),
            evidence=_evidence(before),
        )

    def _by_undo(self, change: FoundSymptom, effect: FoundSymptom, place: Iterable[FoundSymptom]) -> Comparison | None:
        """By the time until the change was undone and the time after that; None if it was not undone."""
        undo = self._contrast.undo_of(change)
        if undo is None or effect.from_ns > undo.from_ns:
            return None
        argument = self._contrast.compare_with_undone(change, effect)
        end_ns = int(self._engine.value("SELECT max(to_ns) FROM capture_window") or 0)
        after = [symptom for symptom in place if symptom.from_ns > undo.from_ns]
        during = [symptom for symptom in place if change.from_ns <= symptom.from_ns <= undo.from_ns]
        return Comparison(
            by="undo",
            reached=sum(symptom.count for symptom in during),
            reached_of=undo.from_ns - change.from_ns,
            other=sum(symptom.count for symptom in after),
            other_of=max(end_ns - undo.from_ns, 0),
            speaks=_speaks(argument),
            what=argument.says
            if argument
            else "the recording does not show whether it ended when the change was undone",
            evidence=(*undo.evidence[:1], *(self._by_number[argument.seen_on].evidence[:1] if argument else ())),
        )


def _where(symptom: FoundSymptom) -> str:
    return symptom.workload_id or symptom.entity_id


def _speaks(argument: Argument | None) -> str:
    if argument is None:
        return OPEN
    return FOR if argument.is_for else AGAINST


def _times(count: int) -> str:
    return f"{count:,} time{'' if count == 1 else 's'}"


def _evidence(symptoms: Iterable[FoundSymptom]) -> tuple[str, ...]:
    """What shows the first of them."""
    return next((symptom.evidence[:1] for symptom in symptoms), ())
