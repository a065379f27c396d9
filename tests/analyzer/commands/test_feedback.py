"""Promises of `tapio feedback`."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analyzer.cli import cli
from analyzer.importers.capturing import import_kubernetes
from fixtures.states.cluster import healthy_cluster
from fixtures.states.services import service_port_number, service_protocol
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


def test_the_printed_command_means_the_same_files_in_a_shell(tmp_path: Path) -> None:
    # GIVEN paths that a shell would take apart
    capture, file = tmp_path / "a b; touch c.tapio", tmp_path / "$(team)'s.jsonl"
    shutil.copy(CAPTURE, capture)
    # WHEN a verdict is recorded
    printed = run("feedback", capture, 1, "--right", "--file", file).output.splitlines()[-1]
    # THEN the command that uses it has these paths as its arguments
    command = printed.removeprefix("To use the file: ")
    assert shlex.split(command) == ["tapio", "analyze", str(capture), "--feedback", str(file)]


@pytest.fixture(scope="module")
def two_failures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture with two findings that nothing connects."""
    directory, cluster = tmp_path_factory.mktemp("two"), healthy_cluster()
    service_protocol(cluster)
    service_port_number(cluster)
    lines, capture = directory / "two.jsonl", directory / "two.tapio"
    lines.write_text("".join(json.dumps(line) + "\n" for line in cluster.lines()), encoding="utf-8")
    import_kubernetes([lines], capture, node_name="kube-api")
    return capture


def test_a_verdict_changes_the_order_of_findings_everywhere(two_failures: Path, tmp_path: Path) -> None:
    # GIVEN two findings
    file = tmp_path / "team.jsonl"
    before = json.loads(run("analyze", two_failures, "--json").output)["findings"]
    names = [finding["pattern"] for finding in before]
    assert len(set(names)) == 2
    # WHEN a person says of the first that it is wrong
    run("feedback", two_failures, 1, "--wrong", "--file", file)
    # THEN the second is first, with the ranks, the report and the impact in the same order
    document = run("analyze", two_failures, "--json", "--feedback", file).output
    after = json.loads(document)["findings"]
    assert [(finding["rank"], finding["pattern"]) for finding in after] == [(1, names[1]), (2, names[0])]
    page = tmp_path / "page.md"
    said = run("report", two_failures, "--feedback", file, "-o", page).output
    assert said.replace("harbor/", "").startswith(after[0]["title"].replace("harbor/", ""))
    impact = json.loads(run("impact", two_failures, "--json", "--feedback", file).output)
    assert [finding["pattern"] for finding in impact] == [names[1], names[0]]
    # AND their numbers are those of the next verdict: saying it of finding 2 now changes nothing
    assert "already says so" in run("feedback", two_failures, 2, "--wrong", "--file", file).output
    # AND the bytes are the same each time
    assert run("analyze", two_failures, "--json", "--feedback", file).output == document


@pytest.mark.slow
def test_a_verdict_on_a_finding_without_a_pattern_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "team.jsonl"
    unexplained = Path(__file__).parents[3] / "fixtures" / "town" / "packets-lost-seldom.tapio"
    answer = run("feedback", unexplained, 1, "--wrong", "--file", file)
    assert "No pattern names the finding: the verdict is kept and changes no confidence." in answer.output
    assert json.loads(file.read_text())["pattern"] == "unexplained"


def test_a_document_was_analyzed_already(tmp_path: Path) -> None:
    document = Path(__file__).parents[3] / "fixtures" / "documents" / "shop_incident.json"
    with pytest.raises(UsageError, match="have no effect on a document"):
        run("report", document, "--feedback", tmp_path / "team.jsonl", "-o", tmp_path / "page.html")


@pytest.mark.slow
def test_a_cause_is_an_object_of_the_capture(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no object named 'deploy/nobody' was recorded"):
        run("feedback", CAPTURE, 1, "--wrong", "--cause", "deploy/nobody", "--file", tmp_path / "x.jsonl")
    assert not (tmp_path / "x.jsonl").exists()


@pytest.mark.parametrize("arguments", [[], ["--right", "--cause", "deploy/api"]])
def test_a_verdict_is_needed_and_a_cause_needs_wrong(arguments: list[str]) -> None:
    assert run("feedback", CAPTURE, 1, *arguments).exit_code == 2
