"""What a cgroup's CPU files say, of both cgroup versions, as the same figures."""

from __future__ import annotations

from dataclasses import dataclass

from formats.rows.cgroup_files import read_keyed_values

_NS_PER_US = 1_000


@dataclass(frozen=True, slots=True)
class CpuFigures:
    """One reading of one cgroup, as the table `cpu` has it. All but quota and period are running totals.

    Attributes:
        usage_ns: CPU time that its tasks used; None if no controller counts it.
        quota_ns: CPU time that it may use in each period; None = no limit.
        period_ns: length of a period.
        periods: periods in which one of its tasks was runnable. 0 as long as there is no limit.
        throttled_periods: those of them in which the quota was used up.
        throttled_ns: how long its run queues were stopped, summed over the CPUs.
    """

    usage_ns: int | None
    quota_ns: int | None
    period_ns: int
    periods: int
    throttled_periods: int
    throttled_ns: int


def read_cpu_v1(stat: str, quota: str, period: str, usage: str = "") -> CpuFigures:
    """The figures of `cpu.stat`, `cpu.cfs_quota_us`, `cpu.cfs_period_us` and `cpuacct.usage`, which may be empty.

    Raises:
        ValueError: a file does not hold what the kernel writes.

    Source: kernel Documentation/scheduler/sched-bwc.rst; a quota of -1 is no limit, `throttled_time` is in ns.
    """
    quota_us = int(quota)
    counts = read_keyed_values(stat)
    return CpuFigures(
        usage_ns=int(usage) if usage else None,
        quota_ns=None if quota_us < 0 else quota_us * _NS_PER_US,
        period_ns=int(period) * _NS_PER_US,
        periods=_read_count(counts, "nr_periods"),
        throttled_periods=_read_count(counts, "nr_throttled"),
        throttled_ns=_read_count(counts, "throttled_time"),
    )


def read_cpu_v2(stat: str, maximum: str) -> CpuFigures:
    """The figures of `cpu.stat` and `cpu.max`.

    Raises:
        ValueError: a file does not hold what the kernel writes.

    Source: kernel Documentation/admin-guide/cgroup-v2.rst: `cpu.max` is `$MAX $PERIOD` in us, `max` is no limit.
    """
    quota, period = maximum.split()
    counts = read_keyed_values(stat)
    return CpuFigures(
        usage_ns=_read_count(counts, "usage_usec") * _NS_PER_US,
        quota_ns=None if quota == "max" else int(quota) * _NS_PER_US,
        period_ns=int(period) * _NS_PER_US,
        periods=_read_count(counts, "nr_periods"),
        throttled_periods=_read_count(counts, "nr_throttled"),
        throttled_ns=_read_count(counts, "throttled_usec") * _NS_PER_US,
    )


def _read_count(counts: dict[str, int], key: str) -> int:
    try:
        return counts[key]
    except KeyError:
        raise ValueError(f"no `{key}` in cpu.stat") from None
