"""Promises of `tapio test`: a difference is readable, its place is told, and the exit code says it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from click.testing import CliRunner

import analyzer.commands.test
from analyzer.analyze import analyze_capture
from analyzer.cli import cli
from formats.errors import UsageError
from tests.analyzed import shipped_knowledge

documents = {}
"""By capture and rules without their tests: documents that were made already."""


def _analyze_once(capture, knowledge):
    """As `analyze_capture`; what a document says does not depend on the tests of patterns and where these stand."""
    patterns = tuple(replace(pattern, tests=(), where="", places={}) for pattern in knowledge.patterns)
    key = (capture.path.resolve(), msgspec.json.encode((patterns, knowledge.causes)))
    if key not in documents:
        documents[key] = analyze_capture(capture, knowledge)
    return documents[key]


@pytest.fixture(autouse=True)
def analyzed_once(monkeypatch):
    monkeypatch.setattr(analyzer.commands.test, "analyze_capture", _analyze_once)


FOLDER = Path(__file__).parents[3] / "fixtures" / "captures"

PATTERN = """
kind: Pattern
name: own
title: "{{root}} is at fault"
category: own
meaning: "Own knowledge."
root: [config-changed]
requires: [container-oom-killed, container-crash-looping, service-without-endpoints]
chain: [container-oom-killed]
tests:
{tests}
"""
FOUND = "  - {capture: oom.tapio, root_cause: {kind: ConfigMap, namespace: shop, name: cache-config}}\n"
ABSENT = "  - {capture: healthy.tapio, finding: none}\n"


def run(tmp_path, tests, *arguments):
    for link, name in (("oom", "configmap-oom-crashloop"), ("healthy", "healthy-idle-jobs")):
        if not (tmp_path / f"{link}.tapio").exists():
            (tmp_path / f"{link}.tapio").symlink_to(FOLDER / f"{name}.tapio")
    (tmp_path / "own.yaml").write_text(PATTERN.format(tests=tests))
    return CliRunner().invoke(cli, ["test", str(tmp_path / "own.yaml"), *arguments], catch_exceptions=False)


@pytest.mark.slow
def test_own_pattern_is_tested_beside_the_shipped_knowledge(tmp_path):
    answer = run(tmp_path, FOUND + ABSENT)
    assert answer.exit_code == 0, answer.output
    assert "2 tests of 1 patterns and 0 change rules: 2 passed, 0 failed" in answer.output


def test_difference_is_told_with_its_place(tmp_path):
    wrong = FOUND.replace("cache-config", "other-config")
    answer = run(tmp_path, wrong + ABSENT.replace("healthy", "oom"), "--junit", str(tmp_path / "results.xml"))
    assert answer.exit_code == 1
    assert (
        "own.yaml:11:5: expected the root cause ConfigMap shop/other-config, found ConfigMap shop/cache-config"
        in answer.output
    )
    assert "own.yaml:12:5: expected no finding of own, found ConfigMap shop/cache-config (rank 1" in answer.output
    suite = ET.parse(tmp_path / "results.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "2")
    assert suite[0][0].get("message").startswith("expected the root cause")


@pytest.mark.slow
def test_missing_step_of_the_chain_is_told(tmp_path):
    answer = run(tmp_path, FOUND.replace("}}\n", "}, chain: [config-changed, image-pull-failing]}\n") + ABSENT)
    assert answer.exit_code == 1
    assert "expected image-pull-failing after config-changed in the chain, found config-changed → " in answer.output


@pytest.mark.slow
def test_pattern_that_was_not_found_is_told_with_what_was(tmp_path):
    answer = run(tmp_path, FOUND.replace("oom.tapio", "healthy.tapio") + ABSENT)
    assert "expected a finding of own, found nothing" in answer.output


def test_pattern_without_a_negative_test_fails(tmp_path):
    answer = run(tmp_path, FOUND)
    assert answer.exit_code == 1
    assert "has no test with a recording that must not match" in answer.output


@pytest.mark.slow
def test_capture_that_is_not_there_fails_its_test(tmp_path):
    answer = run(tmp_path, FOUND + ABSENT.replace("healthy", "absent"))
    assert answer.exit_code == 1
    assert "the capture `absent.tapio` does not exist" in answer.output


CAUSE = """
---
kind: Cause
name: never
from: [config-changed]
to: [container-oom-killed]
through: "Pod -CONTAINS-> Container"
lag: [0s, 1s]
confidence: 0.5
says: "{cause} and {effect}"
"""


@pytest.mark.slow
def test_coverage_names_the_recordings_of_a_pattern_and_what_no_recording_exercises(tmp_path):
    # GIVEN a pattern that is found, one that is not, and a cause that never applies
    other = PATTERN.format(tests=ABSENT).replace("name: own", "name: other").replace("config-changed", "node-not-ready")
    answer = run(tmp_path, FOUND + "---" + other + CAUSE, "--coverage")
    lines = answer.output.splitlines()
    # THEN the coverage is shown before the summary
    assert lines[-10:-4] == [
        "Coverage by 2 recordings:",
        f"  own: {tmp_path.name}/oom.tapio",
        "1 of 2 patterns are exercised",
        "  never exercised: other",
        "0 of 1 causes are exercised",
        "  never exercised: never",
    ]
    assert "Coverage" not in run(tmp_path, FOUND).output


def test_scores_of_each_tested_pattern_are_shown(tmp_path):
    answer = run(tmp_path, FOUND.replace("cache-config", "other-config") + ABSENT.replace("healthy", "oom"))
    assert [line.split() for line in answer.output.splitlines()[-3:-1]] == [
        ["PATTERN", "FOUND", "MISSED", "WRONG", "PRECISION", "RECALL"],
        ["own", "0", "1", "1", "0.00", "0.00"],
    ]


@pytest.mark.slow
def test_update_shows_the_difference_and_the_next_run_passes(tmp_path):
    # GIVEN a test that expects another root cause
    wrong = FOUND.replace("cache-config", "other-config") + ABSENT
    # WHEN
    answer = run(tmp_path, wrong, "--update")
    # THEN the difference is shown, and the file says what was found
    assert answer.exit_code == 0
    assert (
        "-  - {capture: oom.tapio, root_cause: {kind: ConfigMap, namespace: shop, name: other-config}}" in answer.output
    )
    assert "1 passed, 1 failed, 1 of them rewritten" in answer.output
    written = (tmp_path / "own.yaml").read_text()
    assert 'name: "cache-config"' in written
    assert run(tmp_path, written.partition("tests:\n")[2]).exit_code == 0


def test_update_without_paths_is_refused():
    with pytest.raises(UsageError, match="needs PATHS"):
        CliRunner().invoke(cli, ["test", "--update"], catch_exceptions=False, standalone_mode=False)


def test_a_test_of_nothing_fails(tmp_path):
    # GIVEN a directory without YAML, and one without patterns
    (tmp_path / "empty").mkdir()
    (tmp_path / "causes.yaml").write_text(CAUSE)
    for path in (tmp_path / "empty", tmp_path / "causes.yaml"):
        answer = CliRunner().invoke(cli, ["test", str(path)], catch_exceptions=False)
        assert answer.exit_code == 1
        assert f"nothing was tested: there is no pattern or change rule in {path}" in answer.output


def test_only_rules_of_a_name_are_tested_on_request():
    chosen = CliRunner().invoke(cli, ["test", "-k", "no-such-name"], catch_exceptions=False)
    assert chosen.exit_code == 1
    assert "nothing was tested: there is no pattern or change rule whose name contains 'no-such-name'" in chosen.output
    change = next(rule.name for rule in shipped_knowledge().changes)
    one = CliRunner().invoke(cli, ["test", "-k", change], catch_exceptions=False)
    assert one.exit_code == 0
    assert " of 0 patterns and 1 change rules" in one.output


ELSEWHERE = "  - {capture: evicted.tapio, finding: FINDING}\n"


@pytest.mark.parametrize(("finding", "passes"), [("none", True), ("nothing", False)])
def test_nothing_means_no_finding_of_any_pattern(tmp_path, finding, passes):
    (tmp_path / "evicted.tapio").symlink_to(FOLDER / "emptydir-limit-evicted.tapio")
    result = run(tmp_path, FOUND + ELSEWHERE.replace("FINDING", finding))
    assert (result.exit_code == 0) is passes
    assert ("expected no finding at all, found " in result.output) is not passes


def test_in_a_recording_that_is_called_healthy_none_means_nothing(tmp_path):
    (tmp_path / "healthy-shop.tapio").symlink_to(FOLDER / "emptydir-limit-evicted.tapio")
    result = run(tmp_path, FOUND + "  - {capture: healthy-shop.tapio, finding: none}\n")
    assert result.exit_code == 1
    assert "FAIL  nothing is found in healthy-shop (own)" in result.output


def test_another_patterns_finding_does_not_rewrite_a_test_that_expects_nothing(tmp_path):
    (tmp_path / "healthy-shop.tapio").symlink_to(FOLDER / "emptydir-limit-evicted.tapio")
    before = FOUND + "  - {capture: healthy-shop.tapio, finding: none}\n"
    result = run(tmp_path, before, "--update")
    assert result.exit_code == 1
    assert before in (tmp_path / "own.yaml").read_text()
