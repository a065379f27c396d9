"""Table `block_io`: requests to disks, counted in the kernel."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table
from formats.tables.process import CGROUP_ID

TABLE = Table(
    name="block_io",
    doc="Requests of one cgroup to one disk with one operation, outcome and class of latency since the previous row.",
    event_names=("disk.requests",),
    own=(
        CGROUP_ID,
        Column("block_io.device", NAME_TYPE, Sensitivity.PUBLIC, "Disk as `major:minor`, without its partition."),
        Column(
            "block_io.operation",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "`read`, `write`, `flush`, `discard`, or `operation_N` for others.",
        ),
        Column(
            "error.type",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "errno name of requests that failed, e.g. EIO; null if they did not.",
            nullable=True,
        ),
        Column(
            "block_io.at_least_ns",
            pa.int64(),
            Sensitivity.PUBLIC,
            "From issue to completion they took at least this; the classes are 0, 64 us, and four times as long each.",
            "ns",
        ),
        Column("count", pa.int64(), Sensitivity.PUBLIC, "Requests completed in [first, boot_time_ns].", "1"),
        Column("first_boot_time_ns", pa.int64(), Sensitivity.PUBLIC, "CLOCK_BOOTTIME of the first of them.", "ns"),
    ),
    source="raw tracepoints block_rq_issue, block_rq_complete",
    sentence="{count} {block_io.operation} requests to {block_io.device}, each at least {block_io.at_least_ns} ns",
)
