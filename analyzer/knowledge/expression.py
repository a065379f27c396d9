"""Expressions of SQL in knowledge, after they were checked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Expression:
    """One SQL expression of a YAML file.

    Attributes:
        sql: its text.
        where: file:line:column.
    """

    sql: str
    where: str
