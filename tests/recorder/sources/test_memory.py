"""Memory of cgroups, of both versions."""

from __future__ import annotations

import shutil

from formats.loss import LossReason
from recorder.sources.memory import MemorySource
from tests.recorder.sources.fake_host import CONTAINER_V2, POD_V1, POD_V2, FakeHost, rows_of

BUDGET = 10**12


def test_memory_of_cgroup_v2(host: FakeHost):
    host.make_unified()
    source = MemorySource()
    host.open(source)
    rows = {row["cgroup.path"]: row for row in rows_of(source.snapshot())}
    assert sorted(rows) == sorted(["/kubepods.slice", POD_V2, CONTAINER_V2]), "pods only, by default"
    row = rows[CONTAINER_V2]
    assert row["cgroup.version"] == 2
    assert row["cgroup_id"] == (host.cgroups / CONTAINER_V2[1:]).stat().st_ino
    assert (row["memory.usage_bytes"], row["memory.working_set_bytes"]) == (41_943_040, 40_000_000)
    assert (row["memory.limit_bytes"], row["memory.limit_hits"], row["memory.oom_kills"]) == (67_108_864, 7, 2)
    assert rows[POD_V2]["memory.limit_bytes"] is None


def test_memory_of_cgroup_v1_beside_a_cgroup2_tree(host: FakeHost):
    host.make_hybrid()
    source = MemorySource()
    host.open(source)
    rows = {row["cgroup.path"]: row for row in rows_of(source.snapshot())}
    assert sorted(rows) == ["/kubepods", "/kubepods/burstable", POD_V1][::2], "burstable has no files in this fake"
    row = rows[POD_V1]
    assert row["cgroup.version"] == 1
    assert row["cgroup_id"] == (host.cgroups / "unified" / POD_V1[1:]).stat().st_ino
    assert (row["memory.usage_bytes"], row["memory.working_set_bytes"]) == (79_376_384, 79_372_288)
    assert (row["memory.limit_bytes"], row["memory.limit_hits"], row["memory.oom_kills"]) == (67_108_864, 12, 3)


def test_only_what_changed_is_written_each_interval(host: FakeHost):
    # GIVEN figures that were told
    host.make_unified()
    source = MemorySource()
    host.open(source)
    source.snapshot()
    assert source.drain(BUDGET) == []

    # WHEN one of them changes THEN it is told when the interval is over, and once
    host.write_unified(CONTAINER_V2, usage=50_000_000)
    assert source.drain(BUDGET) == []
    host.clock.pass_seconds(5)
    (row,) = rows_of(source.drain(BUDGET))
    assert (row["cgroup.path"], row["memory.usage_bytes"]) == (CONTAINER_V2, 50_000_000)
    host.clock.pass_seconds(5)
    assert source.drain(BUDGET) == []
    assert source.stats().produced == 4


def test_pods_that_come_and_go_are_followed(host: FakeHost):
    host.make_unified()
    source = MemorySource()
    host.open(source)
    source.snapshot()
    shutil.rmtree(host.cgroups / POD_V2[1:])
    host.write_unified("/kubepods.slice/kubepods-podnew.slice")
    host.clock.pass_seconds(5)
    assert [row["cgroup.path"] for row in rows_of(source.drain(BUDGET))] == ["/kubepods.slice/kubepods-podnew.slice"]
    assert source.stats().missing == {}


def test_a_file_that_holds_something_else_is_counted(host: FakeHost):
    host.make_unified()
    host.write(host.cgroups / CONTAINER_V2[1:] / "memory.current", "lots\n")
    source = MemorySource()
    host.open(source)
    assert len(rows_of(source.snapshot())) == 2
    assert source.stats().missing == {LossReason.REJECTED: 1}
    assert source.stats().produced == 3


def test_a_round_is_spread_over_calls_by_the_budget(host: FakeHost):
    # GIVEN reading that takes time
    host.make_unified()
    source = MemorySource()
    host.open(source)
    real = source.read

    def slow(parse, *files: str):
        host.clock.pass_seconds(0.01)
        return real(parse, *files)

    source.read = slow
    # WHEN the budget is that of one file THEN every call gives one, and all are given
    calls = [len(rows_of(source.drain(1))) for _ in range(4)]
    assert calls == [1, 1, 1, 0]


def test_roots_and_limits_are_options(host: FakeHost):
    host.make_unified()
    host.write_unified("/system.slice/db.service")
    source = MemorySource()
    host.open(source, roots=("/system.slice/db.service", "/no/such"))
    assert [row["cgroup.path"] for row in rows_of(source.snapshot())] == ["/system.slice/db.service"]
    source.close()
    host.open(source, cgroups=(POD_V2,))
    assert len(rows_of(source.snapshot())) == 2
    source.close()
    host.open(source, max_cgroups=1)
    assert len(rows_of(source.snapshot())) == 1
    assert "only the first 1 cgroups" in source.stats().detail
