"""Source `process_state`: the processes that live when a segment begins."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from formats.errors import UnavailableError
from formats.loss import LossReason
from formats.rows.proc import read_process_stat
from formats.tables import process_state
from recorder.cgroup_tree import find_hierarchies, read_cgroup_id_by_pid
from recorder.polled_source import PolledSource, Row
from recorder.source import Need, Profile, SourceContext, SourceSpec

_read_stat = partial(read_process_stat, ticks_per_second=os.sysconf("SC_CLK_TCK"))


class ProcessStateSource(PolledSource):
    """Reads /proc once per segment, and nothing in between: changes are the source `process`'s."""

    spec = SourceSpec(
        table=process_state.TABLE,
        needs=(Need.PROC,),
        profile=Profile.LEAN,
        cost="3 reads per process and segment; 300 processes: 10 ms every 10 minutes",
        loss_reasons=(LossReason.REJECTED,),
        options={"max_processes": 32768, "max_cgroups": 16384},
    )

    def begin(self, context: SourceContext) -> None:
        """Check that there is a /proc.

        Raises:
            UnavailableError: there is none.
        """
        if not (context.proc / "1" / "stat").exists():
            raise UnavailableError(
                "/proc does not contain process 1",
                where=str(context.proc),
                next_step="run with hostPID and the host's /proc",
            )

    def rows(self, context: SourceContext) -> Iterator[Row]:
        """A row for every process, in the order of pids."""
        limit = int(context.options["max_processes"])
        cgroup_ids = read_cgroup_id_by_pid(
            find_hierarchies(context.sysfs).unified,
            context.cgroup_paths or ("/",),
            limit=int(context.options["max_cgroups"]),
        )
        pids = sorted(int(entry.name) for entry in context.proc.iterdir() if entry.name.isdecimal())
        if context.cgroup_ids:
            pids = [pid for pid in pids if pid in cgroup_ids]
        self.detail = (
            "" if len(pids) <= limit else f"only the first {limit} of {len(pids)} processes: raise max_processes"
        )
        for pid in pids[:limit]:
            stat = self.read(_read_stat, f"{context.proc}/{pid}/stat")
            if stat is not None:
                yield {
                    "process.pid": stat.pid,
                    "process.start_boot_ns": stat.start_boot_ns,
                    "process.parent_pid": stat.parent_pid,
                    "cgroup_id": cgroup_ids.get(pid, 0),
                    "process.command": stat.command,
                    "process.executable.path": None if stat.is_kernel_thread else _read_executable(context.proc, pid),
                }


def _read_executable(proc: Path, pid: int) -> str | None:
    try:
        return str((proc / str(pid) / "exe").readlink())
    except OSError:
        return None
