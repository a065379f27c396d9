"""Promises of `tapio test --update`: what was found becomes what is expected, and nothing else in the file changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from analyzer.knowledge import pattern_tests
from analyzer.knowledge.expectation_updates import new_expectation, rewrite_tests
from tests.analyzed import document_of

CAPTURES = Path(__file__).parents[3] / "fixtures" / "captures"

FOUND = ['root_cause: {kind: "ConfigMap", name: "x"}', "chain: [config-changed]"]
FILE = """\
# Écrit à la main.
tests:
  # The night.
  - capture: "night.tapio"
    root_cause:
      kind: Pod   # a pod
      name: a

  # The day.
  - {capture: day.tapio, finding: none}
---
tests: [{capture: dusk.tapio, finding: none}, {capture: dawn.tapio, finding: none}]
"""


@pytest.fixture(scope="module")
def result():
    document = document_of(CAPTURES / "configmap-oom-crashloop.tapio")
    return pattern_tests.TestResult("config-out-of-memory", "a test", "own.yaml:1:1", ("differs",), None, document)


def test_a_block_stays_a_block_and_comments_around_it_stay():
    assert rewrite_tests(FILE, {(4, 5): FOUND}) == FILE.replace(
        "    root_cause:\n      kind: Pod   # a pod\n      name: a\n", f"    {FOUND[0]}\n    {FOUND[1]}\n"
    )


def test_tests_in_braces_and_several_at_once_are_rewritten():
    new = rewrite_tests(FILE, {(10, 5): FOUND, (12, 9): FOUND, (4, 5): ["finding: none"]})
    assert f"  - {{capture: day.tapio, {', '.join(FOUND)}}}\n" in new
    assert f"tests: [{{capture: dusk.tapio, {', '.join(FOUND)}}}, {{capture: dawn.tapio, finding: none}}]" in new
    assert '  - {capture: "night.tapio", finding: none}\n\n  # The day.' in new


def test_lines_keep_their_ends():
    windows = FILE.replace("\n", "\r\n")
    assert rewrite_tests(windows, {(10, 5): ["finding: none"]}) == windows


def test_the_expectation_is_the_finding_of_the_pattern(result):
    assert new_expectation(result) == [
        'root_cause: {kind: "ConfigMap", namespace: "shop", name: "cache-config"}',
        "chain: [workload-restarted, container-oom-killed, container-crash-looping, service-without-endpoints]",
    ]
    assert new_expectation(replace(result, pattern="node-lost")) == ["finding: none"]


def test_a_test_that_passed_has_no_recording_or_another_rank_is_left_alone(result):
    assert new_expectation(replace(result, problems=())) is None
    assert new_expectation(replace(result, document=None)) is None
    second = replace(result.document.findings[0], rank=2)
    assert new_expectation(replace(result, document=replace(result.document, findings=(second,)))) is None
