"""Promises of `tapio feedback`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analyzer.cli import cli
from formats.errors import UsageError
from tests.analyzed import document_of

CAPTURE = Path(__file__).parents[3] / "fixtures" / "states" / "scaled-to-zero.tapio"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], catch_exceptions=False)


def test_a_verdict_is_recorded_once_and_moves_the_confidence(tmp_path: Path) -> None:
    # GIVEN a finding and its confidence
    file, before = tmp_path / "team.jsonl", document_of(CAPTURE).findings[0]
    # WHEN a person says twice that it is wrong
    first = run("feedback", CAPTURE, 1, "--wrong", "--file", file)
    again = run("feedback", CAPTURE, 1, "--wrong", "--file", file)
    # THEN the file has one line
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert "0 right and 1 wrong" in first.output
    assert "already says so" in again.output
    (line,) = file.read_text().splitlines()
    assert json.loads(line)["pattern"] == before.pattern
    # AND the confidence is lower, with the reason
    (after, *_) = json.loads(run("analyze", CAPTURE, "--json", "--feedback", file).output)["findings"]
    assert after["confidence"] < before.confidence
    assert after["confidence_terms"][-1]["term"] == "feedback"
    assert "team.jsonl" in after["confidence_terms"][-1]["why"]
    assert "0 right and 1 wrong" in run("pattern", "show", before.pattern, "--feedback", file).output


@pytest.mark.slow
def test_a_cause_is_an_object_of_the_capture(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no object named 'deploy/nobody' was recorded"):
        run("feedback", CAPTURE, 1, "--wrong", "--cause", "deploy/nobody", "--file", tmp_path / "x.jsonl")
    assert not (tmp_path / "x.jsonl").exists()


@pytest.mark.parametrize("arguments", [[], ["--right", "--cause", "deploy/api"]])
def test_a_verdict_is_needed_and_a_cause_needs_wrong(arguments: list[str]) -> None:
    assert run("feedback", CAPTURE, 1, *arguments).exit_code == 2
