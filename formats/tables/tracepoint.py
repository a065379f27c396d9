"""Table `tracepoint`: hits of the kernel tracepoints that the user named, one row each."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table
from formats.tables.process import CGROUP_ID, COMMAND, PID

TABLE = Table(
    name="tracepoint",
    doc="One hit of one tracepoint named in `sources.tracepoint.events`.",
    event_names=("tracepoint.hit",),
    own=(
        PID,
        Column("thread.id", pa.int32(), Sensitivity.PUBLIC, "Thread id in the node's own pid namespace.", "1"),
        CGROUP_ID,
        COMMAND,
        Column("tracepoint.name", NAME_TYPE, Sensitivity.PUBLIC, "`group:name` as tracefs spells it."),
        Column("cpu.logical_number", pa.uint16(), Sensitivity.PUBLIC, "CPU that hit it.", "1"),
    ),
    source="tracefs events/*/*/format; kernel Documentation/trace/tracepoints.rst",
)
