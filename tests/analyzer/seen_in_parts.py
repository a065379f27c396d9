"""What a query sees in each part of a capture."""

from __future__ import annotations

from typing import Any

from analyzer.model.build import Model, PartStep
from analyzer.model.engine import Engine


def rows_of_parts(model: Model, engine: Engine, fact: str, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query over one fact, of one part after the other."""
    seen: list[tuple[Any, ...]] = []
    model.go_through([PartStep({fact: ()}, lambda _part: seen.extend(engine.rows(query)))])
    return seen
