"""Impact: who was hit by what a candidate explains."""

from __future__ import annotations

from collections.abc import Collection

from analyzer.knowledge.rules import Nature
from analyzer.reasoning.causal_graph import CausalGraph
from analyzer.reasoning.root_cause import Candidate
from analyzer.reasoning.symptoms import FoundSymptom
from formats.postmortem.findings import Impact
from formats.rows.kube_resources import WORKLOAD_KINDS

REQUESTS = "requests"
"""Unit of magnitudes that count failed requests: a word of the language of rules (docs/patterns.md, `magnitude`)."""


def assess_impact(candidate: Candidate, graph: CausalGraph) -> Impact:
    """Services, workloads and pods that show a symptom which the candidate explains, and for how long.

    Failed requests are counted where they were answered last, at the edge of the graph: a request that fails in a
    backend fails in each caller again. None if nothing counted requests.
    """
    hit = [
        graph.symptoms[number]
        for number in sorted(
            {number for reach in (candidate.reach, *candidate.siblings) for number in reach.confidence}
        )
        if graph.symptoms[number].rule.nature is Nature.SYMPTOM
    ]
    severe = [symptom for symptom in hit if symptom.is_severe] or hit
    begin = min(symptom.from_ns for symptom in severe)
    end = max(symptom.to_ns for symptom in severe)
    return Impact(
        services=_entities(hit, {"Service"}),
        workloads=tuple(
            sorted({*_entities(hit, WORKLOAD_KINDS), *(symptom.workload_id for symptom in hit if symptom.workload_id)})
        ),
        pods=tuple(sorted({*_entities(hit, {"Pod"}), *(symptom.pod_id for symptom in hit if symptom.pod_id)})),
        failed_requests=_failed_requests(hit, graph),
        duration_ns=end - begin,
    )


def _entities(symptoms: Collection[FoundSymptom], kinds: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted({symptom.entity_id for symptom in symptoms if symptom.kind in kinds}))


def _failed_requests(hit: Collection[FoundSymptom], graph: CausalGraph) -> int | None:
    counted = {symptom.number: symptom for symptom in hit if symptom.rule.unit == REQUESTS}
    if not counted:
        return None
    passed_on = {edge.source for edge in graph.edges if edge.source in counted and edge.target in counted}
    return sum(symptom.magnitude or 0 for number, symptom in counted.items() if number not in passed_on)
