"""Laws over every declared table of the engine: its file says what DuckDB says, and reads what its SELECT reads."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import pytest

from analyzer.analyze import analyze_in
from analyzer.model.declarations import Scope
from analyzer.model.engine import Engine
from analyzer.model.engine_tables import declared_tables, read_tables
from analyzer.model.recorded_tables import FREQUENT_TABLES
from formats.capture.reading import open_capture
from formats.catalog import TABLES
from tests.analyzed import shipped_knowledge
from tests.analyzer.shipped_model import build_model

ROOT = Path(__file__).parents[2]
OF_LATER_STATIONS = {
    **read_tables(ROOT / "analyzer" / "reasoning"),
    **read_tables(ROOT / "analyzer" / "document"),
}
TABLES_OF_THE_ENGINE = {**declared_tables(), **OF_LATER_STATIONS}


@pytest.fixture(scope="module")
def described():
    """Columns with their types by table, as DuckDB has them."""
    found = {}
    capture = open_capture(ROOT / "fixtures" / "captures" / "healthy-idle-jobs.tapio")
    with Engine(threads=1) as engine:
        analyze_in(engine, capture, shipped_knowledge())
        found.update(_describe(engine, OF_LATER_STATIONS))
    with Engine(threads=1) as engine:
        build_model(capture, engine).go_through()
        found.update(_describe(engine, declared_tables()))
    return found


def _describe(engine, names):
    return {name: dict(row[:2] for row in engine.rows(f"DESCRIBE {name}")) for name in names}


def without_fields(duckdb_type):
    """STRUCT and MAP without what is in their brackets: the SELECT spells that."""
    name, bracket, rest = duckdb_type.partition("(")
    return name + ("[]" if bracket and rest.endswith("[]") else "")


def nodes_of(tree):
    """Every object of a syntax tree."""
    if isinstance(tree, dict):
        yield tree
    for child in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from nodes_of(child)


def syntax_of(select):
    with duckdb.connect() as connection:
        (text,) = connection.execute("SELECT json_serialize_sql(?)", [select]).fetchone()
    tree = json.loads(text)
    assert not tree["error"], tree
    return list(nodes_of(tree))


@pytest.mark.parametrize("name", TABLES_OF_THE_ENGINE)
def test_declared_columns_and_types_are_those_of_duckdb(name, described):
    found = {column: without_fields(kind) for column, kind in described[name].items()}
    assert TABLES_OF_THE_ENGINE[name].types == found


@pytest.mark.parametrize("name", TABLES_OF_THE_ENGINE)
def test_declared_reads_are_what_the_select_reads(name):
    # GIVEN the tables and columns that DuckDB's parser finds in the SELECT
    table = TABLES_OF_THE_ENGINE[name]
    nodes = syntax_of(table.select) if table.select else []
    of_its_own = {entry["key"] for node in nodes if "cte_map" in node for entry in node["cte_map"]["map"]}
    read = {node["table_name"] for node in nodes if node.get("type") == "BASE_TABLE"} - of_its_own
    columns = {node["column_names"][-1] for node in nodes if node.get("type") == "COLUMN_REF"}
    # THEN those tables are declared, and of frequent tables no column that is not read
    assert set(table.reads) == read
    for frequent in read & set(FREQUENT_TABLES):
        assert set(table.reads[frequent]) <= columns, frequent
    assert {other for other, listed in table.reads.items() if listed} <= set(FREQUENT_TABLES)


@pytest.mark.parametrize("name", TABLES_OF_THE_ENGINE)
def test_what_reads_a_frequent_table_is_computed_for_each_part(name):
    table = TABLES_OF_THE_ENGINE[name]
    if table.reads.keys() & set(FREQUENT_TABLES):
        assert table.scope is not Scope.CAPTURE


@pytest.mark.parametrize("name", TABLES_OF_THE_ENGINE)
def test_every_table_and_column_is_explained_in_a_sentence(name):
    table = TABLES_OF_THE_ENGINE[name]
    assert re.match(r"[A-Z`].*[.…]", table.doc), table.doc
    assert table.is_fact == (table.about is not None)
    for column in table.columns:
        assert re.fullmatch(r"[A-Z`].*\.", column.doc), column


def test_no_name_stands_for_two_tables():
    recorded = {table.name for table in TABLES}
    files = [path.stem for path in (ROOT / "analyzer" / "model").rglob("*/*.sql")]
    assert len(files) == len(set(files))
    assert {*files, "relation"} == set(declared_tables())
    assert not set(files) & set(OF_LATER_STATIONS)
    assert not recorded & set(files)
