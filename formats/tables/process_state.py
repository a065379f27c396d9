"""Table `process_state`: the processes that existed when a segment began."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import Column, Sensitivity, Table
from formats.tables.process import CGROUP_ID, COMMAND, PID, START_BOOT_NS

TABLE = Table(
    name="process_state",
    doc="One process that existed at the start of a segment.",
    event_names=("process.state",),
    own=(
        PID,
        START_BOOT_NS,
        Column("process.parent_pid", pa.int32(), Sensitivity.PUBLIC, "Pid of the parent process.", "1"),
        CGROUP_ID,
        COMMAND,
        Column(
            "process.executable.path",
            pa.utf8(),
            Sensitivity.PATH,
            "/proc/PID/exe; null for kernel threads, or without permission.",
            nullable=True,
        ),
    ),
    source="/proc/PID/{stat,exe,cgroup} (proc(5))",
)
