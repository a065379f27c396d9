"""The cgroups that there are, with their pods, and those that come."""

from __future__ import annotations

import select

from recorder.sources.cgroup_state import CgroupStateSource
from tests.recorder.sources.fake_host import CID, CONTAINER_V2, UID, FakeHost, rows_of

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
