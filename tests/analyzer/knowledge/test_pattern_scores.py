"""Promises of the scores: right, missed and wrong findings are counted per recording."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.knowledge import pattern_tests
from analyzer.knowledge.pattern_scores import PatternScore, score_patterns
from analyzer.knowledge.rules import PatternTest
from tests.analyzed import document_of

CAPTURES = Path(__file__).parents[3] / "fixtures" / "captures"

OOM = "configmap-oom-crashloop"
OTHER = "config-out-of-memory"
"""The pattern that is found in it, at rank 1."""


@pytest.fixture(scope="module")
def found():
    return document_of(CAPTURES / f"{OOM}.tapio")


def result(pattern, capture, *, expected, problem=None, document=None):
    test = PatternTest("own.yaml:1:1", capture, "ConfigMap" if expected else None, None, "any", ())
    return pattern_tests.TestResult(pattern, "a test", "own.yaml:1:1", (problem,) if problem else (), test, document)


def test_a_pattern_that_is_found_as_its_tests_say_scores_one():
    results = [result("own", "a", expected=True), result("own", "b", expected=False)]
    assert list(score_patterns(["own"], results)) == [PatternScore("own", found=1, missed=0, wrong=0)]
    (score,) = score_patterns(["own"], results)
    assert (score.precision, score.recall) == (1, 1)


def test_a_finding_where_none_is_expected_lowers_precision_and_a_missed_one_recall(found):
    results = [
        result("own", "a", expected=True),
        result("own", "b", expected=True, problem="not found"),
        *(result("own", name, expected=False, problem="found", document=found) for name in "cde"),
    ]
    (score,) = score_patterns(["own"], results)
    assert (score.precision, score.recall) == (0.25, 0.5)


def test_a_pattern_at_rank_1_in_place_of_the_expected_one_is_wrong_there(found):
    results = [result("own", OOM, expected=True, problem="not found", document=found)]
    assert list(score_patterns([OTHER, "own"], results)) == [
        PatternScore(OTHER, found=0, missed=0, wrong=1),
        PatternScore("own", found=0, missed=1, wrong=0),
    ]


def test_a_pattern_that_no_recording_decides_has_no_precision_and_no_recall():
    # GIVEN a test whose recording does not exist, and one that is not about a recording
    results = [
        result("own", "absent", expected=False, problem="does not exist"),
        pattern_tests.TestResult("own", "x", "y", ("z",)),
    ]
    (score,) = score_patterns(["own"], results)
    assert (score.wrong, score.precision, score.recall) == (0, None, None)
