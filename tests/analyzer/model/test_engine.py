"""Promises of `analyzer.model.engine`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
import pytest

from analyzer.model.engine import SMALL_EVENTS, Engine
from formats.errors import UsageError


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_json('https://example.com/x')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM duckdb_secrets()",
        "SELECT getenv('HOME')",
        "COPY (SELECT 1) TO '/tmp/tapio-was-here'",
        "ATTACH '/tmp/tapio-was-here' AS other",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET threads = 1",
        "SET enable_external_access = true",
        "PRAGMA memory_limit = '1TB'",
        "CALL pragma_version()",
        "CREATE TABLE mine (x INT)",
        "DROP VIEW process",
        "SELECT 1; SELECT 2",
        "",
        "selekt",
    ],
)
def test_a_users_query_reaches_nothing_but_the_capture(engine, query):
    # GIVEN a locked engine
    # WHEN a user asks for files, the network, settings, or changes something
    # THEN it is refused in one sentence
    with pytest.raises(UsageError) as refused:
        engine.ask(query)
    assert "\n" not in str(refused.value)
    assert not Path("/tmp/tapio-was-here").exists()


def test_python_objects_are_no_tables(engine):
    # GIVEN an Arrow table in a local variable
    hidden = pa.table({"secret": [1]})
    # WHEN a query names the variable
    # THEN there is no such table
    with pytest.raises(UsageError, match="hidden"):
        engine.ask("SELECT * FROM hidden")
    assert hidden.num_rows == 1


def test_a_query_is_answered_with_names_and_rows_up_to_a_limit(engine):
    assert engine.ask("SELECT range AS n FROM range(5)", 2) == (["n"], [(0,), (1,)])
    assert engine.ask("SELECT range AS n FROM range(2)") == (["n"], [(0,), (1,)])


def test_only_a_small_capture_is_answered_without_the_costly_optimizers():
    # GIVEN a product of tables with a condition, which must become a join whatever is left out
    query = "EXPLAIN SELECT a.range FROM range(9) a, range(9) b WHERE a.range = b.range"
    for events, leaves_out in ((SMALL_EVENTS, True), (SMALL_EVENTS + 1, False)):
        with Engine.for_events(events) as engine:
            left_out = engine.value("SELECT current_setting('disabled_optimizers')").split(",")
            assert ("join_order" in left_out) is leaves_out
            assert "filter_pushdown" not in left_out
            plan = engine.rows(query)[0][1]
            assert "Hash Join" in plan
            assert "Cross Product" not in plan


def test_rows_values_and_records_agree(engine):
    assert engine.rows("SELECT ?, 2", [1]) == [(1, 2)]
    assert engine.value("SELECT ?", [7]) == 7
    assert engine.value("SELECT 1 WHERE false") is None
    assert engine.records("SELECT 1 AS a, NULL AS b") == [{"a": 1, "b": None}]


def test_a_table_beyond_the_memory_limit_is_spilled_and_the_directory_goes_with_the_engine(monkeypatch, tmp_path):
    # GIVEN an engine that may hold 64 MB, whose temporary files lie in a directory of the test
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Engine(threads=1, memory_bytes=64_000_000) as engine:
        # WHEN a table is made that is larger
        engine.execute(
            "CREATE TABLE large AS SELECT md5(range::VARCHAR) AS a, md5((range + 1)::VARCHAR) AS b FROM range(700000)"
        )
        # THEN it can be asked, and lies in the private directory
        assert engine.value("SELECT count(DISTINCT a) FROM large") == 700_000
        (spill,) = tmp_path.iterdir()
        assert spill.stat().st_mode & 0o077 == 0
        assert any(spill.iterdir())
    # AND nothing is left
    assert list(tmp_path.iterdir()) == []
    engine.close()


def test_arrow_tables_are_registered_replaced_and_inserted_by_name(engine):
    engine.register("shown", pa.table({"x": [1]}))
    engine.register("shown", pa.table({"x": [2, 3]}))
    assert engine.rows("SELECT x FROM shown ORDER BY x") == [(2,), (3,)]
    engine.execute("CREATE TABLE kept (y INT, x INT)")
    engine.insert("kept", pa.table({"x": [5]}))
    assert engine.rows("SELECT * FROM kept") == [(None, 5)]
