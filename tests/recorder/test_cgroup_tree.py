"""Where the cgroups of pods are, however they are nested."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from recorder.cgroup_tree import (
    find_hierarchies,
    find_kubepods,
    is_frozen,
    is_frozen_v1,
    list_cgroups,
    read_cgroup_id_by_pid,
)
from recorder.sources.cgroup_state import CgroupStateSource
from tests.recorder.sources.fake_host import FakeHost, rows_of


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


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
    assert found.find_tree("memory") == (host.cgroups / "memory", 1)
    assert list_cgroups(found.unified, ("/kubepods", "/kubepods"), limit=10)[0][0] == "/kubepods"
    ids = read_cgroup_id_by_pid(found.unified, ("/",), limit=10)
    assert ids == dict.fromkeys((12, 13), (found.unified / "kubepods").stat().st_ino)
    assert read_cgroup_id_by_pid(None, ("/",), limit=10) == {}


def test_what_is_frozen_is_read_in_both_versions(host: FakeHost):
    host.write(host.cgroups / "a/cgroup.events", "populated 1\nfrozen 1\n")
    host.write(host.cgroups / "b/cgroup.events", "populated 1\nfrozen 0\n")
    host.write(host.cgroups / "freezer/a/freezer.state", "FROZEN\n")
    host.write(host.cgroups / "freezer/b/freezer.state", "FREEZING\n")
    assert [is_frozen(host.cgroups, path) for path in ("/a", "/b", "/gone", "/")] == [True, False, False, False]
    freezer = host.cgroups / "freezer"
    assert [is_frozen_v1(freezer, path) for path in ("/a", "/b", "/gone", "/")] == [True, False, False, False]
