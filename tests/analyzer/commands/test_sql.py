"""Promises of `tapio sql`."""

from __future__ import annotations

import csv
import json

import pytest
from click.testing import CliRunner

from analyzer.cli import cli
from analyzer.commands import sql
from analyzer.model.engine_tables import declared_facts
from formats.catalog import TABLES
from formats.errors import UsageError
from tests.analyzer.capture_builder import CaptureBuilder, uid_of


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


def ask(capture, *arguments):
    result = CliRunner().invoke(cli, ["sql", capture, *arguments])
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


def test_without_a_query_everything_that_can_be_asked_is_listed(capture):
    lines = ask(capture).splitlines()
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
