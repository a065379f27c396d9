"""Root cause: which change or first symptom explains the severe symptoms of the causality graph best.

A candidate is a change, or a symptom that nothing in the graph explains. What a candidate explains, and how well, is
the best path to it (`analyzer.reasoning.causal_graph`). Candidates are taken greedily: the one that explains most, then
the one that explains most of what is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analyzer.knowledge.rules import Nature, Severity
from analyzer.reasoning.causal_graph import MIN_EDGE_CONFIDENCE, CausalEdge, CausalGraph, Reach
from analyzer.reasoning.symptoms import FoundSymptom

MAX_CANDIDATES = 500
"""Candidates that are searched from, the earliest kept. Why: each costs one search of the graph."""

MAX_FINDINGS = 10
"""Findings of one document. Why: who reads it at 3 a.m. reads one."""

CLOSE_SCORE = 0.8
"""A candidate with this share of the best one's score is a rival that lowers its confidence."""

_WEIGHTS = {Severity.FATAL: 1.5, Severity.ERROR: 1.0, Severity.WARNING: 0.0, Severity.INFO: 0.0}
_HINT = 0.05
"""What an explained warning adds. Why: it decides between candidates that explain the same errors, and nothing else."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One ranked root cause.

    Attributes:
        root: the change or symptom.
        reach: all that it may explain.
        explains: numbers of the severe symptoms that it explains better than (or as well as) any other, sorted.
        score: sum over these of weight times confidence.
        siblings: what else began in the same way (other changes of the same object, the same symptom on other pods of
            the workload), with what each explains.
        rivals: numbers of candidates of other entities that explain one of them nearly as well, best first.
    """

    root: FoundSymptom
    reach: Reach[CausalEdge]
    explains: tuple[int, ...]
    score: float
    siblings: tuple[Reach[CausalEdge], ...]
    rivals: tuple[int, ...]


def rank_candidates(graph: CausalGraph) -> tuple[Candidate, ...]:
    """The root causes of all severe symptoms, best first; empty if there is no severe symptom.

    Each severe symptom is explained by exactly one of them, unless nothing that may be a root leads to it.
    """
    open_numbers = {symptom.number for symptom in graph.symptoms.values() if symptom.is_severe}
    reaches = {root: graph.reach_from(root) for root in _sources(graph, open_numbers)}
    chosen: list[Candidate] = []
    while open_numbers and len(chosen) < MAX_FINDINGS:
        candidate = _best_candidate(graph, reaches, open_numbers)
        if candidate is None:
            root = _beginning_of_a_circle(graph, open_numbers)
            if root is None or root in reaches:
                break
            reaches[root] = graph.reach_from(root)
            continue
        chosen.append(candidate)
        open_numbers -= set(candidate.explains)
        for sibling in candidate.siblings:
            open_numbers -= set(sibling.confidence)
    return tuple(chosen)


def _sources(graph: CausalGraph, severe: set[int]) -> list[int]:
    explained = {
        edge.target
        for edge in graph.edges
        if edge.confidence >= MIN_EDGE_CONFIDENCE and graph.symptoms[edge.source].rule.nature is not Nature.CONTEXT
    }
    explained |= {
        edge.target
        for edge in graph.edges
        if edge.confidence >= MIN_EDGE_CONFIDENCE
        and graph.symptoms[edge.source].rule.nature is Nature.CONTEXT
        and edge.source in explained
    }
    leads = {edge.source for edge in graph.edges} | severe
    found = [
        number
        for number, symptom in sorted(graph.symptoms.items())
        if number in leads and symptom.may_be_root and (symptom.rule.nature is Nature.CHANGE or number not in explained)
    ]
    return found[:MAX_CANDIDATES]


def _best_candidate(
    graph: CausalGraph, reaches: Mapping[int, Reach[CausalEdge]], open_numbers: set[int]
) -> Candidate | None:
    best_of = {
        number: max((reach.confidence.get(number, 0.0) for reach in reaches.values()), default=0.0)
        for number in open_numbers
    }
    ranked = []
    for root, reach in reaches.items():
        explains = tuple(
            sorted(
                number
                for number in open_numbers
                if reach.confidence.get(number, 0.0) > 0 and reach.confidence[number] >= best_of[number] / 2
            )
        )
        if not explains:
            continue
        score = sum(_WEIGHTS[graph.symptoms[number].rule.severity] * reach.confidence[number] for number in explains)
        hints = sum(
            value
            for number, value in reach.confidence.items()
            if number != root and graph.symptoms[number].rule.severity is Severity.WARNING
        )
        ranked.append((-round(score + _HINT * min(hints, 10), 9), graph.symptoms[root].from_ns, root, explains))
    if not ranked:
        return None
    ranked.sort()
    negative, _begin, root, explains = ranked[0]
    siblings = [other for _score, _from, other, _explains in ranked[1:] if _began_alike(graph, root, other)]
    rivals = [
        other
        for rival_score, _from, other, _explains in ranked[1:]
        if -rival_score >= CLOSE_SCORE * -negative and other not in siblings
    ]
    return Candidate(
        root=graph.symptoms[root],
        reach=reaches[root],
        explains=explains,
        score=-negative,
        siblings=tuple(reaches[other] for other in siblings),
        rivals=tuple(rivals),
    )


def _began_alike(graph: CausalGraph, root: int, other: int) -> bool:
    """Whether two roots are one story: one object changed in several ways, or several pods of one workload alike."""
    one, two = graph.symptoms[root], graph.symptoms[other]
    if one.entity_id == two.entity_id:
        return True
    return one.rule.name == two.rule.name and one.workload_id is not None and one.workload_id == two.workload_id


def _beginning_of_a_circle(graph: CausalGraph, open_numbers: set[int]) -> int | None:
    """The earliest severe symptom that only others of a circle explain; None if none may be a root."""
    allowed = [number for number in open_numbers if graph.symptoms[number].may_be_root]
    return min(allowed, key=lambda number: (graph.symptoms[number].from_ns, number), default=None)
