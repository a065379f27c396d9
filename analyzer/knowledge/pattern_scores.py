"""`tapio test`: how often each pattern was found where its tests say, and elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analyzer.knowledge.pattern_tests import TestResult


@dataclass(frozen=True, slots=True)
class PatternScore:
    """How often one pattern was found, over the recordings of the tests that were run.

    Attributes:
        pattern: its name.
        found: recordings in which it was found as a test says.
        missed: recordings in which a test says that it is found, and it was not found like that.
        wrong: recordings in which it was found although a test says that it, or another pattern at rank 1, is not.
    """

    pattern: str
    found: int
    missed: int
    wrong: int

    @property
    def precision(self) -> float | None:
        """The share of right ones among the recordings in which it was found; None if there are none."""
        return _share(self.found, self.wrong)

    @property
    def recall(self) -> float | None:
        """The share of those in which it was found among the recordings that have it; None if there are none."""
        return _share(self.found, self.missed)


def score_patterns(names: Sequence[str], results: Sequence[TestResult]) -> Iterator[PatternScore]:
    """The scores of these patterns.

    Args:
        names: of the patterns, in the order of the result.
        results: of all tests that were run.
    """
    found: dict[str, set[str]] = defaultdict(set)
    missed: dict[str, set[str]] = defaultdict(set)
    wrong: dict[str, set[str]] = defaultdict(set)
    for result in results:
        if result.test is None:
            continue
        capture = result.test.capture
        if result.test.root_kind is None:
            if result.problems and result.document is not None:
                found_there = {finding.pattern or "" for finding in result.document.findings}
                for name in found_there if result.test.is_nothing else {result.pattern}:
                    wrong[name].add(capture)
        elif not result.problems:
            found[result.pattern].add(capture)
        else:
            missed[result.pattern].add(capture)
            first = result.document.findings[:1] if result.document else ()
            for pattern in (finding.pattern for finding in first if finding.pattern != result.pattern):
                wrong[pattern or ""].add(capture)
    for name in names:
        yield PatternScore(name, len(found[name]), len(missed[name]), len(wrong[name]))


def _share(right: int, other: int) -> float | None:
    return right / (right + other) if right + other else None
