"""The declaration at the head of every SQL file: what the table, view or fact is, what it reads, and its columns.

A file is named as its table and holds a comment and one SELECT::

    -- A container that waits to run, and what for.
    --
    -- kind: interval fact
    -- about: Container
    -- reads: container_status
    -- needs:
    --   container_status: state = 'waiting'
    -- columns:
    --   pod_id VARCHAR: The Pod.
    SELECT …

`needs` names tables that it reads, each with a condition on one row, or `any`: without such a row in each of them the
SELECT has no rows, and it is not planned (`analyzer.model.build`).

`docs/adr/0005-declared-engine-tables.md` says why there and not in Python. Whoever adds a file adds a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from formats.errors import DeclarationError


class Kind(StrEnum):
    """How the rows of a file can be read."""

    TABLE = "table"
    """Computed once and kept."""
    VIEW = "view"
    """Computed whenever it is read."""
    MOMENT = "moment fact"
    """A view of what happened to an entity at a moment."""
    INTERVAL = "interval fact"
    """A view of what held for an entity for a while."""
    RELATION = "relation"
    """A table whose rows are also rows of `relation`."""
    FILLED = "filled table"
    """A table without a SELECT: the module that inserts its rows is named in its comment."""


class Scope(StrEnum):
    """Which rows of the frequent tables are seen when it is computed."""

    CAPTURE = "capture"
    """Those of the whole capture."""
    PART = "part"
    """Those of one part of the capture; the next part replaces it."""
    ACCUMULATED = "accumulated"
    """Those of one part of the capture after the other; it keeps what it found in each."""


@dataclass(frozen=True, slots=True)
class DeclaredColumn:
    """One column.

    Attributes:
        name: as SQL has it.
        type: of DuckDB; STRUCT and MAP stand for any, because the SELECT itself spells their fields.
        doc: a sentence or two, with unit and what null means.
    """

    name: str
    type: str
    doc: str


EVERY_FACT = (
    DeclaredColumn("at_ns", "BIGINT", "When it happened or began: unix ns on the aligned time line of the capture."),
    DeclaredColumn("entity_id", "VARCHAR", "The entity that it is about (key of `entity`); never null."),
    DeclaredColumn("node", "VARCHAR", "The node that recorded it."),
    DeclaredColumn("seq", "UBIGINT", "`event_seq` of the row that it was read from."),
    DeclaredColumn("evidence", "VARCHAR", "`table:node:seq` of that row."),
)
"""Columns that every fact has, and its file does not declare."""

EVERY_INTERVAL = (
    DeclaredColumn("to_ns", "BIGINT", "When it ended: unix ns; the end of the capture if it had not ended."),
    DeclaredColumn("is_open", "BOOLEAN", "Whether it was still true when the capture ended."),
    DeclaredColumn("is_old", "BOOLEAN", "Whether it was already true when the recording began."),
    DeclaredColumn("is_past", "BOOLEAN", "Whether it was true when the recording began, but no longer at its end."),
)
"""Columns that every interval fact also has, and its file does not declare."""

EVERY_RELATION = (
    DeclaredColumn("relation", "VARCHAR", "Name of the relation."),
    DeclaredColumn("source_id", "VARCHAR", "The entity that needs or contains the other."),
    DeclaredColumn("target_id", "VARCHAR", "The entity that is needed or held."),
    DeclaredColumn("from_ns", "BIGINT", "Start of the interval in which the relation exists, in aligned unix ns."),
    DeclaredColumn("to_ns", "BIGINT", "End of that interval, in aligned unix ns."),
    DeclaredColumn("evidence", "VARCHAR", "`table:node:seq` of the row that shows it; null if none does."),
)
"""Columns that every relation has, and its file does not declare."""

Reads = Mapping[str, tuple[str, ...]]
"""Tables that are read, with their columns where these are declared: those of frequent tables."""


@dataclass(frozen=True, slots=True)
class EngineTable:
    """One table, view or fact of the engine.

    Attributes:
        name: of the table and of its file.
        group: the folder of the file.
        doc: what one row is; the first sentence stands alone.
        kind: how its rows can be read.
        scope: which rows of the frequent tables it is computed from.
        about: whom a fact is about, in words; None for others.
        reads: what the SELECT reads.
        needs: by the name of a table that it reads, a condition that a row of that table must meet for the SELECT to
            have any row.
        columns: all of them, with those that the kind implies; the SELECT may give them in another order.
        select: one SELECT without a semicolon; empty for a filled table.
    """

    name: str
    group: str
    doc: str
    kind: Kind
    scope: Scope
    about: str | None
    reads: Reads
    needs: Mapping[str, str]
    columns: tuple[DeclaredColumn, ...]
    select: str

    @property
    def is_fact(self) -> bool:
        """Whether symptoms can be written against it."""
        return self.kind in (Kind.MOMENT, Kind.INTERVAL)

    @property
    def is_view(self) -> bool:
        """Whether it is computed whenever it is read."""
        return self.is_fact or self.kind is Kind.VIEW

    @property
    def types(self) -> dict[str, str]:
        """DuckDB type by column."""
        return {column.name: column.type for column in self.columns}

    @property
    def empty_sql(self) -> str:
        """The statement that makes it as an empty table."""
        columns = ", ".join(f'"{name}" {kind}' for name, kind in self.types.items())
        return f"CREATE OR REPLACE TABLE {self.name} ({columns})"


_IMPLIED = {
    Kind.MOMENT: EVERY_FACT,
    Kind.INTERVAL: (*EVERY_FACT, *EVERY_INTERVAL),
    Kind.RELATION: EVERY_RELATION,
}
_KEYS = ("kind", "scope", "about", "reads", "needs", "columns")
_DOC = re.compile(r"(?:--(?! kind:).*\n)*")
_FIELD = re.compile(r"-- (\w+):(.*)\n((?:--   .*\n)*)")
_COLUMN = re.compile(r"--   (\w+) ([A-Z]+(?:\[\])*): (.*\n(?:--     .*\n)*)")
_READ = re.compile(r"(\w+)(?: \(([\w., ]+)\))?(?:, |$)")
_NEED = re.compile(r"--   (\w+): (.*\n(?:--     .*\n)*)")
_ANY_ROW = "any"
_WITHOUT_FIELDS = ("STRUCT", "MAP")
_Choice = TypeVar("_Choice", bound=StrEnum)


def read_declaration(path: Path) -> EngineTable:
    """What one SQL file declares.

    Raises:
        DeclarationError: the head of the file is not a declaration; says file and line.
    """
    return parse_declaration(path.read_text(encoding="utf-8"), path)


def parse_declaration(text: str, path: Path) -> EngineTable:
    """As `read_declaration`, from the text of the file.

    Args:
        text: of the file.
        path: gives the name and the group; it is not read.
    """
    head = _Head(text, path)
    kind = head.choice("kind", Kind, None)
    select = text[head.end :].strip()
    if kind is Kind.FILLED and select:
        raise head.error("nothing may follow the declaration of a filled table", head.end)
    if kind is not Kind.FILLED and (not select.startswith(("SELECT", "WITH")) or select.endswith(";")):
        raise head.error("the declaration must be followed by one SELECT without a semicolon", head.end)
    reads = head.reads()
    columns = (*_IMPLIED.get(kind, ()), *head.columns())
    return EngineTable(
        name=path.stem,
        group=path.parent.name,
        doc=head.doc,
        kind=kind,
        scope=head.choice("scope", Scope, Scope.CAPTURE),
        about=head.value("about"),
        reads=reads,
        needs=head.needs(reads, columns),
        columns=columns,
        select=select,
    )


class _Head:
    """The comment at the head of a file: a doc, then `key: value`, from `kind` on.

    Args:
        text: of the whole file.
        path: for errors.

    Attributes:
        doc: on one line.
        end: where the comment ends.
    """

    def __init__(self, text: str, path: Path) -> None:
        self._text = text
        self._path = path
        self._fields: dict[str, re.Match[str]] = {}
        doc = _DOC.match(text)
        self.end = doc.end() if doc else 0
        self.doc = _unwrap(text[: self.end])
        if not self.doc:
            raise self.error("the file must begin with a comment that says what a row is", 0)
        while field := _FIELD.match(text, self.end):
            if field[1] not in _KEYS or field[1] in self._fields:
                raise self.error(f"expected one of {', '.join(_KEYS)}, each once, found `{field[1]}`", self.end)
            self._fields[field[1]] = field
            self.end = field.end()
        if text.startswith("--", self.end):
            raise self.error("expected `-- key: value`, or deeper lines that continue one", self.end)

    def error(self, problem: str, position: int) -> DeclarationError:
        """What is wrong at a position of the text."""
        line = self._text.count("\n", 0, position) + 1
        return DeclarationError(problem, where=f"{self._path}:{line}")

    def value(self, key: str) -> str | None:
        """The value of a key on one line; None if the key is missing."""
        field = self._fields.get(key)
        return None if field is None else _unwrap(f"{field[2]}\n{field[3]}")

    def choice(self, key: str, choices: type[_Choice], default: _Choice | None) -> _Choice:
        """The value of a key that has a closed list of values."""
        value = self.value(key)
        if value is None and default is not None:
            return default
        try:
            return choices(value or "")
        except ValueError:
            allowed = ", ".join(f"`{choice}`" for choice in choices)
            field = self._fields.get(key)
            raise self.error(f"`{key}` must be one of {allowed}", field.start() if field else 0) from None

    def columns(self) -> Iterator[DeclaredColumn]:
        """The declared columns, in order."""
        field = self._fields.get("columns")
        if field is None:
            return
        seen: set[str] = set()
        position = field.start(3)
        while position < field.end(3):
            column = _COLUMN.match(self._text, position)
            if column is None or column[1] in seen:
                raise self.error("a column is `name TYPE: sentence`, each name once", position)
            seen.add(column[1])
            yield DeclaredColumn(column[1], column[2], _unwrap(column[3]))
            position = column.end()

    def reads(self) -> dict[str, tuple[str, ...]]:
        """What `reads` lists; nothing if there is no such line."""
        text = self.value("reads") or ""
        found: dict[str, tuple[str, ...]] = {}
        position = 0
        while position < len(text):
            read = _READ.match(text, position)
            if read is None or read[1] in found:
                problem = f"`reads` is a list of `table` or `table (columns)`, each once, wrong at {text[position:]!r}"
                raise self.error(problem, self._fields["reads"].start())
            found[read[1]] = tuple(read[2].split(", ")) if read[2] else ()
            position = read.end()
        return found

    def needs(self, reads: Reads, columns: Iterable[DeclaredColumn]) -> dict[str, str]:
        """The conditions that `needs` lists; nothing if there is no such line."""
        found = self._fields.get("needs")
        if found is None:
            return {}
        if self.choice("scope", Scope, Scope.CAPTURE) is not Scope.CAPTURE:
            raise self.error("`needs` is for tables of the scope `capture`", found.start())
        if any(column.type.startswith(_WITHOUT_FIELDS) for column in columns):
            raise self.error("`needs` is for tables that can be made empty: without STRUCT and MAP", found.start())
        needs: dict[str, str] = {}
        position = found.start(3)
        while position < found.end(3):
            need = _NEED.match(self._text, position)
            if need is None or need[1] in needs or need[1] not in reads:
                raise self.error(
                    "a need is `table: condition` or `table: any`, each a table of `reads`, once", position
                )
            condition = _unwrap(need[2])
            needs[need[1]] = "true" if condition == _ANY_ROW else condition
            position = need.end()
        return needs


def _unwrap(comment: str) -> str:
    """Lines of a comment as one line."""
    return " ".join(comment.replace("\n--", " ").removeprefix("--").split())
