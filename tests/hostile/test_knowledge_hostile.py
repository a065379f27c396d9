"""Knowledge of others is data: nothing in it runs, reads, reaches out, or takes more than its share."""

from __future__ import annotations

import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.knowledge.expression import Expression
from analyzer.knowledge.expression_check import FUNCTIONS, ExpressionChecker
from analyzer.knowledge.files import KnowledgeFile
from analyzer.knowledge.load import load_knowledge
from formats.errors import KnowledgeError

COLUMNS = {"reason": "VARCHAR", "note": "VARCHAR", "exit_code": "BIGINT", "is_old": "BOOLEAN"}

HOSTILE = [
    "(SELECT 1)",
    "exit_code IN (SELECT 1)",
    "EXISTS (FROM duckdb_settings())",
    "exit_code = ANY(SELECT 1)",
    "1) FROM (SELECT 2",
    "true) UNION SELECT (true",
    "1; DROP TABLE symptom",
    "1); COPY symptom TO '/tmp/x'; SELECT (1",
    "read_csv('/etc/passwd')",
    "read_text('/etc/passwd') IS NOT NULL",
    "getenv('HOME')",
    "current_setting('temp_directory')",
    "pg_sleep(10)",
    "error('no')",
    "repeat('x', 1000000000)",
    "range(1000000000)",
    "list_transform([1], x -> x)",
    "row_number() OVER ()",
    "count(*) > 1",
    "random() < 0.5",
    "now() IS NULL",
    "nextval('s')",
    "query('SELECT 1')",
    "COLUMNS('.*')",
    "*",
    "$1",
    "?",
    "@x",
    "main.read_csv('x')",
    "exit_code::JSON",
    "note::INTEGER",
    "CAST(note AS BIGINT) > 1",
    "note[1]",
    "{'a': note}",
    "[note]",
    "regexp_matches(note, note)",
    "regexp_matches('x', note)",
    "TRY(note)",
    "note COLLATE nocase",
    "INTERVAL 1 DAY",
    "DATE '2020-01-01' IS NULL",
    "other.note",
    "symptom.note",
    "not_a_column",
    "exit_code + note",
    "not " * 900 + "is_old",
    "(" * 2000 + "1" + ")" * 2000,
    "reason = '" + "x" * 5000 + "'",
    "",
    "--",
    "/*",
    "'",
    "\x00",
    "1 AS x",
    "PRAGMA version",
    "SELECT 1",
    "ATTACH 'x'",
    "VALUES (1)",
    "FROM x",
]


@pytest.mark.parametrize("sql", HOSTILE)
def test_expression_that_is_more_than_a_comparison_is_refused(sql):
    with ExpressionChecker() as checker, pytest.raises(KnowledgeError) as caught:
        checker.check(Expression(sql, "own.yaml:7:8"), COLUMNS, of="fact x")
    assert str(caught.value).startswith("own.yaml:7:8: ")


@pytest.mark.parametrize(
    "sql",
    [
        "reason = 'OOMKilled' AND NOT is_old",
        "exit_code NOT IN (0, 137, 143)",
        "exit_code BETWEEN 1 AND 100",
        "note LIKE 'a%' OR note ILIKE '%b'",
        "regexp_matches(lower(note), '(a+)+$')",
        "coalesce(reason, '') <> ''",
        "CASE WHEN is_old THEN false ELSE exit_code > 1 END",
        "try_cast(note AS BIGINT) > 3",
        "reason IS NOT DISTINCT FROM 'x' -- a comment",
        "true",
    ],
)
def test_ordinary_expression_passes(sql):
    # WHEN it is checked THEN nothing is raised
    with ExpressionChecker() as checker:
        checker.check(Expression(sql, "own.yaml:7:8"), COLUMNS, of="fact x")


@pytest.fixture(scope="module")
def checker():
    """As knowledge is loaded: one for all expressions."""
    with ExpressionChecker() as opened:
        yield opened


WORDS = st.sampled_from(
    [*COLUMNS, *sorted(FUNCTIONS), "(", ")", ",", "'", "''", ";", "--", "SELECT", "FROM", "WHERE", "UNION", "1", "0.5", "NULL", "->", "::",
     "OVER", "WITH", "x", "$1", "CASE", "WHEN", "END", "AND", "NOT", "IN", "[", "]", "{", "}", "."]
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@pytest.mark.no_cover
@given(st.one_of(st.lists(WORDS, max_size=14).map(" ".join), st.text(string.printable, max_size=60)))
def test_any_text_passes_or_is_refused_with_a_sentence(checker, sql):
    sentence = "own.yaml:7:8: "
    try:
        checker.check(Expression(sql, "own.yaml:7:8"), COLUMNS, of="fact x")
    except KnowledgeError as problem:
        sentence = str(problem)
    assert sentence.startswith("own.yaml:7:8: ")
    assert "\n" not in sentence


@settings(max_examples=150, deadline=None)
@pytest.mark.no_cover
@given(st.text(st.sampled_from("kind: Symptom\n-&*!{}[]'\"|>#%@,name where title from é\t"), max_size=120))
def test_any_yaml_is_read_or_refused_with_its_place(text):
    sentence = "own.yaml"
    try:
        load_knowledge([KnowledgeFile("own.yaml", text)])
    except KnowledgeError as problem:
        sentence = str(problem)
    assert sentence.startswith("own.yaml")


def test_alias_bomb_is_refused_at_once():
    bomb = "a: &a [x]\n" + "\n".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]" for n in range(20)
    )
    begin = time.perf_counter()
    with pytest.raises(KnowledgeError, match=r"own\.yaml:1:4: anchors and aliases are not allowed"):
        load_knowledge([KnowledgeFile("own.yaml", bomb)])
    assert time.perf_counter() - begin < 1


def test_regular_expression_takes_linear_time():
    # GIVEN a pattern that takes a backtracking engine for ever, on a text that it nearly matches
    from analyzer.model.engine import Engine

    with ExpressionChecker() as checker:
        checker.check(Expression("regexp_matches(note, '(a+)+$')", "x"), COLUMNS, of="fact x")
    with Engine(threads=1) as engine:
        begin = time.perf_counter()
        # WHEN the engine runs it THEN it is done at once: RE2
        assert engine.value("SELECT regexp_matches(repeat('a', 20000) || 'b', '(a+)+$')") is False
        assert time.perf_counter() - begin < 1
