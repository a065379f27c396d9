"""SQL expressions of YAML files: parsed by DuckDB itself, and nothing passes that is not on the lists below.

Knowledge is data (and may be somebody else's): an expression can compare columns of one fact and call a few pure
functions, nothing more. The engine that runs it is locked besides (`analyzer.model.engine`); this check is the first
fence, and the one that can say what is wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Self

import duckdb

from analyzer.knowledge.expression import Expression
from formats.errors import KnowledgeError
from formats.suggestion import suggest
from formats.text import cut_text

MAX_EXPRESSION = 4_000
"""Characters of one expression. Why: the longest of ours has 300."""

FUNCTIONS = frozenset(
    {
        *("+", "-", "*", "/", "//", "%", "||", "~~", "!~~", "~~*", "!~~*", "not"),
        *("abs", "ceil", "floor", "round", "greatest", "least", "nullif", "ifnull"),
        *("contains", "ends_with", "length", "lower", "prefix", "starts_with", "suffix", "trim", "upper"),
        *("regexp_extract", "regexp_full_match", "regexp_matches", "split_part"),
    }
)
"""Functions that an expression may call: pure, and no result is longer than the texts they are given.
Regular expressions are RE2: linear in the text."""

TYPES = frozenset({"BIGINT", "BOOLEAN", "DOUBLE", "INTEGER", "VARCHAR"})
"""What a value may be cast to."""

_CLASSES = frozenset(
    {
        *("BETWEEN", "CASE", "CAST", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "OPERATOR"),
        "TYPE",
    }
)
_OPERATORS = frozenset(
    {
        *("COMPARE_IN", "COMPARE_NOT_IN", "OPERATOR_COALESCE", "OPERATOR_IS_NOT_NULL", "OPERATOR_IS_NULL"),
        *("OPERATOR_NOT", "OPERATOR_NULLIF"),
    }
)
_REGEXP_FUNCTIONS = frozenset({"regexp_extract", "regexp_full_match", "regexp_matches"})


class ExpressionChecker:
    """Checks expressions in a scratch database that holds nothing and can reach nothing; a context manager."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(config={"threads": 1, "memory_limit": "64MB"})
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def check(self, expression: Expression, columns: Mapping[str, str], *, of: str) -> tuple[str, ...]:
        """Checks that an expression is one pure expression over given columns, and that its types fit.

        Args:
            expression: text and place.
            columns: name (may be dotted: `cause.name`) and DuckDB type of every column that may be used.
            of: what has these columns, for messages: "fact container_waiting".

        Returns:
            The columns it reads, dotted as written, in order of appearance.

        Raises:
            KnowledgeError: with the place of the expression.
        """
        if len(expression.sql) > MAX_EXPRESSION:
            raise KnowledgeError(
                f"the expression has {len(expression.sql):,} characters, more than the limit of {MAX_EXPRESSION:,}",
                where=expression.where,
            )
        read: list[str] = []
        for node in _walk(_parse(self._connection, expression)):
            _check_node(node, expression, columns, of)
            if node["class"] == "COLUMN_REF":
                read.append(".".join(node["column_names"]))
        _check_types(self._connection, expression, columns, of)
        return tuple(dict.fromkeys(read))


def _parse(connection: duckdb.DuckDBPyConnection, expression: Expression) -> dict[str, Any]:
    # Only the serializer sees the text here: nothing of it is run.
    row = connection.execute("SELECT json_serialize_sql('SELECT (' || $1 || '\n)')", [expression.sql]).fetchone()
    answer = _read_answer(row, expression)
    if answer.get("error"):
        message = str(answer.get("error_message", "it cannot be parsed")).split("\n", 1)[0]
        raise KnowledgeError(f"`{_short(expression.sql)}` is not an SQL expression: {message}", where=expression.where)
    statements = answer["statements"]
    node = statements[0]["node"] if len(statements) == 1 else {}
    plain = (
        node.get("type") == "SELECT_NODE"
        and len(node["select_list"]) == 1
        and node["from_table"]["type"] == "EMPTY"
        and not node["modifiers"]
        and not node["group_expressions"]
        and not any(node.get(clause) for clause in ("where_clause", "having", "sample", "qualify"))
        and not node["cte_map"]["map"]
    )
    if not plain:
        raise _refuse(expression, "more than one expression")
    tree: dict[str, Any] = node["select_list"][0]
    return tree


