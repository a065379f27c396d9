"""The one columnar engine: a DuckDB connection in memory, locked before it sees anything that was recorded.

Everything recorded and every condition written in YAML is hostile: after `Engine` is open, no statement can read or
write a file, load an extension, reach the network or change a setting. `docs/adr/0001-columnar-engine.md` says why
DuckDB.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa

from analyzer.guard.leftovers import spill_prefix
from formats.errors import UsageError

Parameters = Sequence[Any] | Mapping[str, Any]
"""Parameters of a statement: by position, or by name for `$name`."""

MEMORY_BYTES = 2 << 30
"""Memory that DuckDB may use before it spills to disk. Why: the process stays below 4 GiB."""

SMALL_EVENTS = 200_000
"""Events of a capture that one thread answers for, whose facts are computed once instead of whenever they are read, and
for which DuckDB leaves out `_COSTLY_OPTIMIZERS`. Why: up to there planning queries takes most of the time, more threads
only add to it, and a better plan saves less than looking for it takes; at 1,000,000 events both take the same."""

_COSTLY_OPTIMIZERS = (
    "aggregate_reuse",
    "column_lifetime",
    "common_subexpressions",
    "common_subplan",
    "compressed_materialization",
    "duplicate_groups",
    "expression_rewriter",
    "join_elimination",
    "join_filter_pushdown",
    "join_order",
    "outer_join_simplification",
    "projection_placement",
    "projection_pullup",
    "statistics_propagation",
)
"""Optimizers that take most of the time and only matter for many rows. Not among them: those that turn a product of
tables with a condition into a join, and that leave out columns which are not read."""

_SETTINGS_BEFORE_LOCK = (
    "SET TimeZone = 'UTC'",
    "SET default_collation = ''",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


class Engine:
    """A locked, private DuckDB database in memory that spills to its own directory and removes it when closed.

    Args:
        threads: worker threads; None = one per core. The result never depends on it.
        memory_bytes: what the database may hold before it spills.
        has_plain_plans: DuckDB leaves out the optimizers that take most of the time. The result never depends on it.
    """

    def __init__(
        self, *, threads: int | None = None, memory_bytes: int = MEMORY_BYTES, has_plain_plans: bool = False
    ) -> None:
        self._spill_directory = tempfile.mkdtemp(prefix=spill_prefix(os.getpid()))
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{memory_bytes}B",
            "temp_directory": self._spill_directory,
            "autoload_known_extensions": "false",
            "autoinstall_known_extensions": "false",
            "allow_community_extensions": "false",
        }
        if threads is not None:
            config["threads"] = threads
        self._connection = duckdb.connect(":memory:", config=config)
        if has_plain_plans:
            self._leave_out_optimizers()
        for setting in _SETTINGS_BEFORE_LOCK:
            self._connection.execute(setting)

    @classmethod
    def for_events(cls, events: int) -> Self:
        """An engine with as many threads and optimizers as a capture with so many events is worth."""
        is_small = events <= SMALL_EVENTS
        return cls(threads=1 if is_small else None, has_plain_plans=is_small)

    def _leave_out_optimizers(self) -> None:
        known = {name for (name,) in self._connection.execute("FROM duckdb_optimizers()").fetchall()}
        left_out = ",".join(
            name for name in _COSTLY_OPTIMIZERS if name in known
        )  # they differ between versions of DuckDB
        self._connection.execute(f"SET disabled_optimizers = '{left_out}'")

    def execute(self, sql: str, parameters: Parameters = ()) -> None:
        """Run statements of ours, result unused."""
        self._connection.execute(sql, parameters)

    def rows(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """All rows of a trusted query."""
        return self._connection.execute(sql, parameters).fetchall()

    def arrow(self, sql: str) -> pa.Table:
        """All rows of a trusted query as an Arrow table."""
        return self._connection.sql(sql).to_arrow_table()

    def value(self, sql: str, parameters: Parameters = ()) -> Any:
        """The first column of the first row; None if there is no row."""
        row = self._connection.execute(sql, parameters).fetchone()
        return row[0] if row else None

    def records(self, sql: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        """All rows of a trusted query, each as a mapping by column name."""
        cursor = self._connection.execute(sql, parameters)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def ask(self, sql: str, limit: int | None = None) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Answer one query that a user wrote.

        Args:
            sql: one SELECT or EXPLAIN.
            limit: most rows that are fetched; None = all.

        Returns:
            Column names and rows.

        Raises:
            UsageError: it is no single query, or DuckDB refuses it.
        """
        self.check_is_query(sql)
        try:
            cursor = self._connection.execute(sql)
            rows = cursor.fetchall() if limit is None else cursor.fetchmany(limit)
        except duckdb.Error as error:
            raise _refusal(error) from error
        return [column[0] for column in cursor.description or ()], rows

    def check_is_query(self, sql: str) -> None:
        """Refuse what is not exactly one query.

        Raises:
            UsageError: says why.
        """
        try:
            statements = self._connection.extract_statements(sql)
        except duckdb.Error as error:
            raise _refusal(error) from error
        kinds = [statement.type for statement in statements]
        if kinds not in ([duckdb.StatementType.SELECT], [duckdb.StatementType.EXPLAIN]):
            found = ", ".join(kind.name for kind in kinds) or "nothing"
            raise UsageError(f"expected one SELECT statement, found {found}", next_step="captures are read-only")

    def table_names(self, sql: str) -> set[str] | None:
        """The tables that a query names, those behind its views included; None if DuckDB cannot tell."""
        try:
            return self._connection.get_table_names(sql)
        except duckdb.Error:
            return None

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table readable under a name, without copying it; replaces what had the name."""
        self._connection.unregister(name)
        self._connection.register(name, table)

    def create(self, name: str, table: pa.Table) -> None:
        """Make a table of the database with the columns and rows of an Arrow table."""
        self.register("rows_to_insert", table)
        self._connection.execute(f'CREATE TABLE "{name}" AS SELECT * FROM rows_to_insert')  # noqa: S608 - our own names
        self._connection.unregister("rows_to_insert")

    def insert(self, name: str, table: pa.Table) -> None:
        """Append an Arrow table's rows to a table, column by name."""
        self.register("rows_to_insert", table)
        self._connection.execute(f'INSERT INTO "{name}" BY NAME SELECT * FROM rows_to_insert')  # noqa: S608 - our own names
        self._connection.unregister("rows_to_insert")

    def close(self) -> None:
        """Free everything and remove the spill directory. Calling it twice does nothing."""
        self._connection.close()
        shutil.rmtree(self._spill_directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _refusal(error: duckdb.Error) -> UsageError:
    """DuckDB's own words on one line, with what it suggests; the query that it draws with a caret is left out."""
    said = str(error).split("\n\nLINE ", 1)[0]
    sentence = " ".join(line.strip() for line in said.splitlines() if line.strip())
    return UsageError(
        f"the query failed: {sentence}", next_step="`tapio sql CAPTURE .tables` lists the tables and columns"
    )
