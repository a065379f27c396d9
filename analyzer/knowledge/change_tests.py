"""`tapio test`: the tests of `kind: Change`, each one change and what all rules together must say about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import duckdb

from analyzer.knowledge.change_rules import ChangeRule, ChangeTest
from analyzer.knowledge.compile_changes import CHANGE_COLUMNS, change_macros
from analyzer.knowledge.pattern_tests import TestResult, find_untested


def run_change_tests(rules: Sequence[ChangeRule], tested: Sequence[ChangeRule]) -> Iterator[TestResult]:
    """Runs every test of some rules, in the order of the rules.

    Args:
        rules: all that there are: a test is about what they decide together.
        tested: whose tests.
    """
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(change_macros(rules))
        for rule in tested:
            macro, own = _decision(rule)
            yield from find_untested(
                rule,
                {
                    "a change that it must apply to": any(test.expected == own for test in rule.tests),
                    "a change that it must not apply to": any(test.expected != own for test in rule.tests),
                },
            )
            for test in rule.tests:
                found = _ask(connection, macro, test)
                problems = () if found == test.expected else (f"expected {test.expected}, found {found}",)
                yield TestResult(rule.name, _name_of(rule, test), test.where, problems)


def _decision(rule: ChangeRule) -> tuple[str, str]:
    """The macro that a rule has a part in, and what it answers where the rule decides."""
    if rule.category is not None:
        return "change_category", rule.category
    if rule.actor is not None:
        return "change_actor", rule.actor.value
    return "change_is_ignored", "true"


def _ask(connection: duckdb.DuckDBPyConnection, macro: str, test: ChangeTest) -> str:
    columns = ", ".join(f"${name}::{kind}" for name, kind in CHANGE_COLUMNS.items())
    row = connection.execute(f"SELECT {macro}({columns})::VARCHAR", dict(test.values)).fetchone()
    return str(row[0]) if row else "nothing"


def _name_of(rule: ChangeRule, test: ChangeTest) -> str:
    what = test.values["path"] or test.values["verb"]
    return f"{rule.name}: {test.values['kind']} {what} is {_words(rule, test.expected)}"


def _words(rule: ChangeRule, expected: str) -> str:
    if rule.is_ignored:
        return "ignored" if expected == "true" else "not ignored"
    return f"of the {expected}" if rule.actor is not None else expected
