"""CPU time and throttling of cgroups, of both versions."""

from __future__ import annotations

import pytest

from formats.errors import UnavailableError
from formats.loss import LossReason
from recorder.sources.cpu import CpuSource
from tests.formats.rows.test_cgroup_cpu import STAT_V1, STAT_V2
from tests.recorder.sources.fake_host import CONTAINER_V2, POD_V1, FakeHost, rows_of

BUDGET = 10**12


def write_v2(host: FakeHost, *, stat: str = STAT_V2) -> None:
    """A container of a host with cgroup v2; its pod has no `cpu.max`, as without the controller."""
    host.make_unified()
    host.write(host.cgroups / CONTAINER_V2[1:] / "cpu.stat", stat)
    host.write(host.cgroups / CONTAINER_V2[1:] / "cpu.max", "20000 100000\n")


def write_v1(host: FakeHost, *, has_account: bool = True) -> None:
    """A host with v1 controllers in hierarchies of their own, and one pod."""
    host.make_hybrid()
    for path in ("", POD_V1):
        host.write(host.cgroups / f"cpu{path}" / "cpu.stat", STAT_V1)
        host.write(host.cgroups / f"cpu{path}" / "cpu.cfs_quota_us", "20000\n" if path else "-1\n")
        host.write(host.cgroups / f"cpu{path}" / "cpu.cfs_period_us", "100000\n")
        if has_account:
            host.write(host.cgroups / f"cpuacct{path}" / "cpuacct.usage", "2500123\n")


def test_throttling_of_cgroup_v2(host: FakeHost):
    write_v2(host)
    source = CpuSource()
    host.open(source)
    (row,) = rows_of(source.snapshot())
    assert (row["cgroup.path"], row["cgroup.version"]) == (CONTAINER_V2, 2)
    assert row["cgroup_id"] == (host.cgroups / CONTAINER_V2[1:]).stat().st_ino
    assert (row["cpu.usage_ns"], row["cpu.quota_ns"], row["cpu.period_ns"]) == (2_500_000, 20_000_000, 100_000_000)
    assert (row["cpu.periods"], row["cpu.throttled_periods"], row["cpu.throttled_ns"]) == (120, 90, 8_123_000)


def test_throttling_of_cgroup_v1_beside_a_cgroup2_tree(host: FakeHost):
    write_v1(host)
    source = CpuSource()
    host.open(source)
    (row,) = rows_of(source.snapshot())
    assert (row["cgroup.path"], row["cgroup.version"]) == (POD_V1, 1)
    assert row["cgroup_id"] == (host.cgroups / "unified" / POD_V1[1:]).stat().st_ino
    assert (row["cpu.usage_ns"], row["cpu.quota_ns"]) == (2_500_123, 20_000_000)
    assert (row["cpu.throttled_periods"], row["cpu.throttled_ns"]) == (90, 8_123_456_789)


def test_without_an_account_of_cpu_time_throttling_is_recorded_and_the_status_says_so(host: FakeHost):
    write_v1(host, has_account=False)
    source = CpuSource()
    host.open(source)
    (row,) = rows_of(source.snapshot())
    assert (row["cpu.usage_ns"], row["cpu.throttled_periods"]) == (None, 90)
    assert "without CPU time" in source.stats().detail


def test_only_a_reading_that_differs_is_recorded_again(host: FakeHost):
    # GIVEN a container that was recorded
    write_v2(host)
    source = CpuSource()
    host.open(source)
    source.snapshot()
    host.clock.pass_seconds(5)
    assert source.drain(BUDGET) == []
    # WHEN it is throttled once more THEN that is recorded, once
    host.write(host.cgroups / CONTAINER_V2[1:] / "cpu.stat", STAT_V2.replace("nr_throttled 90", "nr_throttled 91"))
    host.clock.pass_seconds(5)
    (row,) = rows_of(source.drain(BUDGET))
    assert row["cpu.throttled_periods"] == 91
    host.clock.pass_seconds(5)
    assert source.drain(BUDGET) == []


def test_a_file_of_another_form_is_counted(host: FakeHost):
    write_v2(host, stat="usage_usec lots\n")
    source = CpuSource()
    host.open(source)
    assert source.snapshot() == []
    assert source.stats().missing == {LossReason.REJECTED: 1}


def test_a_host_without_the_controller_is_told_what_to_do(host: FakeHost):
    host.write(host.cgroups / "cgroup.controllers", "memory pids\n")
    with pytest.raises(UnavailableError, match="CPU controller") as caught:
        host.open(CpuSource())
    assert caught.value.next_step
