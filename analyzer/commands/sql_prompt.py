"""The prompt of `tapio sql`: one query after the other over the same capture."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import click

from formats.errors import TapioError
from formats.text import escape_text

PROMPT, CONTINUED = "tapio> ", "  ...> "
_GREETING = "A query ends with a semicolon. .tables lists what can be queried; .quit or Ctrl-D ends."
LIST_TABLES = ".tables"
_WORDS = frozenset({".quit", ".exit", "quit", "exit"})


def ask_for_queries(
    answer: Callable[[str], None], list_tables: Callable[[], None], *, read_line: Callable[[str], str] | None = None
) -> None:
    """Reads queries until the end of the input, and answers each. A mistake is told and does not end the prompt.

    Args:
        answer: prints the answer to one query; its errors are told.
        list_tables: prints what can be queried.
        read_line: reads a line after a prompt, EOFError at the end; None = from the terminal, with history and editing.
    """
    if read_line is None:
        with suppress(ImportError):
            import readline  # noqa: F401, PLC0415 - `input` edits lines with it once it is loaded
        read_line = input
    click.echo(_GREETING)
    lines: list[str] = []
    while True:
        try:
            line = read_line(CONTINUED if lines else PROMPT).rstrip()
        except EOFError:
            click.echo()
            return
        except KeyboardInterrupt:
            click.echo()
            lines.clear()
            continue
        if not lines and line.strip().lower().rstrip(";") in _WORDS:
            return
        if not lines and line.strip() == LIST_TABLES:
            list_tables()
            continue
        if line or lines:
            lines.append(line)
        if line.endswith(";"):
            _answer_one("\n".join(lines), answer)
            lines.clear()


def _answer_one(query: str, answer: Callable[[str], None]) -> None:
    try:
        answer(query)
    except TapioError as error:
        click.echo(f"tapio: {escape_text(str(error))}", err=True)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
