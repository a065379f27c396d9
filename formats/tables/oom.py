"""Table `oom`: the kernel's OOM killer chose a victim."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table
from formats.tables.process import CGROUP_ID, COMMAND, PID

TABLE = Table(
    name="oom",
    doc=(
        "One OOM kill, from the tracepoint (`oom.kill`) or from the kernel log (`oom.report`): two rows "
        "per kill, joined by pid."
    ),
    event_names=("oom.kill", "oom.report"),
    own=(
        PID,
        CGROUP_ID,
        COMMAND,
        Column(
            "oom.total_vm_bytes",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Victim's virtual memory; null on kernels < 6.9 in `oom.kill`.",
            "By",
            nullable=True,
        ),
        Column(
            "oom.anon_rss_bytes",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Victim's anonymous resident memory; null if unknown.",
            "By",
            nullable=True,
        ),
        Column(
            "oom.file_rss_bytes",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Victim's file-backed resident memory; null if unknown.",
            "By",
            nullable=True,
        ),
        Column(
            "oom.shmem_rss_bytes",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Victim's shared resident memory; null if unknown.",
            "By",
            nullable=True,
        ),
        Column(
            "oom.score_adj",
            pa.int32(),
            Sensitivity.PUBLIC,
            "Victim's oom_score_adj; null if unknown.",
            "1",
            nullable=True,
        ),
        Column(
            "oom.constraint",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "CONSTRAINT_MEMCG, CONSTRAINT_NONE, …; null in `oom.kill`.",
            nullable=True,
        ),
        Column(
            "oom.victim_cgroup.path",
            pa.utf8(),
            Sensitivity.PATH,
            "`task_memcg`: the victim's memory cgroup; null in `oom.kill`.",
            nullable=True,
        ),
        Column(
            "oom.limited_cgroup.path",
            pa.utf8(),
            Sensitivity.PATH,
            (
                "`oom_memcg`: the cgroup whose limit was reached; null in `oom.kill`, and when the node "
                "itself was out of memory."
            ),
            nullable=True,
        ),
    ),
    source=(
        "tracepoint oom:mark_victim (fields beyond pid since Linux 6.9); /dev/kmsg lines `oom-kill:` and "
        "`Memory cgroup out of memory: Killed process`"
    ),
    sentence="{event_name} {process.command} ({process.pid})",
)
