"""Source `process_stall`: processes of pods that are stopped, or stuck in the kernel."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from formats.errors import UnavailableError
from formats.loss import LossReason
from formats.rows.proc import ProcessStat, read_process_stat
from formats.tables import process_stall
from recorder.cgroup_tree import find_hierarchies, find_kubepods, read_cgroup_id_by_pid, read_text
from recorder.polled_source import PolledSource, Row
from recorder.source import Need, Profile, SourceContext, SourceSpec

_read_stat = partial(read_process_stat, ticks_per_second=os.sysconf("SC_CLK_TCK"))
_STATES = {"T": "stopped", "D": "uninterruptible"}
_WORKS_AGAIN = "0"
"""What wchan contains for a process that runs."""


@dataclass(frozen=True, slots=True)
class _Stall:
    """A process as it was when it was first seen in a state.

    Attributes:
        stat: of that look.
        since_ns: boot time of that look.
    """

    stat: ProcessStat
    since_ns: int


class ProcessStallSource(PolledSource):
    """Reads the state of every process of the pods at each interval."""

    spec = SourceSpec(
        table=process_stall.TABLE,
        needs=(Need.PROC, Need.CGROUPS),
        profile=Profile.LEAN,
        cost="one read per process of the pods and interval; 300 processes every 5 s: 13 ms, 0.3 % of a core",
        loss_reasons=(LossReason.REJECTED,),
        shed_order=55,
        options={"interval_s": 5, "roots": (), "max_processes": 8192, "max_cgroups": 4096},
    )
    key = ("process.pid", "process.start_boot_ns")

    def __init__(self) -> None:
        super().__init__()
        self._unified = Path()
        self._stalls: dict[int, _Stall] = {}

    def begin(self, context: SourceContext) -> None:
        """Check that there are processes to read, and cgroups that say whose they are.

        Raises:
            UnavailableError: there are not.
        """
        unified = find_hierarchies(context.sysfs).unified
        if unified is None or not (context.proc / "1" / "stat").exists():
            raise UnavailableError(
                "no cgroup2 hierarchy" if unified is None else "/proc does not contain process 1",
                where=str(context.sysfs / "fs" / "cgroup" if unified is None else context.proc),
                next_step="run with hostPID, the host's /proc and the host's /sys/fs/cgroup",
            )
        self._unified = unified
        self._stalls = {}

    def rows(self, context: SourceContext) -> Iterator[Row]:
        """A row for every process that is stopped or stuck, in the order of pids."""
        roots = context.cgroup_paths or tuple(context.options["roots"]) or find_kubepods(self._unified)
        cgroup_ids = read_cgroup_id_by_pid(self._unified, roots, limit=int(context.options["max_cgroups"]))
        limit = int(context.options["max_processes"])
        pids = sorted(cgroup_ids)
        self.detail = (
            "" if len(pids) <= limit else f"only the first {limit} of {len(pids)} processes: raise max_processes"
        )
        before, self._stalls = self._stalls, {}
        for pid in pids[:limit]:
            stat = self.read(_read_stat, f"{context.proc}/{pid}/stat")
            if stat is None or stat.state not in _STATES:
                continue
            stall = before.get(pid)
            is_known = stall is not None and _is_same_stall(stall.stat, stat)
            if stall is None or not is_known:
                stall = _Stall(stat, context.boot_time_ns())
            self._stalls[pid] = stall
            # Reading from a disk takes every process there for a moment; being stopped happens to none by itself.
            if is_known or stat.state == "T":
                yield {
                    "process.pid": stat.pid,
                    "process.start_boot_ns": stat.start_boot_ns,
                    "cgroup_id": cgroup_ids[pid],
                    "process.command": stat.command,
                    "process.state": _STATES[stat.state],
                    "process.stalled_ns": context.boot_time_ns() - stall.since_ns,
                }

    def complete(self, row: Row) -> Row:
        """Add where it waits."""
        waits_in = None
        if self._context is not None and row["process.state"] == "uninterruptible":
            waits_in = read_text(f"{self._context.proc}/{row['process.pid']}/wchan").strip()
        return row | {"process.wait_channel": None if waits_in in (None, "", _WORKS_AGAIN) else waits_in}


def _is_same_stall(before: ProcessStat, now: ProcessStat) -> bool:
    """Whether a process has been in one state all the time, as far as its CPU time says."""
    return (before.start_boot_ns, before.state, before.cpu_ns) == (now.start_boot_ns, now.state, now.cpu_ns)