def _read_answer(row: tuple[Any, ...] | None, expression: Expression) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    except RecursionError:
        raise _refuse(expression, "an expression nested too deeply") from None
    return answer


def _walk(tree: Any) -> Iterator[dict[str, Any]]:
    # The serialized form differs between versions of DuckDB in how children are held, not in what an expression is:
    # anything with a `class` is one, wherever it hangs.
    waiting = [tree]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if "class" in item:
                yield item
            waiting.extend(reversed(list(item.values())))
        elif isinstance(item, list):
            waiting.extend(reversed(item))


def _check_node(node: dict[str, Any], expression: Expression, columns: Mapping[str, str], of: str) -> None:
    kind = node["class"]
    if kind not in _CLASSES:
        raise _refuse(expression, f"a {kind.lower().replace('_', ' ')}")
    if kind == "COLUMN_REF":
        name = ".".join(node["column_names"])
        if name not in columns:
            raise KnowledgeError(
                f"{of} has no column `{name}`", where=expression.where, next_step=suggest(name, columns)
            )
    elif kind == "FUNCTION":
        _check_function(node, expression)
    elif kind == "OPERATOR" and node["type"] not in _OPERATORS:
        raise _refuse(expression, f"the operator {node['type'].lower()}")
    elif kind == "CAST":
        _check_cast(node, expression)


def _check_function(node: dict[str, Any], expression: Expression) -> None:
    name = str(node["function_name"]).lower()
    if node.get("schema") or node.get("catalog") or name not in FUNCTIONS:
        raise KnowledgeError(
            f"the function `{name}` is not allowed here", where=expression.where, next_step=suggest(name, FUNCTIONS)
        )
    if name in _REGEXP_FUNCTIONS:
        arguments = node.get("arguments") or node.get("children") or []
        pattern = arguments[1] if len(arguments) > 1 else {}
        pattern = pattern.get("expression", pattern)
        if pattern.get("class") != "CONSTANT":
            raise _refuse(expression, "a regular expression that is not a constant")


def _check_cast(node: dict[str, Any], expression: Expression) -> None:
    # Why only TRY_CAST: what is recorded is hostile, and one text that is no number must not end an analysis.
    name = _type_name(node)
    is_constant = node["child"]["class"] == "CONSTANT" and name == "BOOLEAN"  # how `true` and `false` are parsed
    if name not in TYPES:
        raise _refuse(expression, f"a cast to {name} (allowed are {', '.join(sorted(TYPES))})")
    if not node.get("try_cast") and not is_constant:
        raise _refuse(expression, f"a cast that can fail (write try_cast(… AS {name}))")


def _type_name(node: dict[str, Any]) -> str:
    described = node.get("type_expr") or node.get("cast_type") or {}
    name = described.get("type_name") or described.get("id") or "?"
    return str(name).upper()


def _check_types(
    connection: duckdb.DuckDBPyConnection, expression: Expression, columns: Mapping[str, str], of: str
) -> None:
    """Binds the expression over an empty table of these columns: a misfit is found before any capture is read."""
    try:
        connection.execute(f"SELECT ({expression.sql}\n) FROM ({_empty_table(columns)})")  # noqa: S608 - checked above
    except duckdb.Error as problem:
        sentence = re.split(r"\n|LINE \d", str(problem))[0].strip()
        raise KnowledgeError(
            f"`{_short(expression.sql)}` is not valid for {of}: {sentence}", where=expression.where
        ) from None


def _empty_table(columns: Mapping[str, str]) -> str:
    tables: dict[str, list[str]] = {}
    for name, kind in columns.items():
        table, _, column = name.rpartition(".")
        tables.setdefault(table, []).append(f'NULL::{kind} AS "{column}"')
    if set(tables) == {""}:
        return f"SELECT {', '.join(tables[''])} WHERE false"
    parts = [f"SELECT {', '.join(cells)}" for cells in tables.values()]
    joined = ", ".join(f"({part}) AS {table}" for part, table in zip(parts, tables, strict=True))
    return f"SELECT {', '.join(tables)} FROM {joined} WHERE false"  # noqa: S608 - names of our own schemas


def _refuse(expression: Expression, what: str) -> KnowledgeError:
    return KnowledgeError(
        f"`{_short(expression.sql)}` contains {what}, which is not allowed here",
        where=expression.where,
        next_step="write one comparison of columns; docs/patterns.md, section Expressions, lists what is allowed",
    )


def _short(text: str) -> str:
    return cut_text(" ".join(text.split()), 80)
