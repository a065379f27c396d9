"""`tapio sql`: query a capture with SQL."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from analyzer.commands.losses import warn_of_losses
from analyzer.commands.window import Moment, capture_argument, check_window, from_option, knowledge_option, to_option
from analyzer.knowledge.compile_changes import change_macros
from analyzer.knowledge.shipped import read_knowledge
from analyzer.model.build import build_model
from analyzer.model.engine import Engine
from analyzer.model.engine_tables import declared_facts, declared_tables
from formats.capture.reading import open_capture
from formats.catalog import TABLES
from formats.text import escape_text

CELL_CHARACTERS = 120
ROWS_SHOWN = 1_000
"""Rows of a table for people; programs get all."""

_FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r")
MODEL_TABLES = ("entity", "relation", "change", "capture_window", "missing", "clock_error")


@click.command()
@capture_argument
@click.argument("query", required=False)
@click.option("--json", "form", flag_value="json", help="Print one JSON object per row.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
@knowledge_option
@from_option
@to_option
def command(
    capture: Path,
    query: str | None,
    *,
    form: str | None,
    knowledge: tuple[Path, ...],
    begin: Moment | None,
    end: Moment | None,
) -> None:
    """Run QUERY, in the SQL dialect of DuckDB, over the tables and facts of CAPTURE. Without a query, list them.

    The capture is read-only, and the query has no access to files or the network. docs/facts.md describes all columns.
    """
    opened = open_capture(capture)
    window = check_window(opened, begin, end)
    with Engine() as engine:
        if query is None:
            build_model(opened, engine, window, wanted=())
            names, rows = _contents(engine)
        else:
            macros = change_macros(read_knowledge(knowledge).changes)
            build_model(opened, engine, window, change_macros=macros).load_for(query)
            warn_of_losses(engine, capture)
            names, rows = engine.ask(query, None if form else ROWS_SHOWN + 1)
    if form == "json":
        for row in rows:
            click.echo(json.dumps(dict(zip(names, row, strict=True)), default=_to_json))
    elif form == "csv":
        click.echo(_to_csv(names, rows), nl=False)
    else:
        for line in _to_table(names, rows[:ROWS_SHOWN]):
            click.echo(line)
        if len(rows) > ROWS_SHOWN:
            click.echo(f"… only the first {ROWS_SHOWN:,} rows are shown; --json and --csv print all of them")


def _contents(engine: Engine) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The tables that can be queried, with their columns."""
    recorded = [table.name for table in TABLES]
    columns = {name: list(table.types) for name, table in declared_tables().items()}
    for table, column in engine.rows("SELECT table_name, column_name FROM duckdb_columns() ORDER BY column_index"):
        if table in recorded:
            columns.setdefault(table, []).append(column)
    kinds = [
        ("model", MODEL_TABLES),
        ("fact", declared_facts()),
        ("table", recorded),
    ]
    return ["is", "name", "columns"], [
        (kind, name, ", ".join(columns.get(name, ()))) for kind, names in kinds for name in names
    ]


def _to_table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Aligned columns; the last one is not filled up."""
    cells = [[escape_text(name) for name in names]]
    cells += [[escape_text(_to_cell(value), limit=CELL_CHARACTERS) for value in row] for row in rows]
    widths = [max(len(row[index]) for row in cells) for index in range(len(names))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return [lines[0], "  ".join("─" * width for width in widths), *lines[1:]]


def _to_cell(value: Any) -> str:
    return "NULL" if value is None else str(value)


def _to_csv(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """RFC 4180; text that a spreadsheet would take for a formula begins with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([_guard(name) for name in names])
    writer.writerows([[_guard(value) for value in row] for row in rows])
    return text.getvalue()


def _guard(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA_BEGINS) else text


def _to_json(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
