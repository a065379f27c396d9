"""Rules on changes after they were read and checked; `analyzer.knowledge.rules` has the other kinds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from analyzer.knowledge.expression import Expression


class Actor(StrEnum):
    """Who made a change."""

    USER = "user"
    """A person or a program from outside: the change can be a root cause."""
    CONTROLLER = "controller"
    """A part of Kubernetes, as a consequence of something else."""


@dataclass(frozen=True, slots=True)
class ChangePath:
    """Which paths of objects a rule is about.

    Attributes:
        text: as written.
        regex: RE2 that finds itself in these paths and in all below them.
        steps: number of named steps: the more, the more specific.
    """

    text: str
    regex: str
    steps: int


@dataclass(frozen=True, slots=True)
class ChangeTest:
    """One change, and what must be said about it.

    Attributes:
        where: file:line:column.
        values: of the columns `compile_changes.CHANGE_COLUMNS`.
        expected: the category, the actor, or `true` or `false` for ignored: what the rule decides.
    """

    where: str
    values: Mapping[str, str | bool | None]
    expected: str


@dataclass(frozen=True, slots=True)
class ChangeRule:
    """`kind: Change`: what a recorded change is. It decides exactly one of `category`, `actor` and `is_ignored`.

    Attributes:
        category: what was changed; None if the rule does not decide it.
        actor: who changed it; None if the rule does not decide it.
        is_ignored: True if such a change is no decision of anyone: it is omitted.
        kinds: kinds of objects; empty = all.
        paths: any of these; empty = every path, and creation and deletion.
        only_if: over `compile_changes.CHANGE_COLUMNS`; None = always.
    """

    name: str
    where: str
    meaning: str
    category: str | None
    actor: Actor | None
    is_ignored: bool
    kinds: tuple[str, ...]
    paths: tuple[ChangePath, ...]
    only_if: Expression | None
    tests: tuple[ChangeTest, ...]
