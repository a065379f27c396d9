"""Where the lab puts its control groups, on hybrid and on pure v2 machines."""

from pathlib import Path

import pytest

from fixtures.lab.cgroups import CgroupError, CgroupTree, Hierarchies, find_hierarchies, find_missing

HYBRID = """\
tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup {root}/cpu cgroup rw,relatime,cpu,cpuacct 0 0
cgroup {root}/memory cgroup rw,relatime,memory 0 0
cgroup {root}/cpuset cgroup rw,relatime,cpuset 0 0
cgroup2 {root}/unified cgroup2 rw,relatime 0 0
"""
PURE_V2 = "cgroup2 {root} cgroup2 rw,nosuid,nodev,noexec,relatime 0 0\n"


def write_tree(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def test_hybrid_machine_limits_memory_by_v1_and_names_cgroups_by_v2(tmp_path: Path) -> None:
    # GIVEN the mounts of a hybrid machine, two controllers in one mount
    for name in ("cpu", "memory", "unified"):
        (tmp_path / name).mkdir()
    # WHEN
    found = find_hierarchies(HYBRID.format(root=tmp_path))
    # THEN cpuset is left out, and the shared mount is used once
    assert found.memory == tmp_path / "memory"
    assert found.memory_version == 1
    assert set(found.mounts) == {tmp_path / "cpu", tmp_path / "memory", tmp_path / "unified"}
    assert find_missing(found) == []


def test_pure_v2_machine_needs_one_tree(tmp_path: Path) -> None:
    # GIVEN
    write_tree(tmp_path, {"cgroup.controllers": "cpuset cpu io memory pids\n", "cgroup.subtree_control": ""})
    # WHEN
    found = find_hierarchies(PURE_V2.format(root=tmp_path))
    # THEN
    assert (found.memory, found.memory_version, found.mounts) == (tmp_path, 2, (tmp_path,))
    assert find_missing(found) == []


def test_pure_v2_hands_controllers_down_and_writes_v2_files(tmp_path: Path) -> None:
    # GIVEN
    write_tree(tmp_path, {"cgroup.controllers": "memory pids\n"})
    tree = CgroupTree(find_hierarchies(PURE_V2.format(root=tmp_path)), "/tapio-lab-7")
    # WHEN
    tree.create("/kubepods/burstable")
    tree.limit_memory("/kubepods/burstable", 1 << 20)
    (tmp_path / "tapio-lab-7/kubepods/burstable/memory.events").write_text("low 0\noom 4\noom_kill 3\n")
    # THEN
    assert (tmp_path / "cgroup.subtree_control").read_text() in {"+memory", "+pids"}
    assert (tmp_path / "tapio-lab-7/kubepods/burstable/memory.max").read_text() == str(1 << 20)
    assert tree.oom_kills("/kubepods/burstable") == 3
    assert tree.procs_files("/kubepods") == [f"{tmp_path}/tapio-lab-7/kubepods/cgroup.procs"]


def test_machine_without_memory_controller_is_told_so(tmp_path: Path) -> None:
    # GIVEN a v2 tree without the memory controller
    write_tree(tmp_path, {"cgroup.controllers": "hugetlb\n"})
    found = find_hierarchies(PURE_V2.format(root=tmp_path))
    # WHEN / THEN
    assert any("memory cgroup controller" in sentence for sentence in find_missing(found))
    with pytest.raises(CgroupError, match="cannot limit memory"):
        CgroupTree(found, "/tapio-lab-0").create("/kubepods")


@pytest.mark.parametrize("root", ["/", "", "/a/b", "/..", "tapio"])
def test_tree_refuses_any_root_that_is_not_its_own(root: str) -> None:
    # GIVEN / WHEN / THEN: whoever removes a tree kills what is in it, so it must never be the machine's
    with pytest.raises(ValueError, match="not one new directory"):
        CgroupTree(Hierarchies({}, None, None, 0), root)
