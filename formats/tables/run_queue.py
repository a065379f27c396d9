"""Table `run_queue`: how long threads waited for a CPU, counted in the kernel."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import Column, Sensitivity, Table
from formats.tables.process import CGROUP_ID

TABLE = Table(
    name="run_queue",
    doc="Waits of threads of one cgroup for a CPU, of one class of latency, since the previous row.",
    event_names=("cpu.waits",),
    own=(
        CGROUP_ID,
        Column(
            "run_queue.other_cgroup_id",
            pa.uint64(),
            Sensitivity.PUBLIC,
            "Who ran last on the CPU that they waited for (cgroup2 inode); null for waits below 1 ms, and if none did.",
            "1",
            nullable=True,
        ),
        Column(
            "run_queue.at_least_ns",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Each thread was ready for at least this long; the classes are 0, 64 us, and four times as long each.",
            "ns",
        ),
        Column("count", pa.int64(), Sensitivity.PUBLIC, "Waits that ended in [first, boot_time_ns].", "1"),
        Column("first_boot_time_ns", pa.int64(), Sensitivity.PUBLIC, "CLOCK_BOOTTIME of the first of them.", "ns"),
    ),
    source="raw tracepoints sched_wakeup, sched_wakeup_new, sched_switch",
    sentence="{count} waits for a CPU, each at least {run_queue.at_least_ns} ns",
)
