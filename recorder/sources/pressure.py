"""Source `pressure`: PSI of the node and of the pods' cgroups. The living example of a source.

A polled source is a `SourceSpec`, the columns that say what a row is about, and `rows`. Intervals, budgets, unchanged
rows, totals and batches are `PolledSource`'s; sequence numbers, wall clock, loss rows and restarts are the recorder's.
"""

from __future__ import annotations

from collections.abc import Iterator

from formats.errors import UnavailableError
from formats.loss import LossReason
from formats.rows.psi import read_pressure
from formats.tables import pressure
from recorder.cgroup_tree import find_hierarchies, list_recorded_cgroups, read_cgroup_id
from recorder.polled_source import PolledSource, Row
from recorder.source import Need, Profile, SourceContext, SourceSpec

RESOURCES = ("cpu", "memory", "io", "irq")


class PressureSource(PolledSource):
    """Reads every pressure file and records the totals that moved."""

    spec = SourceSpec(
        table=pressure.TABLE,
        needs=(Need.PRESSURE,),
        profile=Profile.LEAN,
        cost="one read of 3 files per cgroup and interval; 100 cgroups every 5 s: 0.1 % of a core",
        loss_reasons=(LossReason.REJECTED,),
        shed_order=40,
        options={"interval_s": 5, "roots": (), "max_cgroups": 4096},
    )
    key = ("cgroup.path", "pressure.resource")

    def begin(self, context: SourceContext) -> None:
        """Check that the kernel has pressure files."""
        if not (context.proc / "pressure" / "cpu").exists():
            raise UnavailableError(
                "this kernel provides no pressure stall information",
                where=str(context.proc / "pressure"),
                next_step="boot with `psi=1`; it needs Linux 4.20 or later with CONFIG_PSI",
            )

    def rows(self, context: SourceContext) -> Iterator[Row]:
        """The totals of the node, then of each cgroup. A kernel may lack some of the files."""
        yield from self._read_totals(None, 0, [f"{context.proc}/pressure/{name}" for name in RESOURCES])
        unified = find_hierarchies(context.sysfs).unified
        if unified is None:
            self.detail = "no cgroup2 hierarchy: only the pressure of the whole node is recorded"
            return
        paths, self.detail = list_recorded_cgroups(unified, context)
        for path in paths:
            files = [f"{unified}{path}/{name}.pressure" for name in RESOURCES]
            yield from self._read_totals(path, read_cgroup_id(unified, path), files)

    def _read_totals(self, path: str | None, cgroup_id: int, files: list[str]) -> Iterator[Row]:
        for resource, file in zip(RESOURCES, files, strict=True):
            totals = self.read(read_pressure, file)
            if totals is not None:
                yield {
                    "cgroup_id": cgroup_id,
                    "cgroup.path": path,
                    "pressure.resource": resource,
                    "pressure.some_ns": totals.some_ns,
                    "pressure.full_ns": totals.full_ns,
                }
