"""How long the ring will reach back: measured bytes and events of what was recorded, against the ring's limits."""

from __future__ import annotations

from dataclasses import dataclass

from formats.errors import TapioError, UnavailableError
from formats.segment.reading import open_segment
from formats.units import format_bytes, format_duration
from recorder.config import RecorderConfig
from recorder.store.layout import DataDirectory, SegmentName

_NEWEST_SEGMENTS = 200
"""Enough for more than a day at ten minutes each; older ones say less about tomorrow."""


@dataclass(frozen=True, slots=True)
class TablePlan:
    """What one table takes.

    Attributes:
        events_per_second: on average over the time that was measured.
        bytes_per_event: in sealed segments.
        bytes_per_hour: in sealed segments.
    """

    table: str
    events_per_second: float
    bytes_per_event: float
    bytes_per_hour: int


@dataclass(frozen=True, slots=True)
class RetentionPlan:
    """The outlook.

    Attributes:
        measured_ns: time that the segments cover, gaps left out.
        bytes_per_hour: of all tables.
        max_bytes: of the ring.
        kept_ns: how long the ring reaches back at this rate, at most `ring.max_age`.
        tables: the largest first.
    """

    measured_ns: int
    bytes_per_hour: int
    max_bytes: int
    kept_ns: int
    tables: tuple[TablePlan, ...]


def plan_retention(config: RecorderConfig) -> RetentionPlan:
    """The outlook from the newest segments of the ring.

    Raises:
        UnavailableError: there are none yet.
    """
    ring = DataDirectory(config.data_dir).ring
    found = [name for entry in (ring.iterdir() if ring.is_dir() else ()) if (name := SegmentName.parse(entry.name))]
    rows: dict[str, int] = {}
    sizes: dict[str, int] = {}
    measured_ns = 0
    for name in sorted(found)[-_NEWEST_SEGMENTS:]:
        try:
            manifest = open_segment(ring / str(name)).manifest
        except TapioError:
            continue  # deleted in the meantime, or damaged: `tapio verify` reports it
        measured_ns += name.end_boot_ns - name.begin_boot_ns
        for table in manifest.tables:
            rows[table.name] = rows.get(table.name, 0) + table.rows
            sizes[table.name] = sizes.get(table.name, 0) + table.size
    if not measured_ns:
        raise UnavailableError(
            "no segment has been sealed yet, so nothing can be measured",
            where=str(ring),
            next_step="let the recorder run for some time (journal.max_age, 10 minutes by default) and try again",
        )
    per_hour = {table: size * 3_600_000_000_000 // measured_ns for table, size in sizes.items()}
    total = sum(per_hour.values())
    kept_ns = min(config.ring.max_bytes * 3_600_000_000_000 // max(total, 1), config.ring.max_age_ns)
    tables = [
        TablePlan(
            table=table,
            events_per_second=round(rows[table] * 1e9 / measured_ns, 3),
            bytes_per_event=round(sizes[table] / rows[table], 2),
            bytes_per_hour=per_hour[table],
        )
        for table in sorted(per_hour, key=lambda table: (-per_hour[table], table))
    ]
    return RetentionPlan(measured_ns, total, config.ring.max_bytes, kept_ns, tuple(tables))


def format_plan(plan: RetentionPlan) -> str:
    """The outlook for people."""
    lines = [
        f"measured over {format_duration(plan.measured_ns)}: {format_bytes(plan.bytes_per_hour)} per hour",
        f"a ring of {format_bytes(plan.max_bytes)} reaches {format_duration(plan.kept_ns)} back",
        "",
        f"{'table':<16} {'events/s':>12} {'bytes/event':>12} {'per hour':>12}",
    ]
    lines += [
        f"{table.table:<16} {table.events_per_second:>12,.1f} {table.bytes_per_event:>12,.1f}"
        f" {format_bytes(table.bytes_per_hour):>12}"
        for table in plan.tables
    ]
    return "\n".join(lines)
