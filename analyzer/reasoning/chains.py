"""Chains: the line through the causality graph that tells an incident best, from the root cause to the last effect."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping, Sequence

from analyzer.reasoning.causality import CausalGraph, Edge
from analyzer.reasoning.root_cause import MIN_CONFIDENCE, Candidate

MAX_GOALS = 8
"""Symptoms of one name that are tried as a waypoint, the most certain first. Why: each costs one search."""


def tell_chain(candidate: Candidate, graph: CausalGraph, waypoints: Sequence[str]) -> tuple[Edge, ...]:
    """The edges of the chain, in causal order; empty if the candidate explains itself alone.

    Args:
        candidate: the root and what it explains.
        graph: where the edges are.
        waypoints: names of symptoms that the chain should pass in this order, where it can (a pattern's `chain`).

    The chain goes from waypoint to waypoint by the most confident paths, then on to the effect that is furthest away
    (of several, the one that was hit hardest).
    """
    outgoing = graph.outgoing()
    allowed = set(candidate.reach.confidence)
    here = candidate.root.number
    chain: list[Edge] = []
    passed = {here}
    for position, name in enumerate(waypoints):
        if graph.symptoms[here].rule.name == name:
            continue
        paths = _paths_from(here, outgoing, allowed, passed)
        goals = sorted(
            (number for number in paths if graph.symptoms[number].rule.name == name),
            key=lambda number: (-_product(paths[number]), number),
        )
        if not goals:
            continue
        # Of several (the pods of a lost node) the one from which the story goes on furthest.
        here = min(
            goals[:MAX_GOALS],
            key=lambda number: _rest_of_story(number, waypoints[position + 1 :], graph, outgoing, allowed - passed),
        )
        chain += paths[here]
        passed |= {edge.target for edge in paths[here]}
    paths = _paths_from(here, outgoing, allowed, passed)
    ends = [number for number in paths if graph.symptoms[number].is_severe]
    if ends:
        # Of several that are equally far away, the one that was hit hardest.
        end = min(
            ends,
            key=lambda number: (
                -len(paths[number]),
                -(graph.symptoms[number].magnitude or 0),
                -_product(paths[number]),
                number,
            ),
        )
        chain += paths[end]
    return tuple(chain)


def _rest_of_story(
    number: int,
    waypoints: Sequence[str],
    graph: CausalGraph,
    outgoing: Mapping[int, Sequence[Edge]],
    allowed: Collection[int],
) -> tuple[int, int]:
    """Sorts first what leads to more of the further waypoints, then to more severe symptoms."""
    reached = [graph.symptoms[other] for other in _paths_from(number, outgoing, allowed, {number})]
    names = {symptom.rule.name for symptom in reached}
    return -len(names.intersection(waypoints)), -sum(1 for symptom in reached if symptom.is_severe)


def _paths_from(
    root: int, outgoing: Mapping[int, Sequence[Edge]], allowed: Collection[int], passed: Collection[int]
) -> dict[int, tuple[Edge, ...]]:
    """The most confident path to each symptom in reach that is allowed and not passed yet."""
    paths: dict[int, tuple[Edge, ...]] = {}
    waiting: list[tuple[float, int, tuple[int, ...], tuple[Edge, ...]]] = [(-1.0, 0, (root,), ())]
    while waiting:
        negative, hops, numbers, edges = heapq.heappop(waiting)
        number = numbers[-1]
        if number in paths:
            continue
        paths[number] = edges
        for edge in outgoing.get(number, ()):
            if edge.target in paths or edge.target not in allowed or edge.target in passed:
                continue
            if edge.confidence >= MIN_CONFIDENCE:
                longer = (negative * edge.confidence, hops + 1, (*numbers, edge.target), (*edges, edge))
                heapq.heappush(waiting, longer)
    del paths[root]
    return paths


def _product(edges: Sequence[Edge]) -> float:
    product = 1.0
    for edge in edges:
        product *= edge.confidence
    return product
