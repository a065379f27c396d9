"""Patterns: which named failure a ranked root cause looks like (`kind: Pattern`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from analyzer.knowledge.rules import PatternRule
from analyzer.reasoning.causal_graph import CausalGraph
from analyzer.reasoning.root_cause import Candidate


@dataclass(frozen=True, slots=True)
class Match:
    """A pattern that fits a candidate.

    Attributes:
        fit: 0 to 1: what share of the pattern's chain was found.
        found: names of the chain's symptoms that the candidate explains, in the pattern's order.
    """

    pattern: PatternRule
    fit: float
    found: tuple[str, ...]


def match_pattern(candidate: Candidate, graph: CausalGraph, patterns: Iterable[PatternRule]) -> Match | None:
    """The pattern that fits best; None if none does.

    A pattern fits if the root is one of its roots and all that it requires is explained (or is the root). Of several
    one that is not general wins, then the one that requires more, then the one of whose chain more was found, then the
    first by name.
    """
    matches = [match for pattern in patterns if (match := fit_pattern(pattern, candidate, graph)) is not None]
    return min(matches, key=order_of_matches, default=None)


def fit_pattern(pattern: PatternRule, candidate: Candidate, graph: CausalGraph) -> Match | None:
    """How one pattern fits a candidate; None if it does not."""
    explained = {graph.symptoms[number].rule.name for number in candidate.reach.confidence}
    if candidate.root.rule.name not in pattern.roots:
        return None
    if not all(explained.intersection(alternatives) for alternatives in pattern.requires):
        return None
    found = tuple(name for name in pattern.chain if name in explained)
    if pattern.chain and not found:
        return None
    return Match(pattern=pattern, fit=len(found) / len(pattern.chain) if pattern.chain else 1.0, found=found)


def order_of_matches(match: Match) -> tuple[bool, int, float, str]:
    """Of several patterns that fit, the first in this order is taken."""
    return match.pattern.is_general, -len(match.pattern.requires), -match.fit, match.pattern.name
