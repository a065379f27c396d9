"""Promises of the prompt of `tapio sql`."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from analyzer.commands.sql_prompt import CONTINUED, PROMPT, ask_for_queries
from formats.errors import UsageError

REPOSITORY = Path(__file__).parents[3]
DEMO = REPOSITORY / "fixtures" / "incidents" / "demo.tapio"


def converse(typed, *, answer=None):
    """Types lines; an exception among them is raised as by the terminal. What was asked, and the prompts."""
    asked, prompts, rest = [], [], list(typed)

    def read_line(prompt):
        prompts.append(prompt)
        line = rest.pop(0) if rest else EOFError()
        if isinstance(line, BaseException):
            raise line
        return line

    ask_for_queries(answer or asked.append, lambda: asked.append("(tables)"), read_line=read_line)
    return asked, prompts


def test_query_may_have_several_lines_and_ends_with_a_semicolon():
    asked, prompts = converse(["", "select 1", "  + 1;", "select 2;"])
    assert asked == ["select 1\n  + 1;", "select 2;"]
    assert prompts == [PROMPT, PROMPT, CONTINUED, PROMPT, PROMPT]


@pytest.mark.parametrize("word", [".quit", "exit;", "QUIT"])
def test_words_that_end_it_end_it(word):
    assert converse([word, "select 1;"])[0] == []


def test_tables_are_listed_on_demand():
    assert converse([".tables"])[0] == ["(tables)"]


def test_mistake_is_told_and_the_next_query_is_answered(capsys):
    asked = []

    def answer(query):
        if "wrong" in query:
            raise UsageError("no column \x1b[2J", next_step="list them")
        asked.append(query)

    converse(["wrong;", "right;"], answer=answer)
    assert asked == ["right;"]
    assert capsys.readouterr().err == "tapio: no column \\x1b[2J; list them\n"


def test_interrupt_forgets_the_query_and_goes_on():
    asked, prompts = converse(["select", KeyboardInterrupt(), "select 2;"])
    assert asked == ["select 2;"]
    assert prompts == [PROMPT, CONTINUED, PROMPT, PROMPT]


def test_interrupted_answer_does_not_end_the_prompt(capsys):
    answered = []

    def answer(query):
        answered.append(query)
        if query == "long;":
            raise KeyboardInterrupt

    converse(["long;", "short;"], answer=answer)
    assert answered == ["long;", "short;"]
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.slow
@pytest.mark.no_cover
def test_terminal_asks_again_and_no_row_is_counted_twice():
    # GIVEN `tapio sql` on a terminal, without a query
    leader, follower = pty.openpty()
    command = [sys.executable, "-c", "from analyzer.cli import main; main()", "sql", str(DEMO), "--csv"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TERM": "dumb"}
    with subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, env=environment, close_fds=True
    ) as process:
        os.close(follower)
        # WHEN the same frequent table is counted twice
        os.write(leader, b"select 'rows=' || count(*) as n from tcp;\n" * 2 + b".quit\n")
        said = read_all(leader)
        # THEN both answers are the same
        assert process.wait(timeout=60) == 0
    answers = re.findall(r"rows=(\d+)", said)
    assert len(answers) == 2
    assert int(answers[0]) == int(answers[1]) > 0


def read_all(terminal):
    said, end = b"", time.monotonic() + 60
    while time.monotonic() < end:
        ready, _, _ = select.select([terminal], [], [], 1)
        if ready:
            try:
                chunk = os.read(terminal, 4096)
            except OSError:  # the other side is closed
                break
            said += chunk
    os.close(terminal)
    return said.decode(errors="replace")
