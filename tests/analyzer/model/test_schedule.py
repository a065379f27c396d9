"""Promises of `analyzer.model.schedule`."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.model.declarations import parse_declaration
from analyzer.model.schedule import closure, order_by_reads, plan_schedule
from formats.errors import DeclarationError


def tables_of(**reads):
    """A table per name with what it reads."""
    return {
        name: parse_declaration(f"-- A.\n-- kind: table\n-- reads: {listed}\nSELECT 1", Path(f"x/{name}.sql"))
        for name, listed in reads.items()
    }


def order(given=(), **reads):
    return [table.name for table in order_by_reads(tables_of(**reads).values(), given)]


def test_every_table_comes_after_what_it_reads():
    assert order(a="b, c", b="c", c="") == ["c", "b", "a"]


def test_where_both_orders_are_possible_the_name_decides_however_they_are_listed():
    assert order(b="", d="", a="", c="a") == order(c="a", a="", d="", b="") == ["a", "b", "c", "d"]


def test_what_is_given_needs_no_declaration():
    assert order(given=["kube_object"], a="kube_object") == ["a"]


def test_a_read_that_nothing_declares_is_one_clear_error():
    with pytest.raises(DeclarationError, match=r"x/a.sql: `a` reads `nothing`, which is not declared"):
        order(a="nothing")


def test_tables_that_read_each_other_are_one_clear_error():
    with pytest.raises(DeclarationError, match=r"in a cycle: `(\w)` reads `(\w)` reads `(\w)` reads `\1`"):
        order(a="b", b="c", c="a", d="")


def test_the_closure_has_everything_that_is_read_on_the_way():
    assert closure(["a"], tables_of(a="b", b="c, kube_object", c="", d="a")) == {"a", "b", "c", "kube_object"}


def plan(*files):
    """Names by time, of tables given as `name: scope: reads`."""
    tables = []
    for file in files:
        name, scope, reads = (part.strip() for part in file.split(":"))
        text = f"-- A.\n-- kind: table\n-- scope: {scope}\n-- reads: {reads}\nSELECT 1"
        tables.append(parse_declaration(text, Path(f"x/{name}.sql")))
    schedule = plan_schedule(tables, ["tcp"])
    return tuple([table.name for table in tables] for tables in (schedule.before, schedule.each_part, schedule.after))


def test_what_depends_on_all_parts_is_computed_after_them_and_nothing_else_is():
    # GIVEN a table of each part that reads one of the capture, one that is accumulated from it, and two that read those
    planned = plan(
        "z: capture: all",
        "all: capture: kept",
        "kept: accumulated: shown",
        "shown: part: tcp, small",
        "small: capture:",
    )
    # THEN each is computed when what it reads is there
    assert planned == (["small"], ["shown", "kept"], ["all", "z"])


def test_a_table_of_the_capture_cannot_read_what_shows_one_part():
    with pytest.raises(DeclarationError, match=r"x/all.sql: `all` reads `shown`, which shows one part"):
        plan("all: capture: shown", "shown: part: tcp")


def test_a_table_of_a_part_cannot_read_what_is_complete_after_the_last_one():
    with pytest.raises(DeclarationError, match=r"x/shown.sql: `shown` reads `all`, which is complete only after"):
        plan("all: capture: kept", "kept: accumulated: tcp", "shown: part: tcp, all")
