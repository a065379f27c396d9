"""The blocks of docs pages that are written from the declarations of the engine's tables.

A block stands between `<!-- generated: NAME -->` and `<!-- end -->`; the prose around it is written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from analyzer.model.declarations import EVERY_FACT, EVERY_INTERVAL, DeclaredColumn, EngineTable, Kind, Scope
from analyzer.model.engine_tables import declared_facts

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


_BLOCKS: Mapping[str, Callable[[], str]] = {
    "every fact": lambda: "\n".join(_columns(EVERY_FACT)),
    "every interval": lambda: "\n".join(_columns(EVERY_INTERVAL)),
    "facts/kubernetes": _facts_of("kubernetes"),
    "facts/kernel": _facts_of("kernel"),
    "facts/recording": _facts_of("recording"),
}
