"""The blocks of docs pages that are written from the declarations of the engine's tables.

A block stands between `<!-- generated: NAME -->` and `<!-- end -->`; the prose around it is written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from analyzer.model.declarations import EVERY_FACT, EVERY_INTERVAL, DeclaredColumn, EngineTable, Kind, Scope
from analyzer.model.engine_tables import declared_facts, declared_tables, read_tables

_BLOCK = re.compile(r"(<!-- generated: ([\w/ ]+) -->\n).*?(<!-- end -->\n)", re.DOTALL)


def fill_blocks(page: str) -> str:
    """The page with every block as the code has it now."""
    return _BLOCK.sub(lambda block: f"{block[1]}\n{_BLOCKS[block[2]]()}\n{block[3]}", page)


def _facts_of(group: str) -> Callable[[], str]:
    return lambda: "\n".join(_describe(fact) for fact in declared_facts().values() if fact.group == group)


def _describe(table: EngineTable) -> str:
    implied = {Kind.MOMENT: EVERY_FACT, Kind.INTERVAL: (*EVERY_FACT, *EVERY_INTERVAL)}.get(table.kind, ())
    parts = [f"### `{table.name}`", "", table.doc, ""]
    if table.is_fact:
        form = "interval" if table.kind is Kind.INTERVAL else "moment"
        parts += [f"{form}{', part' if table.scope is Scope.PART else ''} · about: {table.about}", ""]
    return "\n".join([*parts, *_columns(column for column in table.columns if column not in implied)])


def _columns(columns: Iterable[DeclaredColumn]) -> list[str]:
    rows = [f"| `{column.name}` | {column.type} | {column.doc} |" for column in columns]
    return ["| column | type | meaning |", "| --- | --- | --- |", *rows, ""]


def _model_tables() -> str:
    names = ("entity", "relation", "change", "capture_window", "clock_error", "missing")
    return "\n".join(_describe(declared_tables()[name]) for name in names)


def _engine_tables() -> str:
    rows = ["| table | scope | reads | one row is |", "| --- | --- | --- | --- |"]
    for table in (*declared_tables().values(), *_of_later_stations()):
        if not table.is_fact:
            reads = ", ".join(f"`{name}`" for name in table.reads)
            rows.append(
                f"| `{table.name}` | {table.scope} | {reads or _filled_by(table)} | {_first_sentence(table.doc)} |"
            )
    return "\n".join([*rows, ""])


def _of_later_stations() -> list[EngineTable]:
    analyzer = Path(__file__).parents[2] / "analyzer"
    return [table for room in ("reasoning", "document") for table in read_tables(analyzer / room).values()]


def _first_sentence(doc: str) -> str:
    return re.split(r"(?<=\.) (?=[A-Z`])", doc)[0]


def _filled_by(table: EngineTable) -> str:
    return "(filled by Python)" if table.kind is Kind.FILLED else ""


_BLOCKS: Mapping[str, Callable[[], str]] = {
    "engine tables": _engine_tables,
    "model tables": _model_tables,
    "every fact": lambda: "\n".join(_columns(EVERY_FACT)),
    "every interval": lambda: "\n".join(_columns(EVERY_INTERVAL)),
    "facts/kubernetes": _facts_of("kubernetes"),
    "facts/kernel": _facts_of("kernel"),
    "facts/programs": _facts_of("programs"),
    "facts/node": _facts_of("node"),
    "facts/recording": _facts_of("recording"),
}
