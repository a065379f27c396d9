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


def test_report_says_what_it_cost_by_the_prices_of_a_file(tmp_path):
    prices, page = tmp_path / "costs.yaml", tmp_path / "page.md"
    prices.write_text("kind: Costs\ncurrency: EUR\ndefault: {per_minute: 60}\n", encoding="utf-8")
    run("report", INCIDENT, "-o", str(page))
    assert "EUR" not in page.read_text(encoding="utf-8")
    run("report", INCIDENT, "-o", str(page), "--costs", str(prices))
    assert "EUR by costs.yaml" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "shown"), [("page.html", "03:13:02 UTC+06:00</time>"), ("page.md", "03:13:02+06:00")])
def test_report_has_the_times_of_the_zone_that_is_asked_for(tmp_path, name, shown):
    run("report", INCIDENT, "-o", str(tmp_path / name), "--tz", "Asia/Dhaka")
    assert shown in (tmp_path / name).read_text(encoding="utf-8")


def test_page_may_be_read_by_whom_the_umask_allows(tmp_path):
    page = tmp_path / "page.html"
    before = os.umask(0o027)
    try:
        run("report", INCIDENT, "-o", str(page))
    finally:
        os.umask(before)
    assert stat.S_IMODE(page.stat().st_mode) == 0o640


@pytest.mark.parametrize("command", [["report", "-o"], ["graph", "--format=gexf", "-o"]])
def test_output_that_cannot_be_written_is_said_and_leaves_nothing(tmp_path, command):
    name, *options = command
    place = tmp_path / "not" / "there" / "out"
    with pytest.raises(OutputError, match="cannot be written"):
        run(name, INCIDENT, *options, str(place))
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


@pytest.mark.parametrize(
    ("name", "options", "begin"),
    [
        ("graph.graphml", [], '<?xml version="1.0" encoding="utf-8"?>\n<graphml'),
        ("GRAPH.GEXF", [], '<?xml version="1.0" encoding="utf-8"?>\n<gexf'),
        ("graph.json", [], "{"),
        ("graph.txt", ["--format", "json"], "{"),
        ("graph.json", ["--format", "gexf"], "<?xml"),
    ],
)
def test_graph_goes_to_a_file_of_the_format_that_its_name_or_the_option_says(tmp_path, name, options, begin):
    file = tmp_path / name
    assert run("graph", INCIDENT, "-o", str(file), *options) == f"{file}\n"
    assert file.read_text(encoding="utf-8").startswith(begin)


def test_format_that_nothing_tells_is_asked_for(tmp_path):
    with pytest.raises(UsageError, match="--format, one of graphml, gexf, json"):
        run("graph", INCIDENT, "-o", str(tmp_path / "graph"))
    assert list(tmp_path.iterdir()) == []


def test_graph_must_go_somewhere():
    with pytest.raises(UsageError, match="no output given"):
        run("graph", INCIDENT)


def test_neo4j_needs_a_password(monkeypatch, tmp_path):
    monkeypatch.delenv("NEO4J_PASSWORD", raising=False)
    with pytest.raises(UsageError, match="no password"):
        run("graph", INCIDENT, "--neo4j", "bolt://127.0.0.1:1")
    with pytest.raises(MissingInputError, match="password file"):
        run("graph", INCIDENT, "--neo4j", "bolt://127.0.0.1:1", "--password-file", str(tmp_path / "none"))


def test_suffix_md_gives_markdown(tmp_path):
    output = tmp_path / "x.md"
    run("report", INCIDENT, "-o", str(output))
    assert output.read_text(encoding="utf-8").startswith("### `A configuration change made cache outgrow")
