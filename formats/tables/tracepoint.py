"""Table `tracepoint`: hits of the configured kernel tracepoints, one row each."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table
from formats.tables.process import CGROUP_ID, COMMAND, PID

TABLE = Table(
    name="tracepoint",
    doc="One hit of one tracepoint configured in `sources.tracepoint.events`.",
    event_names=("tracepoint.hit",),
    own=(
        PID,
        Column("thread.id", pa.int32(), Sensitivity.PUBLIC, "Thread id in the node's own pid namespace.", "1"),
        CGROUP_ID,
        COMMAND,
        Column("tracepoint.name", NAME_TYPE, Sensitivity.PUBLIC, "`group:name` as in tracefs."),
        Column("cpu.logical_number", pa.uint16(), Sensitivity.PUBLIC, "CPU on which it was hit.", "1"),
    ),
    source="tracefs events/*/*/format; kernel Documentation/trace/tracepoints.rst",
)
