"""The confidence of a finding: the product of terms that a reader can follow, each with its reason."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence

from analyzer.knowledge.feedback import describe_feedback, feedback_factor
from analyzer.knowledge.rules import Nature, PatternRule, Role
from analyzer.reasoning.causal_graph import CausalGraph
from analyzer.reasoning.comparison import FOR
from analyzer.reasoning.root_cause import Candidate
from formats.postmortem.findings import Comparison, ConfidenceTerm

REFUTATION_FACTOR = 0.7
"""For each thing found that speaks against the pattern."""

LOSS_FACTOR = 0.85
"""If events of the decisive time are missing: what is not there cannot speak against it."""

RIVAL_FACTOR = 0.8
"""If another candidate explains nearly as much."""

NO_PATTERN_FACTOR = 0.85
"""If the graph explains it but no pattern names it."""

BEGINS_BY_ITSELF_FACTOR = 0.85
"""If it begins with a symptom: something not recorded may have caused that."""

PLACE_FACTOR = 0.5
"""If it begins with what tells only where something fails. Why: of three such findings on live incidents none was
right, at 0.6 to 0.8 with the factor before."""

UNEXPLAINED_FACTOR = 0.3
"""If it begins with what can only be an effect: the cause itself was not recorded."""

CONTRAST_DOUBT = 0.8
"""The share of the doubt that is left if the pods that the change reached fail and their likes do not."""

COVERAGE_SHARE = 0.3
"""How much of the confidence depends on the share of severe symptoms that the finding explains."""


def weigh_finding(
    candidate: Candidate,
    graph: CausalGraph,
    *,
    explained: Collection[int],
    has_pattern: bool,
    refutations: int,
    losses: int,
    contrast: Sequence[Comparison],
) -> Iterator[ConfidenceTerm]:
    """The terms of a finding's confidence, rounded to four digits.

    Args:
        candidate: the root cause.
        graph: all symptoms.
        explained: numbers of the symptoms that the finding explains.
        has_pattern: whether a pattern names it.
        refutations: how many statements speak against it.
        losses: how many losses overlap the decisive time.
        contrast: the root cause compared with what it did not reach.
    """
    terms = list(_doubts(candidate, graph, explained, has_pattern=has_pattern, refutations=refutations, losses=losses))
    yield from terms
    confidence = multiply_terms(terms)
    for comparison in contrast:
        if comparison.by == "pods" and comparison.speaks == FOR and confidence > 0:
            raised = 1 - (1 - confidence) * CONTRAST_DOUBT
            yield ConfidenceTerm("contrast", round(raised / confidence, 4), comparison.what)


def _doubts(
    candidate: Candidate,
    graph: CausalGraph,
    explained: Collection[int],
    *,
    has_pattern: bool,
    refutations: int,
    losses: int,
) -> Iterator[ConfidenceTerm]:
    """The terms of at most 1."""
    first = max(candidate.explains, key=lambda number: (candidate.reach.confidence[number], -number))
    path = candidate.reach.confidence[first]
    yield ConfidenceTerm("path", round(path, 4), f"the best path from the root cause to “{graph.symptoms[first].what}”")
    severe = [symptom for symptom in graph.symptoms.values() if symptom.is_severe]
    reached = sum(1 for symptom in severe if symptom.number in explained)
    coverage = 1 - COVERAGE_SHARE * (1 - reached / len(severe))
    yield ConfidenceTerm("coverage", round(coverage, 4), f"it explains {reached} of {len(severe)} severe symptoms")
    if not has_pattern and candidate.is_cause:
        yield ConfidenceTerm("pattern", NO_PATTERN_FACTOR, "no pattern matches this failure")
    if not candidate.is_cause:
        yield ConfidenceTerm("unexplained", UNEXPLAINED_FACTOR, "its cause was not recorded")
    elif candidate.root.rule.role is Role.PLACE:
        yield ConfidenceTerm(
            "origin", PLACE_FACTOR, "it is where the failure began, and why it began there is not known"
        )
    elif candidate.root.rule.nature is not Nature.CHANGE:
        yield ConfidenceTerm("origin", BEGINS_BY_ITSELF_FACTOR, "no change was found that could have caused it")
    if candidate.rivals:
        rival = graph.symptoms[candidate.rivals[0]]
        yield ConfidenceTerm("rival", RIVAL_FACTOR, f"“{rival.what}” explains nearly as much")
    if refutations:
        yield ConfidenceTerm(
            "refutation",
            round(REFUTATION_FACTOR**refutations, 4),
            f"{refutations} refutation{'' if refutations == 1 else 's'} found",
        )
    if losses:
        yield ConfidenceTerm("loss", LOSS_FACTOR, "events are missing from the relevant time")


def weigh_feedback(pattern: PatternRule | None) -> Iterator[ConfidenceTerm]:
    """The term of the verdicts on findings of a pattern (`tapio feedback`); none without verdicts."""
    if pattern is not None and pattern.verdicts is not None:
        yield ConfidenceTerm("feedback", round(feedback_factor(pattern), 4), describe_feedback(pattern))


def multiply_terms(terms: Iterable[ConfidenceTerm]) -> float:
    """The confidence, 0 to 1, rounded to four digits."""
    return min(round(math.prod(term.value for term in terms), 4), 1.0)
