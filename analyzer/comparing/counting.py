"""Counts events by entity and kind within intervals of a capture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from analyzer.model.build import PartStep
from analyzer.model.engine import Engine
from analyzer.model.recorded_tables import Part

MAX_COUNTS = 100_000
"""Pairs of entity and kind of one fact in one part. Why: a hostile recording could have one per row."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time, both ends included, aligned unix ns."""

    from_ns: int
    to_ns: int

    @property
    def seconds(self) -> float:
        """Its length, at least a nanosecond."""
        return max(self.to_ns - self.from_ns, 1) / 1e9

    def overlaps(self, from_ns: int, to_ns: int) -> bool:
        """Whether some of another stretch is in it."""
        return from_ns <= self.to_ns and to_ns >= self.from_ns


@dataclass(frozen=True, slots=True)
class _Counted:
    """What is counted of one fact: SQL of the kind of event, of the number, and of the rows."""

    fact: str
    kind: str
    number: str = "count(*)"
    where: str = "true"


_OF_PARTS = (
    _Counted("tcp_failure", "'failed connections: ' || kind"),
    _Counted("tcp_connection", "'connections: ' || kind", where="kind <> 'close'"),
    _Counted(
        "request_outcome", "'requests answered with ' || status_code // 100 || 'xx'", "sum(count)", "side = 'server'"
    ),
    _Counted(
        "request_outcome", "'answers received with ' || status_code // 100 || 'xx'", "sum(count)", "side = 'client'"
    ),
    _Counted("syscall_failure", "'failed ' || syscall || ': ' || error_type", "sum(count)"),
    _Counted("process_start", "'processes started'"),
    _Counted(
        "process_exit",
        "coalesce('processes killed by signal ' || signal, 'processes exited with ' || exit_code)",
        where="signal IS NOT NULL OR exit_code <> 0",
    ),
)

_OF_CAPTURE = (
    _Counted("kubernetes_event", "type || ' events: ' || reason", "sum(count_delta)", "NOT is_old AND count_delta > 0"),
    _Counted("container_restart", "'container restarts'", "sum(delta)", "delta > 0"),
    _Counted("oom_kill", "'OOM kills'"),
)

COUNTED_FACTS = tuple(dict.fromkeys(counted.fact for counted in (*_OF_PARTS, *_OF_CAPTURE)))
"""The facts that are read here."""


class EventCounter:
    """Counts while the parts of a capture are gone through.

    Args:
        engine: its database holds the facts.
        intervals: that are counted, each by itself.

    Attributes:
        counts: for each interval, events by entity id and kind.
    """

    def __init__(self, engine: Engine, intervals: Sequence[Interval]) -> None:
        self._engine = engine
        self._intervals = intervals
        self.counts: tuple[Counter[tuple[str, str]], ...] = tuple(Counter() for _ in intervals)

    @property
    def part_step(self) -> PartStep:
        """Counts what the facts of one part show."""
        return PartStep(reads={counted.fact: () for counted in _OF_PARTS}, run=self._add_part)

    def finish(self) -> None:
        """Counts the facts over the whole capture; call it once all parts were gone through."""
        self._add(_OF_CAPTURE)

    def _add_part(self, _part: Part) -> None:
        self._add(_OF_PARTS)

    def _add(self, all_counted: Sequence[_Counted]) -> None:
        for counts, interval in zip(self.counts, self._intervals, strict=True):
            for counted in all_counted:
                rows = self._engine.rows(
                    f"""
                    SELECT entity_id, {counted.kind} AS kind, ({counted.number})::BIGINT AS events FROM {counted.fact}
                    WHERE at_ns BETWEEN ? AND ? AND ({counted.where}) AND ({counted.kind}) IS NOT NULL
                    GROUP BY ALL ORDER BY ALL LIMIT {MAX_COUNTS}
                    """,  # noqa: S608 - texts of this module
                    [interval.from_ns, interval.to_ns],
                )
                for entity_id, kind, events in rows:
                    if entity_id is not None:
                        counts[entity_id, kind] += events
