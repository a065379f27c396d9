"""Memory, pressure and the list of cgroups, on hosts with cgroup v1, v2 and both."""

from __future__ import annotations

import os
import select
import shutil
from pathlib import Path

import pytest

from formats.errors import UnavailableError
from formats.loss import LossReason
from recorder.cgroup_tree import find_hierarchies, find_kubepods, list_cgroups, read_cgroup_id_by_pid
from recorder.sources.cgroup_state import CgroupStateSource
from recorder.sources.memory import MemorySource
from recorder.sources.pressure import PressureSource
from tests.recorder.sources.fake_host import CID, CONTAINER_V2, POD_V1, POD_V2, PSI, UID, FakeHost, rows_of

BUDGET = 10**12


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


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


@pytest.mark.parametrize("kind", [MemorySource, PressureSource, CgroupStateSource])
def test_a_host_without_it_is_told_what_to_do(host: FakeHost, kind):
    with pytest.raises(UnavailableError) as caught:
        host.open(kind())
    assert caught.value.next_step


def test_pressure_of_the_node_and_of_pods(host: FakeHost):
    # GIVEN a node with pressure files, of which irq has no `some` line
    host.make_unified()
    for resource in ("cpu", "memory", "io"):
        host.write(host.proc / "pressure" / resource, PSI.format(some=100, full=0))
    host.write(host.proc / "pressure/irq", "full avg10=0.00 avg60=0.00 avg300=0.00 total=9\n")
    source = PressureSource()
    host.open(source)

    # WHEN a segment begins THEN every file is told
    rows = rows_of(source.snapshot())
    node = {row["pressure.resource"]: row for row in rows if row["cgroup.path"] is None}
    assert sorted(node) == ["cpu", "io", "irq", "memory"]
    assert (node["cpu"]["pressure.some_ns"], node["cpu"]["pressure.full_ns"]) == (100_000, 0)
    assert (node["irq"]["pressure.some_ns"], node["irq"]["pressure.full_ns"]) == (None, 9_000)
    assert sum(row["cgroup.path"] == CONTAINER_V2 for row in rows) == 3
    # AND afterwards only totals that move
    host.write(host.proc / "pressure/io", PSI.format(some=150, full=0))
    host.clock.pass_seconds(5)
    (row,) = rows_of(source.drain(BUDGET))
    assert (row["pressure.resource"], row["cgroup_id"], row["pressure.some_ns"]) == ("io", 0, 150_000)
    # AND a file of another form is counted, not told
    host.write(host.proc / "pressure/io", "nothing\n")
    host.clock.pass_seconds(5)
    assert source.drain(BUDGET) == []
    assert source.stats().missing == {LossReason.REJECTED: 1}


def test_cgroups_are_told_with_their_pod_and_container(host: FakeHost):
    host.make_unified()
    source = CgroupStateSource()
    host.open(source)
    rows = {row["cgroup.path"]: row for row in rows_of(source.snapshot())}
    assert rows[CONTAINER_V2]["k8s.pod.uid"] == UID
    assert rows[CONTAINER_V2]["container.id"] == CID
    assert rows["/"]["k8s.pod.uid"] is None
    assert rows["/system.slice/ssh.service"]["cgroup_id"] > 0
    source.close()


def test_a_cgroup_that_comes_rings_the_bell(host: FakeHost):
    # GIVEN a source that watches
    host.make_unified()
    source = CgroupStateSource()
    host.open(source)
    source.snapshot()
    bell = source.wake_fds()
    assert select.select(bell, [], [], 0)[0] == []

    # WHEN a container comes, with a cgroup of its own in it, and later goes
    (host.cgroups / "kubepods.slice/a/b").mkdir(parents=True)
    assert select.select(bell, [], [], 5)[0]
    added = rows_of(source.drain(BUDGET))
    (host.cgroups / "kubepods.slice/a/b").rmdir()
    (host.cgroups / "kubepods.slice/a").rmdir()
    removed = rows_of(source.drain(BUDGET))

    # THEN both are told, the same directory made again too, and quiet is quiet
    assert [(row["event_name"], row["cgroup.path"]) for row in added] == [
        ("cgroup.added", "/kubepods.slice/a"),
        ("cgroup.added", "/kubepods.slice/a/b"),
    ]
    assert {row["event_name"] for row in removed} == {"cgroup.removed"}
    assert [row["cgroup_id"] for row in removed] == [row["cgroup_id"] for row in added]
    assert source.drain(BUDGET) == []
    (host.cgroups / "kubepods.slice/a").mkdir()
    assert [row["event_name"] for row in rows_of(source.drain(BUDGET))] == ["cgroup.added"]
    source.close()


def test_without_a_bell_the_tree_is_walked_now_and_then(host: FakeHost):
    host.make_unified()
    source = CgroupStateSource()
    host.open(source)
    source.drain(BUDGET)
    source._watch.close()
    (host.cgroups / "late").mkdir()
    assert source.drain(BUDGET) == []
    host.clock.pass_seconds(10)
    assert [row["cgroup.path"] for row in rows_of(source.drain(BUDGET))] == ["/late"]


def test_kubepods_is_found_wherever_it_is_nested(host: FakeHost):
    for path in ("docker/abc/kubelet/kubepods/burstable", "n21/kubepods", "kubelet.slice/kubelet-kubepods.slice/x"):
        (host.cgroups / path).mkdir(parents=True)
    assert find_kubepods(host.cgroups) == (
        "/docker/abc/kubelet/kubepods",
        "/kubelet.slice/kubelet-kubepods.slice",
        "/n21/kubepods",
    )


def test_names_that_are_no_text_do_not_stop_anything(host: FakeHost):
    host.make_unified()
    (host.cgroups / os.fsdecode(b"kubepods.slice/\xff\xfe")).mkdir()
    source = CgroupStateSource()
    host.open(source)
    assert any("\\udcff" in row["cgroup.path"] for row in rows_of(source.snapshot()))
    source.close()


def test_the_lists_of_a_hierarchy(host: FakeHost):
    host.make_hybrid()
    host.write(host.cgroups / "unified/kubepods/cgroup.procs", "12\n13\n")
    found = find_hierarchies(host.sysfs)
    assert found.unified is not None
    assert not found.has_memory_v2
    assert list_cgroups(found.unified, ("/kubepods", "/kubepods"), limit=10)[0][0] == "/kubepods"
    ids = read_cgroup_id_by_pid(found.unified, ("/",), limit=10)
    assert ids == dict.fromkeys((12, 13), (found.unified / "kubepods").stat().st_ino)
    assert read_cgroup_id_by_pid(None, ("/",), limit=10) == {}
