"""Table `process`: forks, execs and exits of processes."""

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
    "Inode of the cgroup in the cgroup2 tree, as returned by `bpf_get_current_cgroup_id()`; 0 = unknown.",
    "1",
)
COMMAND = Column(
    "process.command", NAME_TYPE, Sensitivity.NAME, "Name of the task in the kernel (`comm`), at most 15 bytes."
)
START_BOOT_NS = Column(
    "process.start_boot_ns",
    pa.int64(),
    Sensitivity.PUBLIC,
    "CLOCK_BOOTTIME when the process started; together with the pid, it identifies a process within a boot.",
    "ns",
)

TABLE = Table(
    name="process",
    doc="One fork, exec or exit of a process (without threads).",
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
            "File name given to exec; null except for exec.",
            nullable=True,
        ),
        Column(
            "process.args_count",
            pa.int32(),
            Sensitivity.PUBLIC,
            "Number of arguments at exec; null except for exec.",
            "1",
            nullable=True,
        ),
        Column(
            "process.exit.code",
            pa.int32(),
            Sensitivity.PUBLIC,
            "Exit status 0 to 255; null except for exit, and null if the process was killed by a signal.",
            "1",
            nullable=True,
        ),
        Column(
            "process.exit.signal",
            pa.int32(),
            Sensitivity.PUBLIC,
            "Signal that killed the process; null except for exit by signal.",
            "1",
            nullable=True,
        ),
        Column(
            "duration_ns",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Lifetime of the process; null except for exit.",
            "ns",
            nullable=True,
        ),
    ),
    source="tracepoints sched:sched_process_fork, sched_process_exec, sched_process_exit (Linux >= 3.4)",
    sentence="{event_name} {process.command} ({process.pid})",
)
