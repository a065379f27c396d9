"""Table `cpu`: CPU time and throttling of one cgroup at one moment."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import Column, Sensitivity, Table
from formats.tables.memory import CGROUP_PATH
from formats.tables.process import CGROUP_ID

TABLE = Table(
    name="cpu",
    doc="One reading of one cgroup's CPU files; written if a value changed since the last row, and once per segment.",
    event_names=("cpu.sample",),
    own=(
        CGROUP_ID,
        CGROUP_PATH,
        Column("cgroup.version", pa.uint8(), Sensitivity.PUBLIC, "Version of the cgroup hierarchy: 1 or 2.", "1"),
        Column(
            "cpu.usage_ns",
            pa.int64(),
            Sensitivity.PUBLIC,
            "CPU time used: cpuacct.usage or `usage_usec` of cpu.stat. A running total; null if it is not counted.",
            "ns",
            nullable=True,
        ),
        Column(
            "cpu.quota_ns",
            pa.int64(),
            Sensitivity.PUBLIC,
            "CPU time that it may use in each period: cpu.cfs_quota_us or cpu.max; null = no limit.",
            "ns",
            nullable=True,
        ),
        Column("cpu.period_ns", pa.int64(), Sensitivity.PUBLIC, "Length of a period.", "ns"),
        Column(
            "cpu.periods",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Periods in which one of its tasks could run, `nr_periods` of cpu.stat. A running total.",
            "1",
        ),
        Column(
            "cpu.throttled_periods",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Periods in which the quota was used up, `nr_throttled`. A running total.",
            "1",
        ),
        Column(
            "cpu.throttled_ns",
            pa.int64(),
            Sensitivity.PUBLIC,
            "How long it was throttled, summed over the CPUs: `throttled_time` or `throttled_usec`. A running total.",
            "ns",
        ),
    ),
    source=(
        "cgroup v1 cpu and cpuacct controllers and cgroup v2 cpu interface files (kernel "
        "Documentation/scheduler/sched-bwc.rst, admin-guide/cgroup-v2.rst)"
    ),
    sentence="{cgroup.path}: throttled in {cpu.throttled_periods} of {cpu.periods} periods",
)
