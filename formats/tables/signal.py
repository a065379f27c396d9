"""Table `signal`: signals that end or stop a process."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table
from formats.tables.process import CGROUP_ID, COMMAND, PID

TABLE = Table(
    name="signal",
    doc="One signal that a process received and that ends or stops it, or one core dump.",
    event_names=("signal.sent", "signal.core_dump"),
    own=(
        PID,
        CGROUP_ID,
        COMMAND,
        Column(
            "signal.number",
            pa.int32(),
            Sensitivity.PUBLIC,
            "Number of the signal: 4, 6, 7, 8, 9, 11, 15, 18 (SIGCONT), 19 (SIGSTOP) or 31.",
            "1",
        ),
        Column("signal.name", NAME_TYPE, Sensitivity.PUBLIC, "Name of the signal, for example SIGKILL."),
        Column(
            "signal.code",
            pa.int32(),
            Sensitivity.PUBLIC,
            "`si_code` of sigaction(2): above 0 if the kernel sent it; null for a core dump.",
            "1",
            nullable=True,
        ),
        Column(
            "signal.disposition",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "What the receiver does: `default` or `handler`.",
        ),
        Column(
            "signal.sender.pid",
            pa.int32(),
            Sensitivity.PUBLIC,
            "Process that sent it; null if the kernel did.",
            "1",
            nullable=True,
        ),
        Column(
            "signal.sender.cgroup_id",
            pa.uint64(),
            Sensitivity.PUBLIC,
            "Inode of the sender's cgroup in the cgroup2 tree; null if the kernel sent it.",
            "1",
            nullable=True,
        ),
        Column(
            "signal.sender.command",
            NAME_TYPE,
            Sensitivity.NAME,
            "Name of the task that sent it, at most 15 bytes; null if the kernel did.",
            nullable=True,
        ),
    ),
    source="tracepoints signal:signal_generate (Linux >= 2.6.32), sched:sched_process_exit",
    sentence="{signal.name} to {process.command} ({process.pid}) from {signal.sender.command} ({signal.sender.pid})",
)
