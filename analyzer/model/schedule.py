"""When each table is computed: after what it reads; before, for each, or after all of the parts of a capture."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from analyzer.model.declarations import EngineTable, Kind, Scope
from formats.errors import DeclarationError


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is computed when. Each comes after everything that it reads.

    Attributes:
        before: what small tables tell, and the views of a part.
        each_part: filled anew, or further, for every part.
        after: what is complete only when every part has been seen.
    """

    before: tuple[EngineTable, ...]
    each_part: tuple[EngineTable, ...]
    after: tuple[EngineTable, ...]


def plan_schedule(tables: Iterable[EngineTable], recorded: Collection[str]) -> Schedule:
    """When to compute these tables.

    Args:
        tables: with everything that they read.
        recorded: names of the recorded tables.

    Raises:
        DeclarationError: a table reads what nothing declares, or what is computed later, or tables read
            each other in a cycle.
    """
    before: list[EngineTable] = []
    each_part: list[EngineTable] = []
    after: dict[str, EngineTable] = {}
    of_a_part: set[str] = set()
    accumulated: set[str] = set()
    for table in order_by_reads(tables, recorded):
        if table.scope is Scope.CAPTURE:
            if reads := sorted(table.reads.keys() & of_a_part):
                raise _error(table, f"`{reads[0]}`, which shows one part of the capture only")
            if table.reads.keys() & (accumulated | after.keys()):
                after[table.name] = table
            elif table.kind is not Kind.FILLED:
                before.append(table)
        else:
            if reads := sorted(table.reads.keys() & after.keys()):
                raise _error(table, f"`{reads[0]}`, which is complete only after the last part")
            (before if table.is_view else each_part).append(table)
            (of_a_part if table.scope is Scope.PART else accumulated).add(table.name)
    return Schedule(tuple(before), tuple(each_part), tuple(after.values()))


def order_by_reads(tables: Iterable[EngineTable], recorded: Collection[str]) -> tuple[EngineTable, ...]:
    """The tables, each after those that it reads; where both orders are possible, by name.

    Raises:
        DeclarationError: as `plan_schedule`.
    """
    by_name = {table.name: table for table in tables}
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for table in by_name.values():
        if unknown := sorted(name for name in table.reads if name not in by_name and name not in recorded):
            raise _error(table, f"`{unknown[0]}`, which is not declared")
        sorter.add(table.name, *(table.reads.keys() & by_name.keys()))
    try:
        sorter.prepare()
    except CycleError as error:
        cycle = " reads ".join(f"`{name}`" for name in reversed(error.args[1]))
        raise DeclarationError(f"tables read each other in a cycle: {cycle}") from None
    return tuple(by_name[name] for name in _take_all(sorter))


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


def _take_all(sorter: TopologicalSorter[str]) -> Iterator[str]:
    ready: list[str] = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()])
        name, *ready = ready
        yield name
        sorter.done(name)


def _error(table: EngineTable, reads: str) -> DeclarationError:
    return DeclarationError(f"`{table.name}` reads {reads}", where=f"{table.group}/{table.name}.sql")
