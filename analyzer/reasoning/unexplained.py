"""A severe effect whose cause was not recorded: what was considered, and which recording would decide."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.knowledge.rules import Nature
from analyzer.model.losses import Recorded
from analyzer.reasoning.causal_graph import CausalGraph
from analyzer.reasoning.symptoms import FoundSymptom
from formats.postmortem.findings import Statement
from formats.units import format_duration

UNEXPLAINED = "unexplained"
"""What such a finding has for the name of a pattern."""

MAX_CONSIDERED = 5
"""Changes that are told of, the nearest before the effect. Why: further ones say less and less."""

_DECIDING_TABLES = {
    "kube_object": "the objects of the Kubernetes API were not recorded: they tell what was changed",
    "kube_event": "the events of the Kubernetes API were not recorded: they tell why pods do not start or are removed",
    "tcp": "connections were not recorded: they tell which peer failed first",
    "request": "requests were not recorded: they tell which service returned errors first",
    "process": "processes were not recorded: they tell what exited, and how",
}


def considered_causes(effect: FoundSymptom, graph: CausalGraph) -> Iterator[Statement]:
    """The changes before the end of an effect, the nearest first, each with what speaks against it."""
    changes = [
        symptom
        for symptom in graph.symptoms.values()
        if symptom.rule.nature is Nature.CHANGE and symptom.from_ns <= effect.to_ns
    ]
    changes.sort(key=lambda symptom: (abs(effect.from_ns - symptom.from_ns), symptom.number))
    for change in changes[:MAX_CONSIDERED]:
        distance = format_duration(abs(effect.from_ns - change.from_ns))
        if change.from_ns > effect.from_ns:
            against = f"it was made {distance} after the failure began"
        else:
            against = (
                f"it was made {distance} before, and no recorded relation leads from it to {effect.kind} {effect.name}"
            )
        yield Statement(what=f"considered and rejected: {change.what} ({against})", evidence=change.evidence[:1])


def deciding_evidence(recorded: Recorded) -> Iterator[Statement]:
    """The tables that are empty and would help to decide."""
    for table, says in _DECIDING_TABLES.items():
        if not recorded.rows.get(table):
            yield Statement(what=says, evidence=())
