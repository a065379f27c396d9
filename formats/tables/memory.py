"""Table `memory`: memory usage of one cgroup at one moment."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import Column, Sensitivity, Table
from formats.tables.process import CGROUP_ID

CGROUP_PATH = Column(
    "cgroup.path", pa.utf8(), Sensitivity.PATH, "Path relative to the root of the hierarchy, starting with `/`."
)

TABLE = Table(
    name="memory",
    doc=(
        "One reading of one cgroup's memory files; written if a value changed since the last row, and once per segment."
    ),
    event_names=("memory.sample",),
    own=(
        CGROUP_ID,
        CGROUP_PATH,
        Column("cgroup.version", pa.uint8(), Sensitivity.PUBLIC, "Version of the cgroup hierarchy: 1 or 2.", "1"),
        Column("memory.usage_bytes", pa.int64(), Sensitivity.PUBLIC, "memory.usage_in_bytes or memory.current.", "By"),
        Column(
            "memory.working_set_bytes",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Usage minus inactive file pages, as computed by the kubelet; null if memory.stat cannot be read.",
            "By",
            nullable=True,
        ),
        Column(
            "memory.limit_bytes", pa.int64(), Sensitivity.PUBLIC, "Hard limit; null = no limit.", "By", nullable=True
        ),
        Column(
            "memory.limit_hits",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Number of times the limit was hit: memory.failcnt or `max` of memory.events. A running total.",
            "1",
        ),
        Column(
            "memory.oom_kills",
            pa.int64(),
            Sensitivity.PUBLIC,
            "`oom_kill` of memory.oom_control or memory.events. A running total; null if not provided.",
            "1",
            nullable=True,
        ),
    ),
    source=(
        "cgroup v1 memory controller and cgroup v2 memory interface files (kernel "
        "Documentation/admin-guide/cgroup-v1/memory.rst, cgroup-v2.rst)"
    ),
    sentence="{cgroup.path}: {memory.usage_bytes} of {memory.limit_bytes} bytes",
)
