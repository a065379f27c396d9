"""Promises of `tapio cut`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from analyzer.cli import cli
from analyzer.knowledge.pattern_tests import run_pattern_tests
from analyzer.knowledge.rules import PatternTest
from tests.analyzed import document_of, shipped_knowledge

STATES = Path(__file__).parents[3] / "fixtures" / "states"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.mark.slow
def test_the_test_that_is_printed_fits_the_new_capture(tmp_path: Path) -> None:
    # GIVEN a capture that is cut
    source, small = STATES / "scaled-to-zero.tapio", tmp_path / "small.tapio"
    answer = run("cut", source, "-o", small, "--analyses", 2)
    assert answer.exit_code == 0, answer.output
    # THEN what is printed is an entry of `tests:` with the root cause and the chain of the finding
    head, _, text = answer.output.partition("tests:\n")
    finding = document_of(source).findings[0]
    assert f"Test for pattern {finding.pattern}:" in head
    assert yaml.safe_load("tests:\n" + text)["tests"] == [
        {
            "capture": str(small),
            "root_cause": {
                "kind": finding.root_cause.kind,
                "namespace": finding.root_cause.namespace,
                "name": finding.root_cause.name,
            },
            "chain": list(dict.fromkeys(step.symptom for step in finding.chain))[1:],
        }
    ]
    # AND the new capture passes that test
    (pattern,) = (rule for rule in shipped_knowledge().patterns if rule.name == finding.pattern)
    root = finding.root_cause
    chain = tuple(yaml.safe_load(text.partition("chain: ")[2]))
    test = PatternTest(f"{tmp_path}/own.yaml:1:1", small.name, root.kind, root.namespace, root.name, chain)
    results = run_pattern_tests([replace(pattern, tests=(test,))], document_of, [])
    assert [result.problems for result in results if result.where == test.where] == [()]
    # AND `tapio info` says that rows were left out
    assert "rows were left out on purpose" in run("info", small).output


@pytest.mark.slow
def test_json_says_what_was_done(tmp_path: Path) -> None:
    source, small = STATES / "scaled-to-zero.tapio", tmp_path / "small.tapio"
    told = json.loads(run("cut", source, "-o", small, "--analyses", 2, "--json").output)
    assert told["rows"] <= told["rows_before"]
    assert (told["analyses"], told["is_complete"], told["losses"]) == (2, False, 0)
    assert told["bytes"] == small.stat().st_size
