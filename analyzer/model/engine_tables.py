"""All tables of the engine except the recorded ones: every SQL file below this folder that has a declaration.

`docs/facts.md` and `docs/architecture.md` show them. To add one, add its file: there is no other list.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from analyzer.model.declarations import EVERY_RELATION, EngineTable, Kind, Scope, read_declaration

_FOLDER = Path(__file__).parent


@cache
def declared_tables() -> Mapping[str, EngineTable]:
    """Every table, view and fact by name, in order of path."""
    files = [read_declaration(path) for path in sorted(_FOLDER.glob("*/*.sql"))]
    return {table.name: table for table in (*files, *declared_facts().values(), _all_relations(files))}


@cache
def declared_facts() -> Mapping[str, EngineTable]:
    """Every fact by name, in order of group and name."""
    return {path.stem: read_declaration(path) for path in sorted((_FOLDER / "facts").glob("*/*.sql"))}


@cache
def fact_columns() -> Mapping[str, Mapping[str, str]]:
    """DuckDB type by column by fact: what the checker of knowledge needs before a capture is opened."""
    return {name: fact.types for name, fact in declared_facts().items()}


@cache
def read_tables(folder: Path) -> Mapping[str, EngineTable]:
    """The tables by name that the SQL files of one folder declare."""
    return {path.stem: read_declaration(path) for path in sorted(folder.glob("*.sql"))}


@cache
def functions_sql() -> str:
    """The statements that make the functions which every SELECT may use."""
    return (_FOLDER / "functions.sql").read_text(encoding="utf-8")


def _all_relations(tables: list[EngineTable]) -> EngineTable:
    """`relation`: the rows of every file of that kind, so that a relation is also one file."""
    names = [table.name for table in tables if table.kind is Kind.RELATION]
    return EngineTable(
        name="relation",
        group="relations",
        doc="Every relation of the capture, from the entity that needs or contains another one to that entity.",
        kind=Kind.TABLE,
        scope=Scope.CAPTURE,
        about=None,
        reads=dict.fromkeys(names, ()),
        needs={},
        columns=EVERY_RELATION,
        select=" UNION ALL BY NAME ".join(f"SELECT * FROM {name}" for name in names),  # noqa: S608 - names of our files
    )
