"""Measures: the decisive figures of an incident over time, for charts: memory, restarts, connections, requests."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from analyzer.model.build import PartStep
from analyzer.model.engine import Engine
from analyzer.model.engine_tables import read_tables
from analyzer.model.entity_index import EntityIndex
from analyzer.model.recorded_tables import Part
from formats.postmortem.recording import Measure

MAX_POINTS = 600
"""Points of one line. Why: a screen has about twice as many pixels; the document allows 2,000."""

MAX_MEASURES = 60

_MIN_STEP_NS = 1_000_000_000
_MAX_SERIES_PER_PART = 20_000


@dataclass(frozen=True, slots=True)
class _Counted:
    """One figure that is counted over part facts."""

    name: str
    fact: str
    value: str
    where: str
    unit: str


_COUNTED = (
    _Counted("failed connections", "tcp_failure", "count(*)", "kind <> 'retransmit'", "connections"),
    _Counted("requests answered", "request_outcome", "sum(count)", "side = 'server' AND status_code < 500", "requests"),
    _Counted("requests failed", "request_outcome", "sum(count)", "side = 'server' AND status_code >= 500", "requests"),
)

MEASURED_FACTS = ("memory_usage", "oom_kill", "container_restart", *dict.fromkeys(counted.fact for counted in _COUNTED))
"""The facts that are read here."""


class MeasureSearch:
    """Counts figures in steps of time while the parts of a capture are gone through.

    Args:
        engine: its database holds the facts and `capture_window`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        begin, end = engine.rows("SELECT from_ns, to_ns FROM capture_window")[0]
        self._step_ns = max(_MIN_STEP_NS, (end - begin) // MAX_POINTS // _MIN_STEP_NS * _MIN_STEP_NS)
        engine.execute(read_tables(Path(__file__).parent)["counted"].empty_sql)

    @property
    def part_step(self) -> PartStep:
        """Counts what the facts of one part show."""
        return PartStep(reads={counted.fact: () for counted in _COUNTED}, run=self._add_part)

    def _add_part(self, _part: Part) -> None:
        for counted in _COUNTED:
            self._engine.execute(
                f"""
                INSERT INTO counted
                SELECT '{counted.name}', entity_id, at_ns - at_ns % {self._step_ns} AS step, {counted.value} AS total
                FROM {counted.fact} WHERE {counted.where}
                GROUP BY entity_id, step ORDER BY entity_id, step LIMIT {_MAX_SERIES_PER_PART * MAX_POINTS}
                """  # noqa: S608 - texts of this module
            )

    def count_requests(self, entity_ids: Collection[str], from_ns: int, to_ns: int) -> dict[str, int]:
        """Requests that each of these entities answered between two times, rounded to steps; others are left out."""
        rows = self._engine.rows(
            """
            SELECT entity_id, sum(value)::BIGINT FROM counted
            WHERE name IN ('requests answered', 'requests failed') AND entity_id IN (SELECT unnest(?::VARCHAR[]))
                AND at_ns BETWEEN ? AND ?
            GROUP BY entity_id
            """,
            [sorted(entity_ids), from_ns - from_ns % self._step_ns, to_ns],
        )
        return {entity_id: int(requests) for entity_id, requests in rows}

    def finish(self, entity_ids: Collection[str], entities: EntityIndex) -> tuple[Measure, ...]:
        """The lines of these entities, sorted by name and entity."""
        wanted = sorted(entity_ids)
        entities.load(wanted)
        found = [*self._memory(wanted, entities), *self._restarts(wanted, entities), *self._counted(wanted, entities)]
        found.sort(key=lambda measure: (measure.name, measure.entity.id))
        return tuple(found[:MAX_MEASURES])

    def _memory(self, wanted: list[str], entities: EntityIndex) -> list[Measure]:
        rows = self._engine.rows(
            f"""
            SELECT entity_id, list([moment, value] ORDER BY moment), max(limit_bytes)
            FROM (
              SELECT entity_id, max(at_ns) AS moment, max(coalesce(working_set_bytes, usage_bytes)) AS value,
                max(limit_bytes) AS limit_bytes
              FROM (
                SELECT entity_id, at_ns, working_set_bytes, usage_bytes, limit_bytes FROM memory_usage
                UNION ALL
                -- What polling misses: how much the victim of a kill had.
                SELECT entity_id, at_ns, NULL,
                  anon_rss_bytes + coalesce(file_rss_bytes, 0) + coalesce(shmem_rss_bytes, 0), limit_bytes
                FROM oom_kill WHERE anon_rss_bytes IS NOT NULL
              )
              WHERE entity_id IN (SELECT unnest(?::VARCHAR[]))
              GROUP BY entity_id, at_ns // {self._step_ns}
            )
            GROUP BY entity_id ORDER BY entity_id
            """,  # noqa: S608 - a number
            [wanted],
        )
        return self._lines("memory", "By", rows, entities)

    def _restarts(self, wanted: list[str], entities: EntityIndex) -> list[Measure]:
        rows = self._engine.rows(
            """
            SELECT entity_id, list([at_ns, restart_count] ORDER BY at_ns, restart_count), NULL
            FROM container_restart WHERE entity_id IN (SELECT unnest(?::VARCHAR[]))
            GROUP BY entity_id ORDER BY entity_id
            """,
            [wanted],
        )
        return self._lines("restarts", "restarts", rows, entities)

    def _counted(self, wanted: list[str], entities: EntityIndex) -> list[Measure]:
        rows = self._engine.rows(
            """
            SELECT name, entity_id, list([at_ns, value] ORDER BY at_ns), NULL
            FROM (
              SELECT name, entity_id, at_ns, sum(value)::BIGINT AS value FROM counted
              WHERE entity_id IN (SELECT unnest(?::VARCHAR[])) GROUP BY name, entity_id, at_ns
            )
            GROUP BY name, entity_id ORDER BY name, entity_id
            """,
            [wanted],
        )
        return [
            line
            for counted in _COUNTED
            for line in self._lines(
                counted.name, counted.unit, [row[1:] for row in rows if row[0] == counted.name], entities
            )
        ]

    @staticmethod
    def _lines(
        name: str, unit: str, rows: list[tuple[str, list[list[int]], int | None]], entities: EntityIndex
    ) -> list[Measure]:
        lines = []
        for entity_id, points, limit in rows:
            row = entities.get(entity_id)
            if row is not None:
                pairs = tuple((at, value) for at, value in points[-2 * MAX_POINTS :])
                lines.append(Measure(name=name, entity=row.reference, unit=unit, points=pairs, limit=limit))
        return lines
