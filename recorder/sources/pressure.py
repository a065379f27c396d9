"""Source `pressure`: PSI of the node and of the pods' cgroups. The living example of a source.

A source is a `SourceSpec` (data) and six methods. What every source needs is done by the recorder: sequence numbers,
wall clock, journaling, loss rows, restarts, metrics. A source only says what happened and what it could not say.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from formats.batches import batch_from_rows
from formats.errors import UnavailableError
from formats.loss import LossReason
from formats.rows.psi import PressureTotals, read_pressure
from formats.tables import pressure
from recorder.cgroup_tree import (
    CgroupHierarchies,
    find_hierarchies,
    find_kubepods,
    list_cgroups,
    read_cgroup_id,
    read_text_or_raise,
)
from recorder.polling import Rounds
from recorder.source import Need, Profile, SourceContext, SourceSpec, SourceStats

RESOURCES = ("cpu", "memory", "io", "irq")
_INFO = 9


class _PressureFile(NamedTuple):
    """One file to read; `path` is None for the node."""

    path: str | None
    resource: str
    file: Path


class PressureSource:
    """Reads every pressure file each round and gives a row where a total moved."""

    spec = SourceSpec(
        table=pressure.TABLE,
        needs=(Need.PRESSURE,),
        profile=Profile.LEAN,
        cost="one read of 3 files per cgroup and interval; 100 cgroups every 5 s: 0.1 % of a core",
        loss_reasons=(LossReason.REJECTED,),
        shed_order=40,
        options={"interval_s": 5, "roots": (), "max_cgroups": 4096},
    )

    def __init__(self) -> None:
        self._context: SourceContext | None = None
        self._rounds: Rounds[_PressureFile] | None = None
        self._hierarchies = CgroupHierarchies(None, None)
        self._last: dict[tuple[str | None, str], PressureTotals] = {}
        self._produced = 0
        self._rejected = 0
        self._detail = ""

    def open(self, context: SourceContext) -> None:
        """Finds the node's pressure files.

        Raises:
            UnavailableError: the kernel has none.
        """
        if not (context.proc / "pressure" / "cpu").exists():
            raise UnavailableError(
                "this kernel has no pressure stall information",
                where=str(context.proc / "pressure"),
                next_step="boot with `psi=1`; it needs Linux 4.20 or later with CONFIG_PSI",
            )
        self._context = context
        self._hierarchies = find_hierarchies(context.sysfs)
        interval_ns = int(context.options["interval_s"]) * 1_000_000_000
        self._rounds = Rounds(interval_ns, context.boot_time_ns, self._list_files)

    def drain(self, budget_ns: int) -> list[pa.RecordBatch]:
        """A row for each file whose totals moved since it was last read."""
        if self._context is None or self._rounds is None:
            return []
        rows = []
        for file in self._rounds.take(budget_ns):
            totals = self._read(file)
            if totals is not None and self._last.get((file.path, file.resource)) != totals:
                self._last[(file.path, file.resource)] = totals
                rows.append(self._row(self._context, file, totals))
        return self._batch(rows)

    def snapshot(self) -> list[pa.RecordBatch]:
        """A row for every file: a segment's first totals are what later ones are measured against."""
        if self._context is None:
            return []
        self._last.clear()
        rows = []
        for file in self._list_files():
            totals = self._read(file)
            if totals is not None:
                self._last[(file.path, file.resource)] = totals
                rows.append(self._row(self._context, file, totals))
        return self._batch(rows)

    def stats(self) -> SourceStats:
        """The running totals."""
        missing = {LossReason.REJECTED: self._rejected} if self._rejected else {}
        return SourceStats(produced=self._produced + self._rejected, missing=missing, detail=self._detail)

    def wake_fds(self) -> tuple[int, ...]:
        """None: polling follows the timer."""
        return ()

    def close(self) -> None:
        """Forgets everything; no file stays open."""
        self._context = None
        self._rounds = None
        self._last.clear()

    def _list_files(self) -> Iterator[_PressureFile]:
        context = self._context
        if context is None:
            return
        for resource in RESOURCES:
            yield _PressureFile(None, resource, context.proc / "pressure" / resource)
        unified = self._hierarchies.unified
        if unified is None:
            self._detail = "no cgroup2 tree: only the node's own pressure is recorded"
            return
        roots = context.cgroup_paths or tuple(context.options["roots"]) or find_kubepods(unified)
        limit = int(context.options["max_cgroups"])
        paths, complete = list_cgroups(unified, roots, limit=limit)
        self._detail = "" if complete else f"only the first {limit} cgroups are read: raise max_cgroups or narrow roots"
        for path in paths:
            for resource in RESOURCES:
                yield _PressureFile(path, resource, unified / path.lstrip("/") / f"{resource}.pressure")

    def _read(self, file: _PressureFile) -> PressureTotals | None:
        """The totals; None if the cgroup has gone, the kernel lacks the file, or it holds something else."""
        try:
            return read_pressure(read_text_or_raise(file.file))
        except OSError:
            self._last.pop((file.path, file.resource), None)
        except ValueError:
            self._rejected += 1
        return None

    def _row(self, context: SourceContext, file: _PressureFile, totals: PressureTotals) -> dict[str, object]:
        return {
            "boot_time_ns": context.boot_time_ns(),
            "event_name": "pressure.sample",
            "severity_number": _INFO,
            "cgroup_id": 0 if file.path is None else read_cgroup_id(self._hierarchies.unified, file.path),
            "cgroup.path": file.path,
            "pressure.resource": file.resource,
            "pressure.some_ns": totals.some_ns,
            "pressure.full_ns": totals.full_ns,
        }

    def _batch(self, rows: list[dict[str, object]]) -> list[pa.RecordBatch]:
        self._produced += len(rows)
        return [batch_from_rows(pressure.TABLE, rows)] if rows else []
