"""In which order tables are computed: each one after everything that it reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from analyzer.model.declarations import EngineTable
from formats.errors import DeclarationError


def order_by_reads(tables: Iterable[EngineTable], given: Iterable[str]) -> tuple[EngineTable, ...]:
    """The tables, each after those that it reads; where both orders are possible, by name.

    Args:
        tables: to be ordered.
        given: names of what is there already.

    Raises:
        DeclarationError: a table reads what is neither given nor declared, or tables read each other in a circle.
    """
    by_name = {table.name: table for table in tables}
    known = set(given)
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for table in by_name.values():
        unknown = sorted(table.reads.keys() - by_name.keys() - known)
        if unknown:
            raise DeclarationError(f"`{table.name}` reads `{unknown[0]}`, which is not declared", where=_place(table))
        sorter.add(table.name, *(table.reads.keys() & by_name.keys()))
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " reads ".join(f"`{name}`" for name in reversed(error.args[1]))
        raise DeclarationError(f"tables read each other in a cycle: {circle}") from None
    return tuple(by_name[name] for name in _take(sorter))


def _take(sorter: TopologicalSorter[str]) -> Iterable[str]:
    ready: list[str] = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()])
        name, *ready = ready
        yield name
        sorter.done(name)


def _place(table: EngineTable) -> str:
    return f"{table.group}/{table.name}.sql"


def closure(names: Iterable[str], tables: Mapping[str, EngineTable]) -> set[str]:
    """Names with everything that they read, and that those read, recorded tables included."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(tables[name].reads if name in tables else ())
    return found
