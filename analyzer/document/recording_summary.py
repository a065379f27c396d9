"""What a capture holds and what is missing from it, without any judgement on what happened."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from analyzer.model.build import PartStep, build_model
from analyzer.model.engine import Engine
from analyzer.model.recorded_tables import FREQUENT_TABLES, Part
from formats.capture.reading import Capture
from formats.catalog import TABLE_BY_NAME
from formats.loss import LOSS_ADVICE, LossReason


@dataclass(frozen=True, slots=True)
class TableSummary:
    """One table of a capture, over all segments."""

    name: str
    rows: int
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class MissingSummary:
    """What is missing from one table of one node for one reason.

    Attributes:
        count: how many events, where known; None if it is known of no interval.
        unknown: intervals in which an unknown number is missing.
        from_ns: begin of the first interval, aligned unix ns; `to_ns` the end of the last.
        advice: what to do.
    """

    table: str
    node: str
    reason: str
    count: int | None
    unknown: int
    from_ns: int
    to_ns: int
    advice: str


@dataclass(frozen=True, slots=True)
class NodeSummary:
    """One node that recorded.

    Attributes:
        segments: how many are from it.
        boots: how many boots of it were recorded.
        clock_error_ns: maximum error of the aligned times against unix time; None if it is not known.
        clock_apart_ns: maximum error against the time line of the capture; None if it is not known, 0 for one node.
        clock_ahead_ns: by how much its clock was ahead of that time line, which aligned times leave out.
    """

    name: str
    segments: int
    boots: int
    clock_error_ns: int | None
    clock_apart_ns: int | None
    clock_ahead_ns: int


@dataclass(frozen=True, slots=True)
class CutSummary:
    """What a capture that `tapio cut` made says of the capture that it was cut from; see `formats.capture.info.Cut`."""

    capture: str | None
    pattern: str | None
    rows: int
    rows_left_out: int


@dataclass(frozen=True, slots=True)
class MergedSummary:
    """What one of the captures said of itself that this one was merged from.

    Attributes:
        id: of that capture; None if that is not to be known.
        asked_from_ns, asked_to_ns: the window asked for when it was frozen; None if none was.
    """

    id: str | None
    frozen_because: str | None
    asked_from_ns: int | None
    asked_to_ns: int | None


@dataclass(frozen=True, slots=True)
class RecordingSummary:
    """What `tapio info` prints.

    Attributes:
        asked_from_ns, asked_to_ns: the window asked for when it was frozen; None if none was.
        from_ns, to_ns: what was recorded, aligned unix ns.
        attributed: events of cgroups that belong to a pod; `attributable`: all events that bear a cgroup. None if they
            were not counted.
        notes: what this version does not know and leaves out.
        cut: what it was cut from; None if it was not cut.
        merged: the captures that it was merged from; empty if it was not merged.
    """

    id: str
    frozen_because: str | None
    created_by: str
    asked_from_ns: int | None
    asked_to_ns: int | None
    from_ns: int
    to_ns: int
    events: int
    nodes: tuple[NodeSummary, ...]
    tables: tuple[TableSummary, ...]
    missing: tuple[MissingSummary, ...]
    attributed: int | None
    attributable: int | None
    notes: tuple[str, ...]
    cut: CutSummary | None
    merged: tuple[MergedSummary, ...]


def summarize_recording(capture: Capture, *, counts_owners: bool = True) -> RecordingSummary:
    """Reads every table of the capture that is not frequent.

    Args:
        capture: opened.
        counts_owners: read the frequent ones, too, for whose the rows are: nearly all of the capture.
    """
    with Engine.for_events(capture.events) as engine:
        attribution = _Attribution(engine)
        build_model(capture, engine, wanted=("capture_window", "cgroup", "clock_error", "missing")).go_through(
            [attribution.part_step] if counts_owners else []
        )
        (begin, end), *_ = engine.rows("SELECT from_ns, to_ns FROM capture_window")
        clocks = {
            name: clock for name, *clock in engine.rows("SELECT node, error_ns, apart_ns, ahead_ns FROM clock_error")
        }
        missing = _missing(engine)
    info = capture.info
    return RecordingSummary(
        id=capture.id,
        frozen_because=info.frozen_because,
        created_by=info.created_by,
        asked_from_ns=info.asked_from_unix_nano,
        asked_to_ns=info.asked_to_unix_nano,
        from_ns=begin,
        to_ns=end,
        events=capture.events,
        nodes=tuple(_summarize_node(capture, name, *clocks[name]) for name in capture.nodes),
        tables=_tables(capture),
        missing=missing,
        attributed=attribution.attributed if counts_owners else None,
        attributable=attribution.attributable if counts_owners else None,
        notes=capture.notes,
        cut=None if info.cut is None else CutSummary(**msgspec.structs.asdict(info.cut)),
        merged=tuple(
            MergedSummary(part.capture, part.frozen_because, part.asked_from_unix_nano, part.asked_to_unix_nano)
            for part in info.merged
        ),
    )


_OF_CGROUPS = tuple(name for name in FREQUENT_TABLES if "cgroup_id" in TABLE_BY_NAME[name].schema.names)
"""Frequent tables whose rows say of which cgroup they are."""


class _Attribution:
    """Counts rows of frequent tables whose cgroup belongs to a pod, and all rows of them that have a cgroup.

    Args:
        engine: of a model that has `cgroup`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.attributed = self.attributable = 0

    @property
    def part_step(self) -> PartStep:
        """Counts the rows of one part."""
        return PartStep(reads=dict.fromkeys(_OF_CGROUPS, ("cgroup_id",)), run=self._add_part)

    def _add_part(self, part: Part) -> None:
        for name, rows in part.rows.items():
            if rows:
                of_pods, of_cgroups = self._engine.rows(
                    f"""
                    WITH counted AS (
                        SELECT "k8s.node.name" AS node, cgroup_id, count(*) AS events FROM {name}
                        WHERE cgroup_id <> 0 GROUP BY ALL
                    ), of_pod AS (
                        SELECT DISTINCT node, cgroup_id FROM cgroup WHERE pod_id IS NOT NULL
                    )
                    SELECT
                        coalesce(sum(events) FILTER (of_pod.node IS NOT NULL), 0)::BIGINT,
                        coalesce(sum(events), 0)::BIGINT
                    FROM counted LEFT JOIN of_pod USING (node, cgroup_id)
                    """  # noqa: S608 - the catalog's names
                )[0]
                self.attributed += of_pods
                self.attributable += of_cgroups


