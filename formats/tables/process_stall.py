"""Table `process_stall`: processes that are stopped, or that wait in the kernel and cannot be interrupted."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table
from formats.tables.process import CGROUP_ID, COMMAND, PID, START_BOOT_NS

TABLE = Table(
    name="process_stall",
    doc="One process that did not run when it was looked at; written at every look for as long as it does not.",
    event_names=("process.stalled",),
    own=(
        PID,
        START_BOOT_NS,
        CGROUP_ID,
        COMMAND,
        Column(
            "process.state",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "`stopped` (T), or `uninterruptible` (D) at two looks in a row without any CPU time between them.",
        ),
        Column(
            "process.stalled_ns",
            pa.int64(),
            Sensitivity.PUBLIC,
            "How long it has been seen in this state; 0 at the first look.",
            "ns",
        ),
        Column(
            "process.wait_channel",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "Function of the kernel in which it waits; null if it is stopped, or if the kernel does not say.",
            nullable=True,
        ),
    ),
    source="/proc/PID/{stat,wchan} (proc(5))",
    sentence="{process.command} ({process.pid}) is {process.state}",
)
