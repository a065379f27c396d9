"""Where stories begin: the symptoms that nothing in the graph explains, and the changes.

A circle (two symptoms that may each have caused the other) explains nothing by itself: a circle that nothing outside
leads to begins with those of its members that no earlier member explains.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from analyzer.knowledge.rules import Nature
from analyzer.reasoning.causal_graph import MIN_EDGE_CONFIDENCE, CausalEdge, CausalGraph


def find_beginnings(graph: CausalGraph, severe: Collection[int], *, with_effects: bool = False) -> list[int]:
    """Numbers of the symptoms that a finding may begin with, sorted.

    Args:
        graph: all symptoms.
        severe: numbers of the severe symptoms; what neither is one of them nor leads anywhere is left out.
        with_effects: whether it may be a symptom that is always an effect (`role: effect`).
    """
    allowed = {
        number
        for number, symptom in graph.symptoms.items()
        if symptom.may_be_root or (with_effects and symptom.rule.nature is Nature.SYMPTOM)
    }
    edges = _explaining_edges(graph)
    incoming: dict[int, list[CausalEdge]] = defaultdict(list)
    for edge in edges:
        incoming[edge.target].append(edge)
    found = {number for number, symptom in graph.symptoms.items() if symptom.rule.nature is Nature.CHANGE}
    for circle in _find_circles(graph.symptoms, edges):
        members = set(circle)
        if all(edge.source in members for number in members for edge in incoming[number]):
            found |= _begin_of_circle(graph, members & allowed, incoming)
    leads = {edge.source for edge in graph.edges} | set(severe)
    return sorted(found & leads & allowed)


def _explaining_edges(graph: CausalGraph) -> list[CausalEdge]:
    """The edges that explain their effect: a link of a chain (context) explains only if it is explained itself."""
    strong = [edge for edge in graph.edges if edge.confidence >= MIN_EDGE_CONFIDENCE]

    def is_context(number: int) -> bool:
        return graph.symptoms[number].rule.nature is Nature.CONTEXT

    explained = {edge.target for edge in strong if not is_context(edge.source)}
    return [edge for edge in strong if not is_context(edge.source) or edge.source in explained]


def _begin_of_circle(
    graph: CausalGraph, allowed: Collection[int], incoming: Mapping[int, Sequence[CausalEdge]]
) -> set[int]:
    """Of those members of a circle that may begin a story, those that no earlier member explains; else the earliest."""
    first = {number for number in allowed if all(edge.lag_ns < 0 for edge in incoming[number])}
    if first or not allowed:
        return first
    return {min(allowed, key=lambda number: (graph.symptoms[number].from_ns, number))}


def _find_circles(numbers: Iterable[int], edges: Iterable[CausalEdge]) -> list[list[int]]:
    """The strongly connected components: most have one member. Kosaraju's algorithm, without recursion."""
    forward: dict[int, list[int]] = defaultdict(list)
    backward: dict[int, list[int]] = defaultdict(list)
    for edge in edges:
        forward[edge.source].append(edge.target)
        backward[edge.target].append(edge.source)
    seen: set[int] = set()
    finished: list[int] = []
    for start in sorted(numbers):
        _visit(start, forward, seen, finished)
    seen = set()
    circles = []
    for start in reversed(finished):
        circle: list[int] = []
        _visit(start, backward, seen, circle)
        if circle:
            circles.append(circle)
    return circles


def _visit(start: int, following: Mapping[int, Sequence[int]], seen: set[int], finished: list[int]) -> None:
    """Depth first from a symptom; adds each symptom that was not seen to `finished` when it is left."""
    if start in seen:
        return
    seen.add(start)
    waiting = [(start, iter(following.get(start, ())))]
    while waiting:
        number, rest = waiting[-1]
        for target in rest:
            if target not in seen:
                seen.add(target)
                waiting.append((target, iter(following.get(target, ()))))
                break
        else:
            waiting.pop()
            finished.append(number)
