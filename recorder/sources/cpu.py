"""Source `cpu`: CPU time of each pod and container, and how often its limit throttled it. Both cgroup versions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from formats.errors import UnavailableError
from formats.loss import LossReason
from formats.rows.cgroup_cpu import CpuFigures, read_cpu_v1, read_cpu_v2
from formats.tables import cpu
from recorder.cgroup_tree import find_hierarchies, list_recorded_cgroups, read_cgroup_id
from recorder.polled_source import PolledSource, Row
from recorder.source import Need, Profile, SourceContext, SourceSpec


class CpuSource(PolledSource):
    """Reads every cgroup's CPU files and records the cgroups of which a figure changed."""

    spec = SourceSpec(
        table=cpu.TABLE,
        needs=(Need.CGROUPS,),
        profile=Profile.LEAN,
        cost="one read of 4 files (cgroup v2: 2) per cgroup and interval; 100 cgroups every 5 s: 0.2 % of a core",
        loss_reasons=(LossReason.REJECTED,),
        shed_order=45,
        options={"interval_s": 5, "roots": (), "max_cgroups": 4096},
    )
    key = ("cgroup.path",)

    def __init__(self) -> None:
        super().__init__()
        self._unified: Path | None = None
        self._account: Path | None = None
        self._tree = Path()
        self._version = 0

    def begin(self, context: SourceContext) -> None:
        """Find the hierarchy that controls CPU time.

        Raises:
            UnavailableError: there is none.
        """
        hierarchies = find_hierarchies(context.sysfs)
        self._unified = hierarchies.unified
        self._account = hierarchies.v1.get("cpuacct")
        found = hierarchies.find_tree("cpu")
        if found is None:
            raise UnavailableError(
                "no cgroup hierarchy has the CPU controller",
                where=str(context.sysfs / "fs" / "cgroup"),
                next_step="mount the host's /sys/fs/cgroup; the kernel needs CONFIG_CFS_BANDWIDTH",
            )
        self._tree, self._version = found

    def rows(self, context: SourceContext) -> Iterator[Row]:
        """The figures of each cgroup that has some: the root of cgroup v2 has none."""
        paths, self.detail = list_recorded_cgroups(self._tree, context)
        if self._version == 1 and self._account is None:
            self.detail = self.detail or "no cpuacct controller: throttling is recorded without CPU time"
        for path in paths:
            figures = self._read_v1(path) if self._version == 1 else self._read_v2(path)
            if figures is not None:
                yield {
                    "cgroup.path": path,
                    "cgroup.version": self._version,
                    "cpu.usage_ns": figures.usage_ns,
                    "cpu.quota_ns": figures.quota_ns,
                    "cpu.period_ns": figures.period_ns,
                    "cpu.periods": figures.periods,
                    "cpu.throttled_periods": figures.throttled_periods,
                    "cpu.throttled_ns": figures.throttled_ns,
                }

    def complete(self, row: Row) -> Row:
        """Add the id of the cgroup."""
        return row | {"cgroup_id": read_cgroup_id(self._unified, row["cgroup.path"])}

    def _read_v1(self, path: str) -> CpuFigures | None:
        directory = f"{self._tree}/{path.lstrip('/')}"
        files = [f"{directory}/{name}" for name in ("cpu.stat", "cpu.cfs_quota_us", "cpu.cfs_period_us")]
        if self._account is not None:
            files.append(f"{self._account}/{path.lstrip('/')}/cpuacct.usage")
        return self.read(read_cpu_v1, *files)

    def _read_v2(self, path: str) -> CpuFigures | None:
        directory = f"{self._tree}/{path.lstrip('/')}"
        return self.read(read_cpu_v2, f"{directory}/cpu.stat", f"{directory}/cpu.max")
