"""What holds for every table of the catalog."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pytest

import formats.tables
from formats.arrow.decode import is_allowed_type
from formats.catalog import TABLE_BY_NAME, TABLES
from formats.columns import COMMON_COLUMNS, NAME_TYPE, RECORDER_COLUMNS, Sensitivity

NAMES = [table.name for table in TABLES]
COLUMNS = [(table.name, column) for table in TABLES for column in table.columns]
UNITS = {"ns", "By", "1"}


def test_every_file_of_the_folder_is_in_the_catalog_under_its_name():
    files = {path.stem for path in Path(formats.tables.__file__).parent.glob("*.py")} - {"__init__"}

    assert files == set(NAMES)
    assert list(TABLE_BY_NAME) == NAMES


def test_names_are_unique_and_fit_files_members_and_frames():
    assert len(set(NAMES)) == len(NAMES)
    for name in NAMES:
        assert re.fullmatch(r"[a-z][a-z_]{0,31}", name)
        assert len(f"s00000.{name}.arrow") <= 64


@pytest.mark.parametrize("table", TABLES, ids=NAMES)
def test_a_table_begins_with_the_common_columns_and_names_no_column_twice(table):
    names = [column.name for column in table.columns]

    assert table.columns[: len(COMMON_COLUMNS)] == COMMON_COLUMNS
    assert len(set(names)) == len(names)
    assert table.schema.names == names
    assert table.drained_schema.names == [n for n in names if n not in {c.name for c in RECORDER_COLUMNS}]


@pytest.mark.parametrize("table", TABLES, ids=NAMES)
def test_a_table_says_what_a_row_is_and_where_its_meaning_comes_from(table):
    assert table.doc.endswith(".")
    assert table.source
    assert table.event_names
    assert len(set(table.event_names)) == len(table.event_names)
    for name in table.event_names:
        assert re.fullmatch(r"[a-z0-9]+(\.[a-z0-9_]+)+", name), name


def test_event_names_belong_to_one_table():
    owners = [(name, table.name) for table in TABLES for name in table.event_names]

    assert len({name for name, _ in owners}) == len(owners)


def test_no_two_tables_have_equal_schemas():
    # the journal tells a batch's table by its schema
    assert len({tuple(table.schema) for table in TABLES}) == len(TABLES)


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=[f"{table}.{column.name}" for table, column in COLUMNS])
def test_a_column_says_what_it_means_and_in_which_unit(table, column):
    assert column.doc.endswith((".", "…")), table
    assert isinstance(column.sensitivity, Sensitivity)
    assert re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)*", column.name)
    assert is_allowed_type(column.type)
    if column.nullable:
        assert re.search(r"\bnull\b", column.doc), f"{table}.{column.name} does not say what null means"
    if pa.types.is_integer(column.type):
        assert column.unit in UNITS, f"{table}.{column.name}"
    else:
        assert column.unit is None
    if column.name.endswith(("_ns", "_nano")):
        assert (column.type, column.unit) == (pa.int64(), "ns")
    if column.name.endswith("_bytes"):
        assert (column.type, column.unit) == (pa.int64(), "By")
    if column.type == pa.utf8():
        assert column.sensitivity is not Sensitivity.PUBLIC, "free texts can hold anything"


def test_one_column_name_is_one_type_unit_and_sensitivity_in_all_tables():
    seen = {}
    for table, column in COLUMNS:
        facts = (column.type, column.unit, column.sensitivity)
        first = seen.setdefault(column.name, (table, facts))
        assert first[1] == facts, f"{column.name} differs between {first[0]} and {table}"


def test_columns_that_name_things_are_dictionaries():
    for table, column in COLUMNS:
        if column.name in {"event_name", "k8s.node.name", "process.command", "k8s.object.kind", "k8s.namespace.name"}:
            assert column.type == NAME_TYPE, table


@pytest.mark.parametrize("table", [table for table in TABLES if table.sentence], ids=lambda table: table.name)
def test_sentence_of_a_table_names_its_own_columns(table):
    named = re.findall(r"\{([^{}]*)\}", table.sentence)
    assert named
    assert set(named) <= {column.name for column in table.columns}
