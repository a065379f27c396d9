"""Cgroups of the real kernel, however short they live."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from formats.loss import LossReason
from recorder.sources import cgroup_state
from recorder.sources.cgroup_state import CgroupStateSource

pytestmark = pytest.mark.kernel

UID = "65a6e55d-b724-4ec3-8525-4d21ee11553c"
CID = "a0db4780e754c345b9a1bde453322d9a5dc8aca02b59cd2cd4c1426ba0b1104f"


@pytest.fixture(scope="module")
def recording(open_recording):
    return open_recording(CgroupStateSource())


@pytest.fixture
def source(recording):
    return recording.source


@pytest.fixture
def own_cgroup(recording):
    cgroup = recording.make_cgroup()
    recording.source.drain(1_000_000_000)
    return cgroup


def told(rows) -> list[tuple[str, str, int]]:
    return [(row["event_name"].removeprefix("cgroup."), row["cgroup.path"], row["cgroup_id"]) for row in rows]


def test_containers_that_are_gone_before_anybody_looks_are_recorded_with_id_path_and_owner(
    own_cgroup, source, collect
) -> None:
    # WHEN a pod with a container comes and goes between two drains, and another one takes its place
    pod = own_cgroup.folder / f"pod{UID}"
    container = pod / CID
    expected = []
    for _ in range(2):
        ids = []
        for folder in (pod, container):
            folder.mkdir()
            ids.append(folder.stat().st_ino)
        paths = (f"{own_cgroup.path}/pod{UID}", f"{own_cgroup.path}/pod{UID}/{CID}")
        container.rmdir()
        pod.rmdir()
        expected += [("added", paths[0], ids[0]), ("added", paths[1], ids[1])]
        expected += [("removed", paths[1], ids[1]), ("removed", paths[0], ids[0])]
    rows = collect(source, lambda rows: len(rows) >= 8)

    # THEN
    assert told(rows) == expected
    assert [row["container.id"] for row in rows] == [None, CID, CID, None] * 2
    assert {row["k8s.pod.uid"] for row in rows} == {UID}
    times = [row["boot_time_ns"] for row in rows]
    assert times == sorted(times)
    assert source.stats().missing == {}


def test_what_the_kernel_told_is_not_told_again_by_a_walk_and_what_it_did_not_tell_is(own_cgroup, sources) -> None:
    # GIVEN a source that walks at every drain, whose program may send one record a second
    source = sources.open(CgroupStateSource(), own_cgroup, rescan_s=0, max_per_second=1)
    (own_cgroup.folder / "told").mkdir()
    first = [row for batch in source.drain(10**9) for row in batch.to_pylist()]

    # WHEN more of them come than it may send on any CPU
    names = [f"c{number:02}" for number in range(4 * (os.cpu_count() or 1))]
    for name in names:
        (own_cgroup.folder / name).mkdir()
    rows = [row for batch in source.drain(10**9) for row in batch.to_pylist()]

    # THEN each one is told once, and the rest is quiet
    assert told(first) == [("added", f"{own_cgroup.path}/told", (own_cgroup.folder / "told").stat().st_ino)]
    assert sorted(row["cgroup.path"].rpartition("/")[2] for row in rows) == names
    assert source.stats().missing[LossReason.RATE_LIMITED] > 0
    assert source.drain(10**9) == []
    assert sorted(row["cgroup.path"] for batch in source.snapshot() for row in batch.to_pylist()) == sorted(
        [own_cgroup.path, f"{own_cgroup.path}/told", *(f"{own_cgroup.path}/{name}" for name in names)]
    )


def test_what_changes_during_a_walk_is_told_once(own_cgroup, sources, monkeypatch) -> None:
    # GIVEN a source that walks at every drain, and a cgroup that goes, and one that comes, right after each walk
    source = sources.open(CgroupStateSource(), own_cgroup, rescan_s=0)
    (own_cgroup.folder / "goes").mkdir()
    source.drain(10**9)
    walk = source._walk

    def walk_and_change(context):
        found = walk(context)
        (own_cgroup.folder / "goes").rmdir()
        (own_cgroup.folder / "comes").mkdir()
        return found

    monkeypatch.setattr(source, "_walk", walk_and_change)
    # WHEN
    rows = [row for batch in source.drain(10**9) for row in batch.to_pylist()]
    monkeypatch.undo()
    # THEN what the walk saw is not told against what the kernel has told since
    assert [(event, path.rpartition("/")[2]) for event, path, _id in told(rows)] == [
        ("removed", "goes"),
        ("added", "comes"),
    ]
    assert source.drain(10**9) == []


def test_more_cgroups_than_are_listed_are_not_told_to_be_removed(own_cgroup, sources) -> None:
    # GIVEN a source that may list two cgroups, and walks at every drain
    for name in ("a", "b", "c"):
        (own_cgroup.folder / name).mkdir()
    source = sources.open(CgroupStateSource(), own_cgroup, rescan_s=0, max_cgroups=2)
    assert source.drain(10**9) == []
    # WHEN another one comes THEN it is told all the same, and only it
    (own_cgroup.folder / "A").mkdir()
    rows = [row for batch in source.drain(10**9) for row in batch.to_pylist()]
    assert [path for _event, path, _id in told(rows)] == [f"{own_cgroup.path}/A"]
    assert source.drain(10**9) == []
    assert "max_cgroups" in source.stats().detail


def test_what_is_frozen_and_thawed_is_recorded_with_what_is_below_it(own_cgroup, source, collect, until) -> None:
    # GIVEN a cgroup with a process in a nested one
    inner = own_cgroup.child("inner")
    with inner.start(["/bin/sleep", "60"]) as sleeper:
        until(lambda: Path(f"/proc/{sleeper.pid}/comm").read_text() == "sleep\n")
        source.drain(10**9)
        # WHEN the outer one is frozen, and thawed
        (own_cgroup.folder / "cgroup.freeze").write_text("1")
        rows = collect(source, lambda rows: len(rows) >= 2)
        states = [row for batch in source.snapshot() for row in batch.to_pylist()]
        (own_cgroup.folder / "cgroup.freeze").write_text("0")
        thawed = collect(source, lambda rows: len(rows) >= 2)
        sleeper.kill()
    # THEN
    assert sorted(told(rows)) == [
        ("frozen", own_cgroup.path, own_cgroup.inode),
        ("frozen", inner.path, inner.inode),
    ]
    assert {row["cgroup.path"] for row in states if row["event_name"] == "cgroup.frozen"} == {
        own_cgroup.path,
        inner.path,
    }
    assert sorted(told(thawed)) == [
        ("thawed", own_cgroup.path, own_cgroup.inode),
        ("thawed", inner.path, inner.inode),
    ]


def test_what_was_frozen_before_is_part_of_the_state(own_cgroup, sources, until) -> None:
    with own_cgroup.start(["/bin/sleep", "60"]) as sleeper:
        until(lambda: Path(f"/proc/{sleeper.pid}/comm").read_text() == "sleep\n")
        (own_cgroup.folder / "cgroup.freeze").write_text("1")
        until(lambda: "frozen 1" in (own_cgroup.folder / "cgroup.events").read_text())
        source = sources.open(CgroupStateSource(), own_cgroup)
        states = [row for batch in source.snapshot() for row in batch.to_pylist()]
        (own_cgroup.folder / "cgroup.freeze").write_text("0")
        sleeper.kill()
    assert told(states) == [
        ("state", own_cgroup.path, own_cgroup.inode),
        ("frozen", own_cgroup.path, own_cgroup.inode),
    ]


def test_a_cgroup_elsewhere_is_not_recorded(own_cgroup, make_cgroup, source, collect) -> None:
    make_cgroup().child("elsewhere")
    (own_cgroup.folder / "own").mkdir()
    (row,) = collect(source, lambda rows: len(rows) >= 1)
    assert row["cgroup.path"] == f"{own_cgroup.path}/own"


def test_names_that_are_no_text_are_as_a_walk_tells_them(own_cgroup, source, sources, collect) -> None:
    # WHEN
    (own_cgroup.folder / os.fsdecode(b"\xff\xfe ;rm -rf \xe2\x80\xae")).mkdir()
    (row,) = collect(source, lambda rows: len(rows) >= 1)
    # THEN
    walked = [row for batch in sources.open(CgroupStateSource(), own_cgroup).snapshot() for row in batch.to_pylist()]
    assert row["cgroup.path"] == walked[-1]["cgroup.path"]
    assert row["cgroup.path"].startswith(f"{own_cgroup.path}/\\udcff\\udcfe ;rm")


def test_a_path_that_is_too_long_is_cut_after_its_last_whole_part_counted_and_found_by_a_walk(
    own_cgroup, sources
) -> None:
    # GIVEN a pod's container in which others are nested until the path is longer than a record
    source = sources.open(CgroupStateSource(), own_cgroup, rescan_s=0)
    folder = own_cgroup.folder / f"pod{UID}" / CID
    folder.mkdir(parents=True)
    while len(str(folder)) - len(str(own_cgroup.root)) < 512:
        folder /= "n" * 100
        folder.mkdir()
    # WHEN
    rows = [row for batch in source.drain(10**9) for row in batch.to_pylist()]
    # THEN
    before, cut, found = rows[-3:]
    assert before["cgroup.path"] == f"/{folder.parent.relative_to(own_cgroup.root)}"
    assert cut["cgroup.path"] == f"/{folder.parent.relative_to(own_cgroup.root)}/…"
    assert found["cgroup.path"] == f"/{folder.relative_to(own_cgroup.root)}"
    assert cut["cgroup_id"] == found["cgroup_id"] == folder.stat().st_ino
    assert {row["container.id"] for row in rows[1:]} == {CID}
    assert source.stats().detail == "paths longer than 511 bytes were cut: 1"
    assert source.drain(10**9) == []


def test_a_cgroup_of_another_hierarchy_is_not_recorded(own_cgroup, sources, collect, monkeypatch) -> None:
    # GIVEN a source of the whole tree, so that no filter leaves it out, which knows nothing of what exists
    v1 = Path("/sys/fs/cgroup/freezer")
    if not (v1 / "cgroup.procs").exists():
        pytest.skip("needs a cgroup v1 hierarchy")
    monkeypatch.setattr(cgroup_state, "list_cgroups", lambda *_, **__: ([], False))
    source = sources.open(CgroupStateSource(), None, rescan_s=1000)
    # WHEN
    other = v1 / f"tapio-test-{os.getpid()}-v1"
    other.mkdir()
    other.rmdir()
    own = own_cgroup.child("own")
    rows = collect(source, lambda rows: own.path in {row["cgroup.path"] for row in rows})
    # THEN
    assert f"/{other.name}" not in {row["cgroup.path"] for row in rows}


def test_a_tree_that_is_mounted_below_the_root_sees_its_own_part_alone(own_cgroup, make_cgroup, sources, monkeypatch):
    """As on a node that is itself a container: its tree begins at its own cgroup."""
    # GIVEN
    node, other = own_cgroup.child("node"), make_cgroup()
    source = CgroupStateSource()
    monkeypatch.setattr(cgroup_state, "read_cgroup_id", lambda unified, path: (node.folder / path[1:]).stat().st_ino)
    monkeypatch.setattr(cgroup_state, "list_cgroups", lambda *_, **__: (["/"], True))
    context = replace(sources.context(source, None), cgroup_paths=())
    source.open(context)
    sources.keep(source)
    # WHEN
    other.child("a")
    own_cgroup.child("b")
    made = node.child("kubepods")
    # THEN
    assert told(row for batch in source.drain(10**9) for row in batch.to_pylist()) == [
        ("added", "/kubepods", made.inode)
    ]


def test_a_storm_is_limited_and_every_cgroup_that_is_left_out_is_counted(own_cgroup, sources) -> None:
    # GIVEN
    source = sources.open(CgroupStateSource(), own_cgroup, rescan_s=1000, max_per_second=50)
    # WHEN a thousand cgroups live for a moment each
    for number in range(1000):
        folder = own_cgroup.folder / str(number)
        folder.mkdir()
        folder.rmdir()
    rows = sum(batch.num_rows for batch in source.drain(10**9))
    stats = source.stats()
    # THEN
    assert stats.produced == 2000
    assert stats.missing[LossReason.RATE_LIMITED] == 2000 - rows > 0
    assert rows >= 50


def test_a_full_ring_is_counted(own_cgroup, sources) -> None:
    source = sources.open(CgroupStateSource(), own_cgroup, rescan_s=1000, max_per_second=10_000, ring_bytes=4096)
    for number in range(20):
        (own_cgroup.folder / str(number)).mkdir()
    rows = sum(batch.num_rows for batch in source.drain(10**9))
    assert source.stats().missing == {LossReason.KERNEL_RING_FULL: 20 - rows}
    assert 0 < rows < 20
