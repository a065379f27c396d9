"""Source `memory`: what each pod and container uses of its memory, against its limit. Both cgroup versions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from formats.errors import UnavailableError
from formats.loss import LossReason
from formats.rows.cgroup_files import (
    read_inactive_file_bytes,
    read_memory_v1,
    read_memory_v2,
    read_working_set_bytes,
)
from formats.tables import memory
from recorder.cgroup_tree import find_hierarchies, list_recorded_cgroups, read_cgroup_id, read_text
from recorder.polled_source import PolledSource, Row
from recorder.source import Need, Profile, SourceContext, SourceSpec

_FILES_V1 = ("memory.usage_in_bytes", "memory.limit_in_bytes", "memory.failcnt", "memory.oom_control")
_FILES_V2 = ("memory.current", "memory.max", "memory.events")


class MemorySource(PolledSource):
    """Reads every cgroup's memory files and records the cgroups of which a figure changed."""

    spec = SourceSpec(
        table=memory.TABLE,
        needs=(Need.CGROUPS,),
        profile=Profile.LEAN,
        cost="one read of 4 files per cgroup and interval, of memory.stat only when they changed",
        loss_reasons=(LossReason.REJECTED,),
        shed_order=50,
        options={"interval_s": 5, "roots": (), "max_cgroups": 4096},
    )
    key = ("cgroup.path",)

    def __init__(self) -> None:
        super().__init__()
        self._unified: Path | None = None
        self._tree = Path()
        self._version = 0

    def begin(self, context: SourceContext) -> None:
        """Find the hierarchy that controls memory.

        Raises:
            UnavailableError: there is none.
        """
        hierarchies = find_hierarchies(context.sysfs)
        self._unified = hierarchies.unified
        found = hierarchies.find_tree("memory")
        if found is None:
            raise UnavailableError(
                "no cgroup hierarchy has the memory controller",
                where=str(context.sysfs / "fs" / "cgroup"),
                next_step="mount the host's /sys/fs/cgroup, and boot with `cgroup_enable=memory` if it is turned off",
            )
        self._tree, self._version = found

    def rows(self, context: SourceContext) -> Iterator[Row]:
        """The figures of each cgroup that has some: the root of cgroup v2 has none."""
        paths, self.detail = list_recorded_cgroups(self._tree, context)
        for path in paths:
            directory = f"{self._tree}/{path.lstrip('/')}"
            if self._version == 1:
                figures = self.read(read_memory_v1, *(f"{directory}/{name}" for name in _FILES_V1))
            else:
                figures = self.read(read_memory_v2, *(f"{directory}/{name}" for name in _FILES_V2))
            if figures is not None:
                yield {
                    "cgroup.path": path,
                    "cgroup.version": self._version,
                    "memory.usage_bytes": figures.usage_bytes,
                    "memory.limit_bytes": figures.limit_bytes,
                    "memory.limit_hits": figures.limit_hits,
                    "memory.oom_kills": figures.oom_kills,
                }

    def complete(self, row: Row) -> Row:
        """Add the working set. Why here: the kernel sums over all CPUs for memory.stat, more than all other files."""
        path = row["cgroup.path"]
        inactive = read_inactive_file_bytes(read_text(f"{self._tree}/{path.lstrip('/')}/memory.stat"))
        return row | {
            "cgroup_id": read_cgroup_id(self._unified, path),
            "memory.working_set_bytes": read_working_set_bytes(row["memory.usage_bytes"], inactive),
        }
