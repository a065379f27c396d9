"""Table `process`: a process forked, executed a program, or ended."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table

PID = Column(
    "process.pid", pa.int32(), Sensitivity.PUBLIC, "Process id (thread group id) in the node's own pid namespace.", "1"
)
CGROUP_ID = Column(
    "cgroup_id",
    pa.uint64(),
    Sensitivity.PUBLIC,
    "Inode of the cgroup in the cgroup2 tree, as `bpf_get_current_cgroup_id()` gives it; 0 = unknown.",
    "1",
)
COMMAND = Column(
    "process.command", NAME_TYPE, Sensitivity.NAME, "The kernel's name of the task (`comm`), at most 15 bytes."
)
START_BOOT_NS = Column(
    "process.start_boot_ns",
    pa.int64(),
    Sensitivity.PUBLIC,
    "CLOCK_BOOTTIME when the process began: with the pid it identifies a process within a boot.",
    "ns",
)

TABLE = Table(
    name="process",
    doc="One fork, exec or exit of a process (threads are left out).",
    event_names=("process.fork", "process.exec", "process.exit"),
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
            "File name given to exec; null but for exec.",
            nullable=True,
        ),
        Column(
            "process.args_count",
            pa.int32(),
            Sensitivity.PUBLIC,
            "Number of arguments at exec; null but for exec.",
            "1",
            nullable=True,
        ),
        Column(
            "process.exit.code",
            pa.int32(),
            Sensitivity.PUBLIC,
            "Exit status 0 to 255; null but for exit, and when a signal ended it.",
            "1",
            nullable=True,
        ),
        Column(
            "process.exit.signal",
            pa.int32(),
            Sensitivity.PUBLIC,
            "Signal that ended it; null but for exit by signal.",
            "1",
            nullable=True,
        ),
        Column(
            "duration_ns",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Life of the process; null but for exit.",
            "ns",
            nullable=True,
        ),
    ),
    source="tracepoints sched:sched_process_fork, sched_process_exec, sched_process_exit (Linux >= 3.4)",
    sentence="{event_name} {process.command} ({process.pid})",
)
