"""The causality graph and the one search through it, which ranking, chains and `tapio why` share.

The search has one cut-off and one tie rule:

* An edge below `MIN_EDGE_CONFIDENCE` and a path below `MIN_PATH_CONFIDENCE` explain nothing.
* Of several paths to a symptom the most confident one wins (product of its edges), then the one with fewer edges, then
  the one whose last edge comes from the symptom with the lower number, which is the one that began first.

Why not networkx: its Dijkstra breaks ties by the order in which edges were added and accepts no second criterion, and
its import costs more time than all searches of a capture. Who wants the graph as a networkx graph gets it from the
document: `reports.graph_model.Graph.to_networkx`.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:  # the search itself needs no engine, and `tapio why` has none where the analysis is kept
    from analyzer.reasoning.symptoms import FoundSymptom

MIN_EDGE_CONFIDENCE = 0.35
"""An edge below this explains nothing. Why: below it the symptom is better taken as its own beginning."""

MIN_PATH_CONFIDENCE = MIN_EDGE_CONFIDENCE**2
"""A path below this explains nothing: the weakest path that is reported has two edges of the minimum confidence."""

EARLY_FACTOR = 0.95
"""For an effect that was seen before its cause, where the rule admits that: a probe sees later than a caller."""

_EQUAL_DIGITS = 12
"""Paths whose confidence agrees to so many digits are equally confident: the order of factors must not decide."""


class Link(Protocol):
    """What the search needs of an edge; there is at most one from one symptom to another."""

    @property
    def source(self) -> int:
        """Number of the cause."""

    @property
    def target(self) -> int:
        """Number of the effect."""

    @property
    def confidence(self) -> float:
        """0 to 1."""


LinkT = TypeVar("LinkT", bound=Link)


@dataclass(frozen=True, slots=True)
class CausalEdge:
    """One causal link between two symptoms.

    Attributes:
        source, target: numbers of symptoms.
        rule: name of the `kind: Cause`.
        relation: the relation between the two entities, in words.
        lag_ns: begin of the effect after begin of the cause; negative if it was seen before.
        confidence: 0 to 1.
        how: how that number came about, in words.
        order_known: False if the clocks cannot tell which came first.
        says: the rule's sentence.
        evidence: event ids of the relation.
        is_outlasted: the effect goes on long after the cause was over.
    """

    source: int
    target: int
    rule: str
    relation: str
    lag_ns: int
    confidence: float
    how: str
    order_known: bool
    says: str
    evidence: tuple[str, ...]
    is_outlasted: bool = False


@dataclass(frozen=True, slots=True)
class Reach(Generic[LinkT]):
    """The best path from one symptom to every other that it explains.

    Attributes:
        root: number of the symptom where all paths begin.
        confidence: of the best path to each symptom in reach, by number; the root itself has 1.
        last: last edge of that path, by number; the root has none.
    """

    root: int
    confidence: Mapping[int, float]
    last: Mapping[int, LinkT]

    def path_to(self, number: int) -> tuple[LinkT, ...]:
        """The edges from the root to a symptom in reach; empty for the root itself.

        Raises:
            KeyError: the symptom is not in reach.
        """
        edges = []
        while number != self.root:
            edge = self.last[number]
            edges.append(edge)
            number = edge.source
        return tuple(reversed(edges))


@dataclass(frozen=True, slots=True)
class CausalGraph:
    """Symptoms and the edges between them.

    Attributes:
        symptoms: by number.
        edges: sorted by source and target; one per pair, the most confident.
        left_out: how many edges were left out because there were too many.
    """

    symptoms: Mapping[int, FoundSymptom]
    edges: tuple[CausalEdge, ...]
    left_out: int
    _outgoing: Mapping[int, Sequence[CausalEdge]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Sorts the edges by source, once for all searches."""
        object.__setattr__(self, "_outgoing", group_by_source(self.edges))

    def reach_from(
        self, root: int, *, within: Collection[int] | None = None, without: Collection[int] = frozenset()
    ) -> Reach[CausalEdge]:
        """See `find_best_paths`."""
        return find_best_paths(root, self._outgoing, within=within, without=without)


def group_by_source(links: Sequence[LinkT]) -> dict[int, list[LinkT]]:
    """The links that may be followed, by where they begin."""
    found: dict[int, list[LinkT]] = defaultdict(list)
    for link in links:
        if link.confidence >= MIN_EDGE_CONFIDENCE:
            found[link.source].append(link)
    return dict(found)


def find_best_paths(
    root: int,
    outgoing: Mapping[int, Sequence[LinkT]],
    *,
    within: Collection[int] | None = None,
    without: Collection[int] = frozenset(),
) -> Reach[LinkT]:
    """Dijkstra's search for the best path to everything in reach, by the rules of this module.

    Args:
        root: where all paths begin.
        outgoing: what `group_by_source` gives; the order of its edges does not matter.
        within: the only symptoms that paths may pass; None = all.
        without: symptoms that no path may pass.
    """
    confidence: dict[int, float] = {}
    last: dict[int, LinkT] = {}
    waiting: list[tuple[float, int, int, int, float, LinkT | None]] = [(-1.0, 0, root, root, 1.0, None)]
    while waiting:
        _order, edges, number, _source, product, link = heapq.heappop(waiting)
        if number in confidence:
            continue
        confidence[number] = product
        if link is not None:
            last[number] = link
        for following in outgoing.get(number, ()):
            target = following.target
            longer = product * following.confidence
            if longer < MIN_PATH_CONFIDENCE or target in confidence or target in without:
                continue
            if within is None or target in within:
                # Target and source name an edge: two entries never compare equal up to the edge itself.
                heapq.heappush(waiting, (-round(longer, _EQUAL_DIGITS), edges + 1, target, number, longer, following))
    return Reach(root=root, confidence=confidence, last=last)
