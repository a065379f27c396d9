"""What the stations must know of the recording itself: how much there is, what is missing, how well clocks agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analyzer.model.engine import Engine
from formats.capture.reading import Capture

UNKNOWN_ERROR_NS = 1 << 62
"""Stands for an error that was not recorded: larger than any lag."""

MAX_LOSSES = 10_000
"""Losses that are compared with findings, the longest kept."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What is missing from one table in one interval (unix ns)."""

    table: str
    from_ns: int
    to_ns: int
    what: str


@dataclass(frozen=True, slots=True)
class ClockErrors:
    """How far the times of nodes may be apart.

    Attributes:
        by_node: bound of each node's times on the time line of the capture, ns; None if it is not known.
    """

    by_node: Mapping[str, int | None]

    def between(self, one: str | None, other: str | None) -> int:
        """How far the times of two nodes may be apart: 0 for one node; more than any lag if that is not known."""
        if one == other or not self._has_several:
            return 0
        errors = [self.by_node.get(node or "") for node in (one, other)]
        return UNKNOWN_ERROR_NS if None in errors else sum(error or 0 for error in errors)

    @property
    def worst_ns(self) -> int | None:
        """How far the times of any two nodes may be apart; 0 for one node; None if a node's error is not known."""
        errors = [error for error in self.by_node.values() if error is not None]
        if not self._has_several:
            return 0
        return sum(sorted(errors)[-2:]) if len(errors) == len(self.by_node) else None

    @property
    def _has_several(self) -> bool:
        return len(self.by_node) > 1


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a finding must know of the recording.

    Attributes:
        rows: number of rows by table; tables without rows may be left out.
        losses: what is missing, in order of time.
        clocks: how far the times of two nodes may be apart.
    """

    rows: Mapping[str, int]
    losses: Sequence[Loss]
    clocks: ClockErrors


def read_recorded(engine: Engine, capture: Capture) -> Recorded:
    """Reads it from the capture and from the views `missing` and `clock_error`."""
    rows = engine.rows(
        """
        SELECT table_name, from_ns, to_ns, reason, count, node FROM missing
        ORDER BY to_ns - from_ns DESC, from_ns, table_name, reason, node LIMIT ?
        """,
        [MAX_LOSSES],
    )
    losses = [
        Loss(table, begin, end, _sentence(table, reason, count, node))
        for table, begin, end, reason, count, node in rows
    ]
    return Recorded(
        rows=capture.tables,
        losses=sorted(losses, key=lambda loss: (loss.from_ns, loss.table, loss.what)),
        clocks=read_clock_errors(engine),
    )


def _sentence(table: str, reason: str, count: int | None, node: str) -> str:
    events = "an unknown number of events" if count is None else f"{count:,} events"
    return (
        f"missing from this time: {events} of {table} on {node} ({reason}); what was not recorded cannot be ruled out"
    )


def read_clock_errors(engine: Engine) -> ClockErrors:
    """Reads it from `clock_error`."""
    return ClockErrors(dict(engine.rows("SELECT node, apart_ns FROM clock_error ORDER BY node")))
