"""The cgroups that there are, with their pods, and those that come."""

from __future__ import annotations

import select

from formats.errors import UnavailableError
from recorder.source import SourceContext
from recorder.sources.cgroup_state import CgroupStateSource
from tests.recorder.sources.fake_host import CID, CONTAINER_V2, POD_V1, UID, FakeHost, rows_of

BUDGET = 10**12


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


def frozen_in(source: CgroupStateSource) -> list[tuple[str, str]]:
    rows = rows_of(source.drain(BUDGET))
    return [(row["event_name"], row["cgroup.path"]) for row in rows if row["event_name"] != "cgroup.added"]


def test_without_bpf_what_is_frozen_is_read_now_and_then(host: FakeHost):
    # GIVEN a container that is frozen when the source opens
    host.make_unified()
    host.write(host.cgroups / CONTAINER_V2[1:] / "cgroup.events", "populated 1\nfrozen 1\n")
    source = CgroupStateSource()
    host.open(source)
    rows = rows_of(source.snapshot())
    assert [row["cgroup.path"] for row in rows if row["event_name"] == "cgroup.frozen"] == [CONTAINER_V2]
    # WHEN it is thawed, and frozen again THEN each is told at the next look
    for word, event in (("0", "cgroup.thawed"), ("1", "cgroup.frozen")):
        host.write(host.cgroups / CONTAINER_V2[1:] / "cgroup.events", f"populated 1\nfrozen {word}\n")
        host.clock.pass_seconds(10)
        assert frozen_in(source) == [(event, CONTAINER_V2)]
    # AND one that goes is not thawed
    (host.cgroups / CONTAINER_V2[1:]).rename(host.sysfs / "gone")
    host.clock.pass_seconds(10)
    assert frozen_in(source) == [("cgroup.removed", CONTAINER_V2)]
    source.close()


def test_the_freezer_of_cgroup_v1_is_read_beside_the_tree(host: FakeHost):
    host.make_hybrid()
    host.write(host.cgroups / "freezer/cgroup.procs", "")
    source = CgroupStateSource()
    host.open(source)
    for word, event in (("FROZEN", "cgroup.frozen"), ("THAWED", "cgroup.thawed")):
        host.write(host.cgroups / "freezer" / POD_V1[1:] / "freezer.state", f"{word}\n")
        host.clock.pass_seconds(10)
        assert frozen_in(source) == [(event, POD_V1)]
    source.close()


def test_where_the_kernel_tells_nothing_the_source_says_so_and_watches_the_tree(host: FakeHost):
    host.make_unified()
    source = CgroupStateSource()
    host.open(source)
    assert "tracefs is not mounted" in source.stats().detail
    assert source.wake_fds()
    source.close()


def test_a_program_that_the_kernel_refuses_leaves_the_watch(host: FakeHost):
    # GIVEN
    host.make_unified()
    source = CgroupStateSource()
    context = SourceContext("fake", dict(source.spec.options), host.clock, proc=host.proc, sysfs=host.sysfs)
    # WHEN
    source.begin(context, [UnavailableError("the kernel refuses it", where="bpf", next_step="be root")])
    (host.cgroups / "late").mkdir()
    # THEN
    assert "the kernel refuses it" in source.stats().detail
    assert [row["cgroup.path"] for row in rows_of(source.drain(BUDGET))] == ["/late"]
    source.close()


def test_a_list_that_is_not_complete_is_said(host: FakeHost):
    host.make_unified()
    source = CgroupStateSource()
    host.open(source, max_cgroups=2)
    assert len(rows_of(source.snapshot())) == 2
    assert "max_cgroups" in source.stats().detail
    source.close()
