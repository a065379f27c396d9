"""Every test asserts something, or says that its promise is that nothing is raised."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
FILES = sorted(TESTS.rglob("test_*.py"))
PROMISE = "THEN nothing is raised"
"""The comment of a test without an assertion: what it calls would raise."""
CHECKS = ("assert", "raises", "wait_until")
"""Beginnings of the names of functions that fail a test: `pytest.raises`, `assert_same`, `wait_until_same`."""


def is_check(node: ast.AST) -> bool:
    """Whether a node is an assertion, or calls something that is called like one."""
    if isinstance(node, ast.Assert):
        return True
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name.startswith(CHECKS)


def find_silent_tests(source: str) -> list[str]:
    """Names of the tests in a file that neither assert nor say that nothing is raised."""
    lines = source.splitlines()
    return [
        function.name
        for function in ast.walk(ast.parse(source))
        if isinstance(function, ast.FunctionDef)
        and function.name.startswith("test_")
        and not any(is_check(node) for node in ast.walk(function))
        and PROMISE not in "\n".join(lines[function.lineno - 1 : function.end_lineno])
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TESTS)))
def test_every_test_asserts_something(path: Path) -> None:
    assert find_silent_tests(path.read_text(encoding="utf-8")) == []


def test_silent_test_is_found() -> None:
    assert find_silent_tests("def test_a():\n    run()\n") == ["test_a"]
    assert find_silent_tests("def test_a():\n    # WHEN it runs THEN nothing is raised\n    run()\n") == []
    assert find_silent_tests("def test_a():\n    assert run()\n") == []
