"""Impact: who was hit by what a candidate explains."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from analyzer.knowledge.rules import Nature
from analyzer.reasoning.causal_graph import CausalGraph
from analyzer.reasoning.root_cause import Candidate
from analyzer.reasoning.symptoms import FoundSymptom
from formats.postmortem.findings import Impact, WorkloadImpact
from formats.rows.kube_resources import WORKLOAD_KINDS
from formats.times import format_time

REQUESTS = "requests"
"""Unit of magnitudes that count failed requests: a word of the language of rules (docs/patterns.md, `magnitude`)."""

CountRequests = Callable[[Collection[str], int, int], Mapping[str, int]]
"""Requests that entities answered, by entity id, between two times in unix ns; without those that counted none."""


def count_nothing(_entity_ids: Collection[str], _from_ns: int, _to_ns: int) -> Mapping[str, int]:
    """Of a recording without requests."""
    return {}


def assess_impact(candidate: Candidate, graph: CausalGraph, count_requests: CountRequests = count_nothing) -> Impact:
    """Services, workloads and pods that show a symptom which the candidate explains, for how long, and what failed.

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
    begin, end = _extent(hit)
    edge = _requests_at_the_edge(hit, graph)
    answered = count_requests({symptom.entity_id for symptom in edge or ()}, begin, end)
    # A Job of a CronJob is a part of it, and not another workload.
    own = {symptom.entity_id: symptom.workload_id for symptom in hit if symptom.kind in WORKLOAD_KINDS}
    workloads = sorted(
        {
            *(workload or entity for entity, workload in own.items()),
            *(symptom.workload_id for symptom in hit if symptom.workload_id),
        }
    )
    return Impact(
        services=_entities(hit, {"Service"}),
        workloads=tuple(workloads),
        pods=tuple(sorted({*_entities(hit, {"Pod"}), *(symptom.pod_id for symptom in hit if symptom.pod_id)})),
        failed_requests=_count_failed(edge),
        duration_ns=end - begin,
        requests=_count_answered(edge, answered),
        by_workload=tuple(_impact_of_each(workloads, hit, edge, answered)),
    )


def _impact_of_each(
    workloads: Sequence[str],
    hit: Sequence[FoundSymptom],
    edge: Sequence[FoundSymptom] | None,
    answered: Mapping[str, int],
) -> Iterator[WorkloadImpact]:
    for workload in workloads:
        begin, end = _extent([symptom for symptom in hit if _is_of(symptom, workload)])
        own = None if edge is None else [symptom for symptom in edge if _is_of(symptom, workload)]
        yield WorkloadImpact(
            workload, format_time(begin), end - begin, _count_failed(own), _count_answered(own, answered)
        )


def _is_of(symptom: FoundSymptom, workload: str) -> bool:
    """Whether a symptom is one of a workload or of its parts: a Job is a workload, and a part of its CronJob."""
    return workload in (symptom.workload_id, symptom.entity_id)


def _extent(hit: Sequence[FoundSymptom]) -> tuple[int, int]:
    """Begin of the first error and end of the last one; of all symptoms, if none is severe."""
    severe = [symptom for symptom in hit if symptom.is_severe] or hit
    return min(symptom.from_ns for symptom in severe), max(symptom.to_ns for symptom in severe)


def _entities(symptoms: Collection[FoundSymptom], kinds: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted({symptom.entity_id for symptom in symptoms if symptom.kind in kinds}))


def _requests_at_the_edge(hit: Collection[FoundSymptom], graph: CausalGraph) -> list[FoundSymptom] | None:
    """The symptoms that count failed requests and were not passed on; None if nothing counted requests."""
    counted = {symptom.number: symptom for symptom in hit if symptom.rule.unit == REQUESTS}
    if not counted:
        return None
    passed_on = {edge.source for edge in graph.edges if edge.source in counted and edge.target in counted}
    return [symptom for number, symptom in counted.items() if number not in passed_on]


def _count_failed(edge: Sequence[FoundSymptom] | None) -> int | None:
    return None if edge is None else sum(symptom.magnitude or 0 for symptom in edge)


def _count_answered(edge: Sequence[FoundSymptom] | None, answered: Mapping[str, int]) -> int | None:
    """Of how many requests these failed; None if one of the entities counted none, or fewer than failed."""
    if not edge or not all(symptom.entity_id in answered for symptom in edge):
        return None
    total = sum(answered[entity] for entity in sorted({symptom.entity_id for symptom in edge}))
    return total if total >= (_count_failed(edge) or 0) else None
