"""Promises of `tapio test --coverage`: each rule is named with the recordings that exercise it, or as never exercised."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from analyzer.knowledge.coverage import describe_coverage
from analyzer.prediction.predict import predict_capture
from formats.capture.reading import open_capture
from tests.analyzed import document_of, shipped_knowledge

FIXTURES = Path(__file__).parents[3] / "fixtures"
INCIDENT = FIXTURES / "captures" / "configmap-missing-key.tapio"
LEAK = FIXTURES / "prediction" / "leak.tapio"


@pytest.fixture(scope="module")
def lines() -> list[str]:
    predictions, _judged, _events = predict_capture(open_capture(LEAK), shipped_knowledge())
    return list(describe_coverage(shipped_knowledge(), {"incident": document_of(INCIDENT)}, {"leak": predictions}))


def test_patterns_and_trends_are_named_with_the_recordings_that_exercise_them(lines: list[str]) -> None:
    assert lines[0] == "Coverage by 2 recordings:"
    assert "  config-key-missing: incident" in lines
    assert "  memory-reaches-limit: leak" in lines


def test_what_nothing_exercises_is_counted_and_named(lines: list[str]) -> None:
    knowledge = shipped_knowledge()
    assert f"1 of {len(knowledge.patterns)} patterns are exercised" in lines
    assert f"1 of {len(knowledge.trends)} trends are exercised" in lines
    never = {line for line in lines if line.startswith("  never exercised: ")}
    assert any("quota-fills-up" in line for line in never)
    assert any("claim-without-volume" in line and "config-key-missing" not in line for line in never)
    assert any(line.endswith(" mechanisms are exercised") for line in lines)


def test_a_kind_of_rule_that_is_not_tested_is_left_out() -> None:
    nothing = replace(shipped_knowledge(), patterns=(), trends=(), causes=(), mechanisms=())
    assert list(describe_coverage(nothing, {}, {})) == ["Coverage by 0 recordings:"]
