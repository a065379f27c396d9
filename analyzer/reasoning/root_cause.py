"""Root cause: which change or first symptom explains the severe symptoms of the causality graph best.

A candidate is a change, or a symptom that nothing in the graph explains. What a candidate explains, and how well, is
the best path to it (`analyzer.reasoning.causal_graph`). Candidates are taken greedily: the one that explains most, then
the one that explains most of what is left. What still goes on when the recording ends weighs more than what healed.
Severe symptoms that are left over then begin with an effect whose cause was not recorded: nothing severe is passed over
in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from analyzer.knowledge.rules import Role, Severity
from analyzer.reasoning.beginnings import find_beginnings
from analyzer.reasoning.causal_graph import MIN_EDGE_CONFIDENCE, CausalEdge, CausalGraph, Reach
from analyzer.reasoning.symptoms import FoundSymptom

MAX_CANDIDATES = 500
"""Candidates, and effects without a cause, that are searched from, the earliest kept. Why: each costs one search of the
graph."""

MAX_FINDINGS = 10
"""Findings of one document. Why: who reads it at 3 a.m. reads one."""

CLOSE_SCORE = 0.8
"""A candidate with this share of the best one's score is a rival that lowers its confidence."""

_WEIGHTS = {Severity.FATAL: 1.5, Severity.ERROR: 1.0, Severity.WARNING: 0.0, Severity.INFO: 0.0}
HEALED_WEIGHT = 0.5
"""Of a symptom that was over before the recording ended, beside one that goes on. Why: what healed by itself is more
often a passing effect than the incident that somebody was woken for."""
BATCH_WEIGHT = 0.5
"""Of a symptom of a Job, beside one of what serves. Why: nobody waits for a Job while requests fail, and a Job that
failed at the same time is the likeliest thing to be taken for the cause."""
_BATCH_KINDS = frozenset({"Job", "CronJob"})

