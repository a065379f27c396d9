"""`tapio sql`: query a capture with SQL."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analyzer.analysis_cache import analyze_file
from analyzer.commands.losses import warn_of_losses
from analyzer.commands.sql_output import to_csv, to_json_lines, to_lines, to_table
from analyzer.commands.sql_prompt import LIST_TABLES, ask_for_queries
from analyzer.commands.window import (
    Moment,
    capture_argument,
    check_window,
    feedback_option,
    from_option,
    knowledge_option,
    to_option,
)
from analyzer.document.document_tables import DOCUMENT_TABLES, document_table
from analyzer.guard.opening import open_capture
from analyzer.knowledge.compile_changes import change_macros
from analyzer.knowledge.shipped import read_knowledge
from analyzer.model.build import build_model
from analyzer.model.engine import Engine
from analyzer.model.engine_tables import declared_facts, declared_tables
from formats.catalog import TABLES
from formats.command_line import examples

if TYPE_CHECKING:
    from formats.postmortem.document import Document

ROWS_SHOWN = 1_000
"""Rows of a table for people; programs get all."""

MODEL_TABLES = ("entity", "relation", "change", "capture_window", "missing", "clock_error")

_READ = re.compile(r'\b(?:from|join)\s+"?(\w+)')
"""What a query reads, in lower case: tables, and names of its own."""

FORMS: dict[str, Callable[[list[str], list[tuple[Any, ...]]], Iterable[str]]] = {
    "table": to_table,
    "json": to_json_lines,
    "csv": to_csv,
    "line": to_lines,
}


@click.command(
    epilog=examples(
        "tapio sql night.tapio",
        'tapio sql night.tapio "select * from oom_kill"',
        "tapio sql night.tapio \"select from_ns, what from symptom where severity = 'error'\" --json",
    )
)
@capture_argument
@click.argument("query", required=False)
@click.option("--json", "forms", flag_value="json", multiple=True, help="Print one JSON object per row.")
@click.option("--csv", "forms", flag_value="csv", multiple=True, help="Print CSV.")
@click.option("--line", "forms", flag_value="line", multiple=True, help="Print one line per value.")
@knowledge_option
@feedback_option
@from_option
@to_option
def command(
    capture: Path,
    query: str | None,
    *,
    forms: tuple[str, ...],
    knowledge: tuple[Path, ...],
    feedback: Path | None,
    begin: Moment | None,
    end: Moment | None,
) -> None:
    """Run QUERY, in the SQL dialect of DuckDB, over CAPTURE. Without a query, ask for queries at a prompt.

    That is over everything recorded, the facts, and what the analysis found: finding, symptom and edge. A QUERY of - is
    read from standard input. .tables lists what can be queried, as no query does without a terminal. The capture is
    read-only, and the query has no access to files or the network. docs/facts.md describes the columns.

    Times are integers, in Unix nanoseconds; for people they are shown as times. A table that is wider than the terminal
    is printed as with --line. Names with a dot need double quotes: select "k8s.event.reason" from kube_event.
    """
    if len(set(forms)) > 1:
        raise click.UsageError(f"--{' and --'.join(sorted(set(forms)))} exclude each other")
    form = forms[0] if forms else None
    opened = open_capture(capture)
    window = check_window(opened, begin, end)
    with Engine() as engine:
        if query == LIST_TABLES or (query is None and not (sys.stdin.isatty() and is_terminal())):
            build_model(opened, engine, window, wanted=())
            _print(form, *_contents(engine))
            return
        macros = change_macros(read_knowledge(knowledge).changes)
        model = build_model(opened, engine, window, _named_tables(query), change_macros=macros)
        analyze = cache(lambda: analyze_file(capture, knowledge=knowledge, feedback=feedback, window=window))

        def answer(text: str) -> None:
            _add_document_tables(engine, text, analyze)
            model.load_for(text)
            warn_of_losses(engine, capture)
            _print(form, *engine.ask(text, ROWS_SHOWN + 1 if form in {None, "line"} else None))

        if query is None:
            ask_for_queries(answer, lambda: _print("table", *_contents(engine)))
        else:
            answer(sys.stdin.read() if query == "-" else query)


def _named_tables(query: str | None) -> set[str] | None:
    """The declared tables that a query may read; None for all, if it is not certain that they are all it names."""
    text = (query or "").lower()
    read = set(_READ.findall(text))
    if not read or read - {*declared_tables(), *DOCUMENT_TABLES, *(table.name for table in TABLES)}:
        return None
    return {*declared_tables().keys() & set(re.findall(r"\w+", text)), "missing"}


def _add_document_tables(engine: Engine, query: str, analyze: Callable[[], Document]) -> None:
    """Analyzes the capture if the query may read what the analysis found."""
    named = set(re.findall(r"\w+", query.lower())).intersection(DOCUMENT_TABLES)
    if named:
        document = analyze()
        for name in sorted(named):
            engine.register(name, document_table(name, document))


def _print(form: str | None, names: list[str], rows: list[tuple[Any, ...]]) -> None:
    shown = rows if form in {"json", "csv"} else rows[:ROWS_SHOWN]
    if form is None:
        lines = to_table(names, shown)
        if is_terminal() and max(map(len, lines)) > shutil.get_terminal_size().columns:
            form = "line"
    for line in lines if form is None else FORMS[form](names, shown):
        click.echo(line)
    if len(rows) > len(shown):
        click.echo(f"… only the first {ROWS_SHOWN:,} rows are shown; --json and --csv print all of them")


def is_terminal() -> bool:
    """Whether a person reads the output."""
    return sys.stdout.isatty()


def _contents(engine: Engine) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The tables that can be queried, with their columns."""
    recorded = [table.name for table in TABLES]
    columns = {name: list(table.types) for name, table in declared_tables().items()}
    columns |= {name: list(of_table) for name, (_field, of_table) in DOCUMENT_TABLES.items()}
    for table, column in engine.rows("SELECT table_name, column_name FROM duckdb_columns() ORDER BY column_index"):
        if table in recorded:
            columns.setdefault(table, []).append(column)
    kinds = [
        ("found", DOCUMENT_TABLES),
        ("model", MODEL_TABLES),
        ("fact", declared_facts()),
        ("table", recorded),
    ]
    return ["is", "name", "columns"], [
        (kind, name, ", ".join(columns.get(name, ()))) for kind, names in kinds for name in names
    ]
