"""`tapio report` and `tapio graph`: outputs are whole or not there, and every mistake is one sentence."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import cli
from formats.errors import FormatError, MissingInputError, OutputError, TapioError, UsageError

DOCUMENTS = Path(__file__).parents[3] / "fixtures" / "documents"
INCIDENT = str(DOCUMENTS / "shop_incident.json")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_report_of_a_document_is_a_page_and_one_line_of_answer(tmp_path):
    # GIVEN a document WHEN its report is asked for
    page = tmp_path / "page.html"
    output = run("report", INCIDENT, "-o", str(page))
    # THEN the page is there, and the answer and its place are said
    assert output == f"A configuration change made cache outgrow its memory limit\n{page}\n"
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert list(tmp_path.iterdir()) == [page]


def test_page_may_be_read_by_whom_the_umask_allows(tmp_path):
    page = tmp_path / "page.html"
    before = os.umask(0o027)
    try:
        run("report", INCIDENT, "-o", str(page))
    finally:
        os.umask(before)
    assert stat.S_IMODE(page.stat().st_mode) == 0o640


@pytest.mark.parametrize("command", [["report", "-o"], ["graph", "--graphml"]])
def test_output_that_cannot_be_written_is_said_and_leaves_nothing(tmp_path, command):
    name, option = command
    place = tmp_path / "not" / "there" / "out"
    with pytest.raises(OutputError, match="cannot be written"):
        run(name, INCIDENT, option, str(place))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"{", FormatError),
        (b'{"version": 1}', FormatError),
        (b'{"\xff": 1}', FormatError),
        (b"", TapioError),
        (b"hello", TapioError),
        (b"PK\x03\x04", TapioError),
    ],
)
def test_what_is_neither_capture_nor_document_is_refused_in_one_sentence(tmp_path, content, error):
    file = tmp_path / "x"
    file.write_bytes(content)
    with pytest.raises(error) as caught:
        run("report", str(file), "-o", str(tmp_path / "page.html"))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "page.html").exists()


def test_missing_input_is_named(tmp_path):
    with pytest.raises(MissingInputError, match=r"nothing\.tapio"):
        run("report", str(tmp_path / "nothing.tapio"))


def test_graph_goes_to_a_file(tmp_path):
    file = tmp_path / "graph.graphml"
    assert run("graph", INCIDENT, "--graphml", str(file)) == f"{file}\n"
    assert "graphml" in file.read_text(encoding="utf-8")[:200]


def test_graph_must_go_somewhere():
    with pytest.raises(UsageError, match="nowhere to write"):
        run("graph", INCIDENT)


def test_neo4j_needs_a_password(monkeypatch, tmp_path):
    monkeypatch.delenv("NEO4J_PASSWORD", raising=False)
    with pytest.raises(UsageError, match="no password"):
        run("graph", INCIDENT, "--neo4j", "bolt://127.0.0.1:1")
    with pytest.raises(MissingInputError, match="password file"):
        run("graph", INCIDENT, "--neo4j", "bolt://127.0.0.1:1", "--password-file", str(tmp_path / "none"))
