"""Entities are asked for together, and none twice."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.model.engine import Engine
from analyzer.model.entity_index import EntityIndex
from tests.analyzer.hand_made import add_entities, make_tables


class CountingEngine:
    """An engine that counts the queries."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self.queries = engine, 0

    def rows(self, *arguments: Any) -> list[tuple[Any, ...]]:
        self.queries += 1
        return self._engine.rows(*arguments)


@pytest.fixture
def counting(engine: Engine) -> CountingEngine:
    make_tables(engine)
    add_entities(engine, "Pod/a", "Pod/b", namespace="shop")
    return CountingEngine(engine)


def test_entities_that_were_loaded_together_cost_one_query(counting: CountingEngine) -> None:
    index = EntityIndex(counting)  # type: ignore[arg-type]
    index.load(["Pod/a", "Pod/b", None, "Pod/a"])
    assert index.row("Pod/a").reference.id == "Pod/a"
    assert index.row("Pod/b").namespace == "shop"
    index.load(["Pod/b"])
    assert counting.queries == 1


def test_entity_that_was_not_loaded_is_found_all_the_same(counting: CountingEngine) -> None:
    found = EntityIndex(counting).get("Pod/b")  # type: ignore[arg-type]
    assert found is not None
    assert found.entity_id == "Pod/b"


def test_unknown_entity_is_none_or_a_key_error(counting: CountingEngine) -> None:
    index = EntityIndex(counting)  # type: ignore[arg-type]
    assert index.get("Pod/c") is None
    assert index.get(None) is None
    with pytest.raises(KeyError, match="Pod/c"):
        index.row("Pod/c")
