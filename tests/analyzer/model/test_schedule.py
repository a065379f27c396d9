"""Promises of `analyzer.model.schedule`."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.model.declarations import parse_declaration
from analyzer.model.schedule import closure, order_by_reads
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
