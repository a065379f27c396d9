"""The model of a capture: who is who, how they relate, what changed, and the facts, as tables of one engine.

`docs/facts.md` lists everything that can be asked for. All of it is computed from recorded state alone, by the SQL
files beside this module: each declares what it reads, and the order follows from that (`analyzer.model.schedule`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from analyzer.model.cgroup_paths import load_cgroup_paths
from analyzer.model.declarations import EngineTable, Kind, Reads, Scope
from analyzer.model.engine import SMALL_EVENTS, Engine
from analyzer.model.engine_tables import declared_tables
from analyzer.model.progress import show_progress
from analyzer.model.recorded_tables import FREQUENT_TABLES, GROWING_TABLES, Part, Tables
from analyzer.model.schedule import Schedule, closure, plan_schedule
from analyzer.model.segment_reading import Window
from formats.capture.reading import Capture
from formats.catalog import TABLES
from formats.errors import UsageError


@dataclass(frozen=True, slots=True)
class PartStep:
    """What is done with each part of a capture.

    Attributes:
        reads: facts, and frequent tables with their columns, that are read.
        run: called when these show a part, and no later.
    """

    reads: Reads
    run: Callable[[Part], None]


class Model:
    """What a capture says, as tables and views of an engine.

    Args:
        engine: has the recorded tables, and everything that the schedule computes before the parts.
        tables: the recorded tables, to be read again.
        schedule: of everything that is wanted.
        often_read: facts that are kept as tables.
        is_small: the capture is so small that planning a query takes longer than answering it: every fact is kept.

    Attributes:
        fact_rows: how many rows each fact has that is kept as a table and computed by now.
        skipped: names of the tables that were made empty without planning their SELECT, because of their `needs`.
    """

    def __init__(
        self, engine: Engine, tables: Tables, schedule: Schedule, often_read: Collection[str] = (), *, is_small: bool
    ) -> None:
        self.engine = engine
        self.fact_rows: dict[str, int] = {}
        self.skipped: set[str] = set()
        self._whole: set[str] = set()
        self._needs_met: dict[tuple[str, str], bool] = {}
        self._tables = tables
        self._schedule = schedule
        self._often_read = often_read
        self._is_small = is_small
        self._is_complete = False

    def go_through(self, steps: Sequence[PartStep] = ()) -> None:
        """Runs steps on one part of the frequent tables after the other, in order of time.

        Facts of the scope `part` can be read in steps only. What depends on all parts (`entity`, `relation`, many
        facts) is there when this returns, and not before.

        Raises:
            UsageError: a step reads what there is not.
        """
        wanted = self._wanted_by(steps)
        filled = [table for table in self._schedule.each_part if table.name in wanted]

        def run(part: Part) -> None:
            for table in filled:
                self.engine.execute(_fill_sql(table))
            for step in steps:
                step.run(part)
            advance(part.to_ns)

        with show_progress(*self._tables.extent) as advance:
            self._tables.for_each_part(_columns_of([*filled, *_facts_of(wanted)], steps), run)
        if not self._is_complete:
            self._is_complete = True
            self.compute(self._schedule.after)

    def compute(self, tables: Iterable[EngineTable]) -> None:
        """Makes tables and views whose rows depend on the whole capture, or views of a part."""
        for table in tables:
            is_table = not table.is_view or self._is_kept(table)
            rows = 0
            if is_table and not self._can_have_rows(table):
                self.skipped.add(table.name)
                self.engine.execute(table.empty_sql)
            else:
                made = self.engine.value(f"CREATE {'TABLE' if is_table else 'VIEW'} {table.name} AS {table.select}")
                rows = int(made) if is_table else 0
            if is_table and table.is_fact:
                self.fact_rows[table.name] = rows

    def _can_have_rows(self, table: EngineTable) -> bool:
        """Whether everything that a table needs is there. Why: to plan a SELECT takes 5 to 25 ms, rows or not."""
        return all(self._has_row(name, condition) for name, condition in table.needs.items())

    def _has_row(self, name: str, condition: str) -> bool:
        """Whether a table has a row that meets a condition; all that anything needs of it are asked at once."""
        if name in self.skipped:
            return False
        if (name, condition) not in self._needs_met:
            scheduled = (*self._schedule.before, *self._schedule.after)
            conditions = list(dict.fromkeys(table.needs[name] for table in scheduled if name in table.needs))
            asked = ", ".join(f"coalesce(bool_or({condition}), false)" for condition in conditions)
            answers = self.engine.rows(f"SELECT {asked} FROM {name}")[0]  # noqa: S608 - from our files
            self._needs_met.update(zip([(name, condition) for condition in conditions], answers, strict=True))
        return self._needs_met[name, condition]

    def _is_kept(self, fact: EngineTable) -> bool:
        is_wanted = fact.name in self._often_read or (self._is_small and fact.is_fact)
        grows = not GROWING_TABLES.isdisjoint(closure((fact.name,), declared_tables()))
        return is_wanted and fact.scope is Scope.CAPTURE and not grows

    def load_for(self, query: str) -> None:
        """Makes everything that a query reads readable at once, the frequent tables too: for `tapio sql`.

        It can be called for one query after the other.

        Raises:
            UsageError: DuckDB refuses the query.
        """
        if not self._is_complete:
            self.go_through()
        read = closure(self._tables_of(query), _seen_in_parts())
        for name in FREQUENT_TABLES:
            if name in read - self._whole:
                self._tables.load_whole(name)
                self._whole.add(name)
        for table in self._schedule.each_part:
            if table.name in read and table.scope is Scope.PART:
                self.engine.execute(_fill_sql(table))

    def _tables_of(self, query: str) -> set[str]:
        """Names of the tables that a query reads; more than that, where DuckDB cannot tell.

        Why it may not: it looks up the tables of a query without their types, and then cannot bind the as-of joins of
        some facts. Every word of the query is taken for a name then.
        """
        self.engine.check_is_query(query)
        names = self.engine.table_names(query)
        if names is None:
            return set(re.findall(r"\w+", query))
        return names | {name.removesuffix("_rows") for name in names}

    def _wanted_by(self, steps: Sequence[PartStep]) -> set[str]:
        """Everything that must show a part: for the steps, and the first time for what is accumulated."""
        names = {name for step in steps for name in step.reads}
        known = declared_tables().keys() | {table.name for table in TABLES}
        if unknown := sorted(names - known):
            raise UsageError(f"unknown fact {unknown[0][:64]!r}", next_step="docs/facts.md lists them")
        kept = {table.name for table in self._schedule.each_part if table.scope is Scope.ACCUMULATED}
        if self._is_complete:
            return closure(names, _seen_in_parts()) - kept
        return closure(names | kept, {**_seen_in_parts(), **{name: declared_tables()[name] for name in kept}})


def build_model(
    capture: Capture,
    engine: Engine,
    window: Window = (None, None),
    wanted: Collection[str] | None = None,
    *,
    change_macros: str = "",
    often_read: Collection[str] = (),
) -> Model:
    """Reads a capture into an engine.

    Args:
        capture: must stay open as long as the model is used.
        engine: fresh.
        window: begin and end in unix ns; only batches that overlap it are read.
        wanted: names of tables and facts that will be read; None = all.
        change_macros: what the knowledge says of changes (`analyzer.knowledge.compile_changes`), if `change` is wanted.
        often_read: facts over the whole capture that are computed once and kept. Others are views, of which a query
            computes only the columns that it names.
    """
    tables = Tables(capture, engine, window)
    tables.load_small_tables()
    load_cgroup_paths(engine)
    if change_macros:
        engine.execute(change_macros)
    names = declared_tables() if wanted is None else closure(wanted, declared_tables())
    schedule = plan_schedule(
        (table for name, table in declared_tables().items() if name in names), {table.name for table in TABLES}
    )
    for table in schedule.each_part:
        engine.execute(table.empty_sql)
    model = Model(engine, tables, schedule, often_read, is_small=capture.events <= SMALL_EVENTS)
    model.compute(schedule.before)
    return model


def _fill_sql(table: EngineTable) -> str:
    """The statements that add one part's rows to a table; one of the scope `part` first drops the previous rows."""
    emptied = f"DELETE FROM {table.name}; " if table.scope is Scope.PART else ""  # noqa: S608 - names of our files
    return f"{emptied}INSERT INTO {table.name} BY NAME {table.select}"


def _seen_in_parts() -> dict[str, EngineTable]:
    """What is computed from what it reads whenever it is read, or for each part: of all else the rows are there."""
    return {
        name: table
        for name, table in declared_tables().items()
        if table.is_view or (table.scope is Scope.PART and table.kind is Kind.TABLE)
    }


def _facts_of(names: Collection[str]) -> list[EngineTable]:
    return [table for name, table in _seen_in_parts().items() if name in names and table.is_view]


def _columns_of(tables: Iterable[EngineTable], steps: Iterable[PartStep]) -> dict[str, tuple[str, ...]]:
    """Columns by frequent table: all that these read of them."""
    columns: dict[str, list[str]] = {}
    for reads in (*(table.reads for table in tables), *(step.reads for step in steps)):
        for name, names in reads.items():
            if name in FREQUENT_TABLES:
                columns.setdefault(name, []).extend(names)
    return {name: tuple(dict.fromkeys(names)) for name, names in columns.items()}
