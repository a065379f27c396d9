"""Chains: the path in the causality graph that describes an incident best, from the root cause to the last effect."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from analyzer.reasoning.causal_graph import CausalEdge, CausalGraph
from analyzer.reasoning.root_cause import Candidate

MAX_GOALS = 8
"""Symptoms of one name that are tried as a waypoint, the most certain first. Why: each costs one search."""


def tell_chain(candidate: Candidate, graph: CausalGraph, waypoints: Sequence[str]) -> tuple[CausalEdge, ...]:
    """The edges of the chain, in causal order; empty if the candidate explains itself alone.

    Args:
        candidate: the root and what it explains.
        graph: where the edges are.
        waypoints: names of symptoms that the chain should pass in this order, where it can (a pattern's `chain`).

    The chain goes from waypoint to waypoint by the best paths, then on to the effect that is furthest away (of several,
    the one that was hit hardest).
    """
    allowed = set(candidate.reach.confidence)
    here = candidate.root.number
    chain: list[CausalEdge] = []
    passed = {here}
    for position, name in enumerate(waypoints):
        if graph.symptoms[here].rule.name == name:
            continue
        reach = graph.reach_from(here, within=allowed, without=passed)
        goals = sorted(
            (number for number in reach.last if graph.symptoms[number].rule.name == name),
            key=lambda number: (-reach.confidence[number], number),
        )
        if not goals:
            continue
        # Of several (the pods of a lost node) the one from which the story goes on furthest.
        here = min(
            goals[:MAX_GOALS],
            key=lambda number: _rest_of_story(number, waypoints[position + 1 :], graph, allowed - passed),
        )
        path = reach.path_to(here)
        chain += path
        passed |= {edge.target for edge in path}
    reach = graph.reach_from(here, within=allowed, without=passed)
    paths = {number: reach.path_to(number) for number in reach.last if graph.symptoms[number].is_severe}
    if paths:
        # Of several that are equally far away, the one that was hit hardest.
        end = min(
            paths,
            key=lambda number: (
                -len(paths[number]),
                -(graph.symptoms[number].magnitude or 0),
                -reach.confidence[number],
                number,
            ),
        )
        chain += paths[end]
    return tuple(chain)


def _rest_of_story(
    number: int, waypoints: Sequence[str], graph: CausalGraph, allowed: Collection[int]
) -> tuple[int, int]:
    """Sorts first what leads to more of the further waypoints, then to more severe symptoms."""
    reached = [graph.symptoms[other] for other in graph.reach_from(number, within=allowed).last]
    names = {symptom.rule.name for symptom in reached}
    return -len(names.intersection(waypoints)), -sum(1 for symptom in reached if symptom.is_severe)
