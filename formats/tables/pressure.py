"""Table `pressure`: how long tasks of a node or a cgroup waited for a resource (PSI)."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table
from formats.tables.process import CGROUP_ID

TABLE = Table(
    name="pressure",
    doc="One reading of one pressure file; written if a total changed since the last row, and once per segment.",
    event_names=("pressure.sample",),
    own=(
        CGROUP_ID,
        Column(
            "cgroup.path",
            pa.utf8(),
            Sensitivity.PATH,
            "Path in the cgroup2 tree; null = the whole node.",
            nullable=True,
        ),
        Column("pressure.resource", NAME_TYPE, Sensitivity.PUBLIC, "cpu, memory, io or irq."),
        Column(
            "pressure.some_ns",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Total time during which at least one task waited; null if the file has no `some` line.",
            "ns",
            nullable=True,
        ),
        Column(
            "pressure.full_ns",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Total time during which all tasks waited; null if the file has no `full` line.",
            "ns",
            nullable=True,
        ),
    ),
    source="/proc/pressure/* and cgroup2 *.pressure (Linux >= 4.20; kernel Documentation/accounting/psi.rst)",
)