PLACE_WEIGHT = 0.8
"""Of what a candidate explains that tells only where something fails (`role: place`). Why: a change that explains
nearly as much says why, too."""

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
        is_cause: False if the root can only be an effect: its cause was not recorded.
    """

    root: FoundSymptom
    reach: Reach[CausalEdge]
    explains: tuple[int, ...]
    score: float
    siblings: tuple[Reach[CausalEdge], ...]
    rivals: tuple[int, ...]
    is_cause: bool = True


def rank_candidates(graph: CausalGraph) -> tuple[Candidate, ...]:
    """The root causes of all severe symptoms, best first; empty if there is no severe symptom.

    Each severe symptom is explained by exactly one of them, as far as `MAX_FINDINGS` admits.
    """
    open_numbers = {symptom.number for symptom in graph.symptoms.values() if symptom.is_severe}
    chosen = _take_candidates(graph, open_numbers, is_cause=True)
    return (*chosen, *_take_candidates(graph, open_numbers, is_cause=False))[:MAX_FINDINGS]


def _take_candidates(graph: CausalGraph, open_numbers: set[int], *, is_cause: bool) -> list[Candidate]:
    """The best candidates one after the other; what they explain is taken out of `open_numbers`.

    What no candidate explains (every path to it is too weak, or not all roots were searched from) begins by itself, the
    earliest first.
    """
    if not open_numbers:
        return []
    roots = find_beginnings(graph, open_numbers, with_effects=not is_cause)
    reaches = {root: graph.reach_from(root) for root in roots[:MAX_CANDIDATES]}
    unexplained = _reach_unexplained(graph, reaches, open_numbers) if is_cause else []
    chosen: list[Candidate] = []
    while open_numbers and len(chosen) < MAX_FINDINGS:
        candidate = _best_candidate(graph, reaches, open_numbers, unexplained)
        if candidate is None:
            root = _earliest(graph, open_numbers, unexplained, with_effects=not is_cause)
            if root is None:
                break
            reaches[root] = graph.reach_from(root)
            continue
        if not _is_ordinary(graph, candidate):
            chosen.append(replace(candidate, is_cause=is_cause))
        open_numbers -= set(candidate.explains)
        for sibling in candidate.siblings:
            open_numbers -= set(sibling.confidence)
    return chosen


def _is_ordinary(graph: CausalGraph, candidate: Candidate) -> bool:
    """Whether a chain is what every healthy cluster has (the start of a new workload), because it healed by itself.

    What still goes on so soon after the beginning that nobody can tell is taken for ordinary, too.
    """
    within_ns = candidate.root.rule.heals_within_ns
    if within_ns is None:
        return False
    effects = [graph.symptoms[number] for number in candidate.explains]
    return all(
        effect.rule.severity is not Severity.FATAL
        and (not effect.is_ongoing or effect.to_ns <= candidate.root.from_ns + within_ns)
        for effect in effects
    )


def _earliest(
    graph: CausalGraph,
    numbers: Iterable[int],
    unexplained: Sequence[Reach[CausalEdge]],
    *,
    with_effects: bool,
) -> int | None:
    """The symptom that began first of those that no other of them explains; None if none of them may begin a finding.

    What follows from an effect without a cause begins nothing: naming it would be a guess.

    Args:
        graph: has the symptoms.
        numbers: of severe symptoms.
        unexplained: what is explained by effects without a cause.
        with_effects: whether it may be a symptom that is always an effect (`role: effect`).
    """
    allowed = {number for number in numbers if with_effects or graph.symptoms[number].may_be_root}
    explained = {
        edge.target for edge in graph.edges if edge.source in allowed and edge.confidence >= MIN_EDGE_CONFIDENCE
    }
    in_order = sorted(allowed - explained or allowed, key=lambda number: (graph.symptoms[number].from_ns, number))
    return next((one for one in in_order[:MAX_CANDIDATES] if not _follows(graph, one, unexplained)), None)


def _follows(graph: CausalGraph, number: int, unexplained: Sequence[Reach[CausalEdge]]) -> bool:
    """Whether an effect without a cause led to a symptom, began no later, and does not come from it."""
    begin_ns = graph.symptoms[number].from_ns
    leading = [
        reach.root
        for reach in unexplained
        if number in reach.confidence and graph.symptoms[reach.root].from_ns <= begin_ns
    ]
    return bool(leading) and not graph.reach_from(number).confidence.keys() >= set(leading)


def _reach_unexplained(
    graph: CausalGraph, reaches: Mapping[int, Reach[CausalEdge]], numbers: Iterable[int]
) -> list[Reach[CausalEdge]]:
    """What the earliest severe effects explain that no candidate leads to: findings of their own begin with them."""
    led_to = {number for reach in reaches.values() for number in reach.confidence}
    effects = [number for number in sorted(numbers) if number not in led_to and not graph.symptoms[number].may_be_root]
    return [graph.reach_from(number) for number in effects[:MAX_CANDIDATES]]


def _best_candidate(
    graph: CausalGraph,
    reaches: Mapping[int, Reach[CausalEdge]],
    open_numbers: set[int],
    unexplained: Sequence[Reach[CausalEdge]],
) -> Candidate | None:
    """The one that explains most; None if none explains anything.

    Args:
        graph: has the symptoms.
        reaches: what each candidate explains.
        open_numbers: of the severe symptoms that are to be explained.
        unexplained: what is explained by effects without a cause. Why: a candidate does not explain what follows from
            them much better.
    """
    best_of = {
        number: max((reach.confidence.get(number, 0.0) for reach in (*reaches.values(), *unexplained)), default=0.0)
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
        score = sum(
            _weight(graph.symptoms[number], graph.symptoms[root]) * reach.confidence[number] for number in explains
        )
        if graph.symptoms[root].rule.role is Role.PLACE:
            score *= PLACE_WEIGHT
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


def _weight(symptom: FoundSymptom, root: FoundSymptom) -> float:
    """What a severe symptom counts for a candidate. What a start leads to is expected to heal, even if it goes on."""
    is_lasting = symptom.is_ongoing and root.rule.heals_within_ns is None
    is_batch = (symptom.workload_id or symptom.entity_id).partition("/")[0] in _BATCH_KINDS
    return (
        _WEIGHTS[symptom.rule.severity] * (1.0 if is_lasting else HEALED_WEIGHT) * (BATCH_WEIGHT if is_batch else 1.0)
    )


def _began_alike(graph: CausalGraph, root: int, other: int) -> bool:
    """Whether two roots are one story: one object changed in several ways, or several pods of one workload alike."""
    one, two = graph.symptoms[root], graph.symptoms[other]
    if one.entity_id == two.entity_id:
        return True
    return one.rule.name == two.rule.name and one.workload_id is not None and one.workload_id == two.workload_id