def _missing(engine: Engine) -> tuple[MissingSummary, ...]:
    rows = engine.rows(
        """
        SELECT
            table_name, node, reason, TRY_CAST(sum(count) AS BIGINT),
            count(*) FILTER (count IS NULL), min(from_ns), max(to_ns)
        FROM missing GROUP BY ALL ORDER BY ALL
        """
    )
    return tuple(
        MissingSummary(table, node, reason, count, unknown, begin, end, _advice(reason))
        for table, node, reason, count, unknown, begin, end in rows
    )


def _advice(reason: str) -> str:
    return (
        LOSS_ADVICE[LossReason(reason)]
        if reason in set(LossReason)
        else "this version does not know this loss reason; use a newer version of Tapio"
    )


def _summarize_node(
    capture: Capture, name: str, error_ns: int | None, apart_ns: int | None, ahead_ns: int
) -> NodeSummary:
    manifests = [segment.manifest for segment in capture.segments if segment.manifest.node_name == name]
    boots = len({manifest.boot_id for manifest in manifests})
    return NodeSummary(name, len(manifests), boots, error_ns, apart_ns, ahead_ns)


def _tables(capture: Capture) -> tuple[TableSummary, ...]:
    stored: dict[str, int] = {}
    for segment in capture.segments:
        for table in segment.manifest.tables:
            stored[table.name] = stored.get(table.name, 0) + table.size
    return tuple(TableSummary(name, rows, stored[name]) for name, rows in capture.tables.items())
