"""Source `process_state`: the processes that live when a segment begins."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa

from formats.batches import batch_from_rows
from formats.errors import UnavailableError
from formats.loss import LossReason
from formats.rows.proc import ProcessStat, read_process_stat
from formats.tables import process_state
from recorder.cgroup_tree import find_hierarchies, read_cgroup_id_by_pid, read_text
from recorder.source import Need, Profile, SourceContext, SourceSpec, SourceStats

_INFO = 9


class ProcessStateSource:
    """Reads /proc once per segment, and nothing in between: changes are the source `process`'s."""

    spec = SourceSpec(
        table=process_state.TABLE,
        needs=(Need.PROC,),
        profile=Profile.LEAN,
        cost="3 reads per process and segment; 300 processes: 10 ms every 10 minutes",
        loss_reasons=(LossReason.REJECTED,),
        options={"max_processes": 32768, "max_cgroups": 16384},
    )

    def __init__(self) -> None:
        self._context: SourceContext | None = None
        self._unified: Path | None = None
        self._ticks_per_second = os.sysconf("SC_CLK_TCK")
        self._produced = 0
        self._rejected = 0
        self._detail = ""

    def open(self, context: SourceContext) -> None:
        """Looks whether there is a /proc.

        Raises:
            UnavailableError: there is none.
        """
        if not (context.proc / "1" / "stat").exists():
            raise UnavailableError(
                "no /proc with process 1", where=str(context.proc), next_step="run with hostPID and the host's /proc"
            )
        self._context = context
        self._unified = find_hierarchies(context.sysfs).unified

    def drain(self, budget_ns: int) -> list[pa.RecordBatch]:  # noqa: ARG002 - nothing happens between snapshots
        """Nothing: this source is state only."""
        return []

    def snapshot(self) -> list[pa.RecordBatch]:
        """A row for every process, in the order of pids."""
        context = self._context
        if context is None:
            return []
        limit = int(context.options["max_processes"])
        cgroup_ids = read_cgroup_id_by_pid(
            self._unified, context.cgroup_paths or ("/",), limit=int(context.options["max_cgroups"])
        )
        pids = sorted(int(entry.name) for entry in context.proc.iterdir() if entry.name.isdecimal())
        if context.cgroup_ids:
            pids = [pid for pid in pids if pid in cgroup_ids]
        self._detail = (
            "" if len(pids) <= limit else f"only the first {limit} of {len(pids)} processes: raise max_processes"
        )
        rows = []
        for pid in pids[:limit]:
            stat = self._read_stat(context, pid)
            if stat is not None:
                rows.append(self._row(context, stat, cgroup_ids.get(pid, 0)))
        self._produced += len(rows)
        return [batch_from_rows(process_state.TABLE, rows)] if rows else []

    def stats(self) -> SourceStats:
        """The running totals."""
        missing = {LossReason.REJECTED: self._rejected} if self._rejected else {}
        return SourceStats(produced=self._produced + self._rejected, missing=missing, detail=self._detail)

    def wake_fds(self) -> tuple[int, ...]:
        """None."""
        return ()

    def close(self) -> None:
        """Forgets the context."""
        self._context = None

    def _read_stat(self, context: SourceContext, pid: int) -> ProcessStat | None:
        text = read_text(f"{context.proc}/{pid}/stat")
        if not text:
            return None  # it has ended meanwhile
        try:
            return read_process_stat(text, self._ticks_per_second)
        except ValueError:
            self._rejected += 1
            return None

    def _row(self, context: SourceContext, stat: ProcessStat, cgroup_id: int) -> dict[str, object]:
        try:
            executable = None if stat.is_kernel_thread else str((context.proc / str(stat.pid) / "exe").readlink())
        except OSError:
            executable = None
        return {
            "boot_time_ns": context.boot_time_ns(),
            "event_name": "process.state",
            "severity_number": _INFO,
            "process.pid": stat.pid,
            "process.start_boot_ns": stat.start_boot_ns,
            "process.parent_pid": stat.parent_pid,
            "cgroup_id": cgroup_id,
            "process.command": stat.command,
            "process.executable.path": executable,
        }
