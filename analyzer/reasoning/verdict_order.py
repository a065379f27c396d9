"""The order of findings after `tapio feedback`: what was called wrong moves down, what was called right moves up."""

from __future__ import annotations

import math
from collections.abc import Sequence

from analyzer.knowledge.feedback import feedback_factor
from analyzer.knowledge.rules import PatternRule
from analyzer.reasoning.causal_graph import CausalGraph
from analyzer.reasoning.patterns import match_pattern
from analyzer.reasoning.root_cause import Candidate


def order_by_verdicts(
    candidates: Sequence[Candidate], graph: CausalGraph, patterns: Sequence[PatternRule]
) -> tuple[Candidate, ...]:
    """The ranked candidates, reordered by the verdicts on the patterns that name them.

    Each is weighed with its score times the factor by which the verdicts change its confidence. A candidate whose score
    is higher than that of one ranked before it counts with the lower of the two, so that without verdicts the order
    stays as it is. Findings whose cause was not recorded stay last: no pattern names them.

    Args:
        candidates: as `rank_candidates` returns them, best first.
        graph: that they were found in.
        patterns: with their verdicts.
    """
    if all(pattern.verdicts is None for pattern in patterns):
        return tuple(candidates)
    weighed = []
    score = math.inf
    for candidate in candidates:
        score = min(score, candidate.score)
        match = match_pattern(candidate, graph, patterns)
        factor = feedback_factor(match.pattern) if match else 1.0
        weighed.append((not candidate.is_cause, -round(score * factor, 9), candidate))
    return tuple(candidate for *_key, candidate in sorted(weighed, key=lambda item: item[:2]))
