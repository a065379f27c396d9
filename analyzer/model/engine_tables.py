"""The list of what the engine holds beside the recorded tables: every SQL file below this folder that declares itself.

`docs/facts.md` shows them. To add one, add its file: there is no other list.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from analyzer.model.declarations import EngineTable, read_declaration

_FOLDER = Path(__file__).parent


@cache
def declared_facts() -> Mapping[str, EngineTable]:
    """Every fact by name, in order of group and name."""
    return {path.stem: read_declaration(path) for path in sorted((_FOLDER / "facts").glob("*/*.sql"))}


@cache
def fact_columns() -> Mapping[str, Mapping[str, str]]:
    """DuckDB type by column by fact: what the checker of knowledge needs before a capture is opened."""
    return {name: fact.types for name, fact in declared_facts().items()}
