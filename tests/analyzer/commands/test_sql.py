"""Promises of `tapio sql`."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import cli
from analyzer.commands import sql
from analyzer.model.build import build_model
from analyzer.model.engine_tables import declared_facts
from formats.catalog import TABLES
from formats.errors import UsageError
from formats.times import format_time, parse_time
from tests.analyzed import document_of
from tests.analyzer.capture_builder import CaptureBuilder, uid_of

DEMO = Path(__file__).resolve().parents[3] / "fixtures/incidents/demo.tapio"


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    builder = (
        CaptureBuilder(tmp_path_factory.mktemp("sql")).pod("api-1", at=0).service("db", cluster_ip="10.2.0.1", at=0)
    )
    builder.cgroup(1, "api-1", at=0)
    for index in range(3):
        builder.tcp("refused", 1.0 + index, cgroup_id=1, network__peer__address="10.2.0.1", network__peer__port=1)
        builder.next_segment()
    builder.kube_object("ConfigMap", "evil", {"data": {"K": "=cmd|'/c'!A1"}}, at=9)
    builder.kube_object("ConfigMap", "evil", {"data": {"K": "\x1b]0;x\x07\u202e"}}, at=10)
    return str(builder.write())


def ask(capture, *arguments, given=None):
    result = CliRunner().invoke(cli, ["sql", capture, *arguments], input=given)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_frequent_tables_are_there_whole_for_a_query_with_aligned_time_and_evidence(capture):
    output = ask(capture, "SELECT evidence, at_ns - min(at_ns) OVER () AS d FROM tcp ORDER BY at_ns", "--json")
    assert [json.loads(line) for line in output.splitlines()] == [
        {"evidence": f"tcp:node-1:{number}", "d": (number - 1) * 10**9} for number in (1, 2, 3)
    ]


def test_part_facts_are_there_whole_with_the_peers_of_all_segments(capture):
    output = ask(capture, "SELECT count(*) AS n, any_value(peer_id) AS peer FROM tcp_failure", "--json")
    assert json.loads(output) == {"n": 3, "peer": f"Service/{uid_of('Service/shop/db')}"}


@pytest.mark.parametrize("arguments", [(), (".tables",)])
def test_without_a_query_everything_that_can_be_asked_is_listed(capture, arguments):
    lines = ask(capture, *arguments).splitlines()
    listed = {line.split()[1] for line in lines[2:]}
    assert listed >= set(declared_facts()) | {table.name for table in TABLES} | {"entity", "relation", "change"}
    # AND each with its columns, those too that are computed only for a query
    columns = {line.split()[1]: line.split(maxsplit=2)[2:] for line in lines[2:]}
    assert [name for name, listed in columns.items() if not listed] == []
    assert "workload_id" in columns["entity"][0]
    assert columns["tcp"][0].startswith("time_unix_nano, ")


def test_text_of_the_capture_cannot_move_the_terminal(capture):
    output = ask(capture, "SELECT new_value, NULL AS nothing FROM change")
    assert "\x1b" not in output
    assert "\u202e" not in output
    assert "\\x1b]0;x\\x07\\u202e  NULL" in output


def test_csv_cells_are_no_formulas(capture):
    output = ask(capture, "SELECT old_value, -5 AS number, NULL AS nothing, '-x' AS minus FROM change", "--csv")
    assert list(csv.reader(output.splitlines())) == [
        ["old_value", "number", "nothing", "minus"],
        ["'=cmd|'/c'!A1", "-5", "", "'-x"],
    ]


def test_people_are_shown_so_many_rows_and_told_of_more(capture, monkeypatch):
    monkeypatch.setattr(sql, "ROWS_SHOWN", 2)
    lines = ask(capture, "SELECT range FROM range(5)").splitlines()
    assert lines[2:] == ["0", "1", "… only the first 2 rows are shown; --json and --csv print all of them"]


def test_values_of_any_type_are_json(capture):
    output = ask(capture, "SELECT '\\xAA'::BLOB AS b, [1, 2] AS l, {'x': 1} AS s, DATE '2026-01-01' AS d", "--json")
    assert json.loads(output) == {"b": "aa", "l": [1, 2], "s": {"x": 1}, "d": "2026-01-01"}


@pytest.mark.parametrize(
    "query",
    [
        "DROP TABLE entity",
        "SELECT * FROM '/etc/passwd'",
        pytest.param("SELECT 1; SELECT 2", marks=pytest.mark.slow),
        pytest.param("SELECT nope", marks=pytest.mark.slow),
    ],
)
def test_what_is_no_question_to_the_capture_is_refused(capture, query):
    with pytest.raises(UsageError):
        ask(capture, query)


def test_times_are_shown_as_times_to_people_and_as_integers_to_programs(capture):
    query = "SELECT min(at_ns) AS first_ns, max(at_ns) - min(at_ns) AS lasted_ns FROM tcp"
    shown = ask(capture, query).splitlines()[2].split()
    given = json.loads(ask(capture, query, "--json"))
    assert shown == [format_time(given["first_ns"]), "2000000000"]


def test_a_line_per_value_has_values_whole(capture):
    output = ask(capture, "SELECT repeat('x', 300) AS long, NULL AS b FROM range(2)", "--line")
    row = f"long = {'x' * 300}\n   b = NULL\n"
    assert output == f"{row}\n{row}"


@pytest.mark.parametrize(("columns", "is_table"), [(40, True), (20, False)])
def test_a_table_that_is_wider_than_the_terminal_is_printed_in_lines(capture, monkeypatch, columns, is_table):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sql, "is_terminal", lambda: True)
    output = ask(capture, f"SELECT '{'x' * 30}' AS text")
    assert output.startswith("text\n" if is_table else "text = ")


def test_a_query_is_read_from_standard_input(capture):
    assert json.loads(ask(capture, "-", "--json", given="SELECT 1 AS one\n")) == {"one": 1}


def test_two_forms_of_output_are_refused(capture):
    assert "--csv and --json exclude each other" in ask(capture, "SELECT 1", "--json", "--csv")


@pytest.mark.parametrize(
    ("query", "suggested"),
    [("SELECT * FROM oom_kil", 'Did you mean "oom_kill"?'), ("SELECT pod_ids FROM tcp_failure", '"pod_id"')],
)
def test_what_duckdb_suggests_is_told(capture, query, suggested):
    with pytest.raises(UsageError, match=re.escape(suggested)):
        ask(capture, query)


def test_what_the_analysis_found_can_be_queried():
    document = document_of(DEMO)
    symptoms = {symptom.id: symptom for symptom in document.symptoms}
    query = """
        SELECT finding.rank, cause.name AS cause, rule, effect.name AS effect, cause.from_ns
        FROM finding, edge JOIN symptom AS cause ON cause.id = source JOIN symptom AS effect ON effect.id = target
        WHERE list_contains(chain, source) AND list_contains(chain, target) ORDER BY ALL
    """
    rows = [json.loads(line) for line in ask(str(DEMO), query, "--json").splitlines()]
    told = [
        {
            "rank": finding.rank,
            "cause": symptoms[edge.source].name,
            "rule": edge.rule,
            "effect": symptoms[edge.target].name,
            "from_ns": parse_time(symptoms[edge.source].begin),
        }
        for finding in document.findings
        for edge in document.edges
        if {edge.source, edge.target} <= {step.symptom_id for step in finding.chain}
    ]
    assert told
    assert rows == sorted(told, key=lambda row: tuple(row.values()))


def test_only_what_a_query_names_is_computed(capture, monkeypatch):
    # GIVEN
    wanted = []
    begun = build_model

    def build(*arguments, **options):
        wanted.append(arguments[3])
        return begun(*arguments, **options)

    monkeypatch.setattr(sql, "build_model", build)
    for query, expected in (
        ('select count(*) from "oom"', {"missing"}),
        ("SELECT * FROM oom_kill JOIN entity ON true", {"oom_kill", "entity", "missing"}),
        ("with x as (select * from oom_kill) select * from x", None),  # not certain
        ("select 1", None),
    ):
        # WHEN / THEN
        ask(capture, query)
        assert wanted.pop() == expected, query
