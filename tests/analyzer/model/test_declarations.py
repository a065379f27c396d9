"""Promises of `analyzer.model.declarations`."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.model.declarations import EVERY_FACT, DeclaredColumn, Kind, Scope, parse_declaration
from formats.errors import DeclarationError

PLACE = Path("facts/kernel/wait.sql")
WAIT = """\
-- A process that waits.
-- It may wait for long.
--
-- kind: moment fact
-- scope: part
-- about: Container,
--   else Node
-- reads: cgroup, process (process.pid, cgroup_id),
--   tcp (cgroup_id)
-- columns:
--   pid BIGINT: Its process id;
--     null if it is not known.
--   names VARCHAR[]: Its names.
SELECT 1
"""


def test_a_declaration_says_what_its_file_is():
    # WHEN a file is read
    table = parse_declaration(WAIT, PLACE)
    # THEN its name and group are those of its place, and lines that go on are one
    assert (table.name, table.group) == ("wait", "kernel")
    assert table.doc == "A process that waits. It may wait for long."
    assert (table.kind, table.scope, table.about) == (Kind.MOMENT, Scope.PART, "Container, else Node")
    assert table.reads == {"cgroup": (), "process": ("process.pid", "cgroup_id"), "tcp": ("cgroup_id",)}
    assert table.select == "SELECT 1"
    # AND a fact has the columns of every fact before its own
    assert table.columns == (
        *EVERY_FACT,
        DeclaredColumn("pid", "BIGINT", "Its process id; null if it is not known."),
        DeclaredColumn("names", "VARCHAR[]", "Its names."),
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("-- A process that waits.\n-- It may wait for long.\n--\n", "", 1, "must begin with a comment"),
        ("-- kind: moment fact\n", "", 1, "`kind` must be one of `table`"),
        ("moment fact", "thing", 4, "`kind` must be one of `table`"),
        ("scope: part", "scope: half", 5, "`scope` must be one of `capture`, `part`"),
        ("-- scope: part", "-- scopes: part", 5, "expected one of kind, scope"),
        ("-- scope: part", "-- kind: view", 5, "each once, found `kind`"),
        ("cgroup, process", "cgroup process", 8, "`reads` is a list"),
        ("cgroup, process", "process, process", 8, "each once, wrong at"),
        ("pid BIGINT: Its", "pid bigint: Its", 11, "a column is `name TYPE: sentence`"),
        ("names VARCHAR[]", "pid VARCHAR[]", 13, "each name once"),
        ("-- columns:", "--columns:", 10, "expected `-- key: value`"),
        ("SELECT 1", "SELECT 1;", 14, "one SELECT without a semicolon"),
        ("SELECT 1", "", 14, "one SELECT without a semicolon"),
        ("SELECT 1", "DROP TABLE entity", 14, "one SELECT without a semicolon"),
    ],
)
def test_a_mistake_is_told_with_its_file_and_line(old, new, line, problem):
    # GIVEN a declaration with one mistake
    text = WAIT.replace(old, new, 1)
    assert text != WAIT
    # THEN it is refused, and the place is named
    with pytest.raises(DeclarationError) as refused:
        parse_declaration(text, PLACE)
    assert refused.value.where == f"facts/kernel/wait.sql:{line}"
    assert problem in refused.value.problem


PAST_WAIT = """\
-- A Pod that waited.
--
-- kind: interval fact
-- about: Pod
-- reads: pod_phase, pod_version
-- needs:
--   pod_phase: phase = 'Pending'
--     AND reason IS NOT NULL
--   pod_version: any
-- columns:
--   reason VARCHAR: Why.
SELECT 1
"""


def test_needs_are_conditions_by_the_table_that_is_read():
    table = parse_declaration(PAST_WAIT, PLACE)
    assert table.needs == {"pod_phase": "phase = 'Pending' AND reason IS NOT NULL", "pod_version": "true"}


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("--   pod_version: any", "--   entity: any", 9, "each a table of `reads`"),
        ("--   pod_version: any", "--   pod_phase: any", 9, "once"),
        ("--   pod_version: any", "--   pod_version", 9, "a need is `table: condition`"),
        ("reason VARCHAR", "reason STRUCT[]", 6, "without STRUCT and MAP"),
        ("-- kind: interval fact", "-- kind: interval fact\n-- scope: part", 7, "of the scope `capture`"),
    ],
)
def test_a_mistake_in_needs_is_told_with_its_file_and_line(old, new, line, problem):
    with pytest.raises(DeclarationError) as refused:
        parse_declaration(PAST_WAIT.replace(old, new, 1), PLACE)
    assert refused.value.where == f"facts/kernel/wait.sql:{line}"
    assert problem in refused.value.problem
