"""Table `syscall_error`: failed system calls, counted in the kernel."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table
from formats.tables.process import CGROUP_ID, COMMAND, PID

TABLE = Table(
    name="syscall_error",
    doc=("Failures of one process in one system call with one errno since its previous row, or one sampled failure."),
    event_names=("syscall.errors", "syscall.error_sample"),
    own=(
        PID,
        CGROUP_ID,
        COMMAND,
        Column("syscall.number", pa.int32(), Sensitivity.PUBLIC, "Number on this architecture.", "1"),
        Column("syscall.name", NAME_TYPE, Sensitivity.PUBLIC, "Name without prefix; `syscall_N` if unknown."),
        Column("error.type", NAME_TYPE, Sensitivity.PUBLIC, "errno name, e.g. ECONNREFUSED; `errno_N` if unknown."),
        Column("count", pa.int64(), Sensitivity.PUBLIC, "Failures in [first, boot_time_ns]; 1 for a sample.", "1"),
        Column("first_boot_time_ns", pa.int64(), Sensitivity.PUBLIC, "CLOCK_BOOTTIME of the first of them.", "ns"),
        Column(
            "file.path",
            pa.utf8(),
            Sensitivity.PATH,
            "Of a sample: the path that the program gave, or the last four names of the file that it has open, after "
            "`…/` if there are more; null if the call is about none, or it could not be read.",
            nullable=True,
        ),
    ),
    source="raw tracepoint sys_exit (Linux >= 4.17 for raw tracepoints)",
    sentence="{process.command} ({process.pid}): {event_name}",
)
