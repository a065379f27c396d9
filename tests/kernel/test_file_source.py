"""Files on a real file system, whose disk becomes slow and then fails."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from fixtures.lab.slow_disk import start_disk, stop_disk
from recorder.sources.file import FileSource

pytestmark = pytest.mark.kernel

WRITE = """
import os, sys
descriptor = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
failed = 0
for number in range(int(sys.argv[2])):
    os.write(descriptor, b"x" * 4096)
    if sys.argv[3]:
        open(sys.argv[3], "w").write("error")
    try:
        os.fsync(descriptor)
    except OSError:
        failed += 1
print(failed)
"""
"""A tester: writes a block and waits until it is on the disk, so many times; prints how often that failed. With a third
argument, the disk fails from then on, before a commit of the journal can make the file system read-only."""


@pytest.fixture
def disk(tmp_path):
    """The directory of a disk; `delay` in it says how it behaves, `data` is its file system."""
    directory = tmp_path / "disk"
    try:
        start_disk(directory)
    except OSError as problem:
        stop_disk(directory)
        pytest.skip(f"no disk of our own: {problem}")
    yield directory
    stop_disk(directory)


def write(cgroup, file: Path, times: int, *, breaks: Path | None = None) -> int:
    """How many calls of a tester in a cgroup failed."""
    _pid, code, output = cgroup.run(sys.executable, "-I", "-S", "-c", WRITE, str(file), str(times), str(breaks or ""))
    assert code == 0
    return int(output)


def device_of(file: Path) -> str:
    number = file.stat().st_dev
    return f"{os.major(number)}:{os.minor(number)}"


def test_every_fsync_is_counted_with_its_cgroup_and_file_system(own_cgroup, disk, sources, collect) -> None:
    # GIVEN
    source = sources.open(FileSource(), own_cgroup)
    # WHEN
    assert write(own_cgroup, disk / "data" / "journal", 7) == 0
    rows = collect(source, lambda rows: rows)
    # THEN
    assert sum(row["count"] for row in rows) == 7
    assert {(row["event_name"], row["file.device"], row["cgroup_id"], row["error.type"]) for row in rows} == {
        ("file.syncs", device_of(disk / "data"), own_cgroup.inode, None)
    }
    assert source.stats().missing == {}


def test_an_fsync_that_waits_for_a_slow_disk_has_its_path_and_its_time(own_cgroup, disk, sources, collect) -> None:
    # GIVEN
    journal = disk / "data" / "one" / "two" / "three" / "four" / "journal"
    journal.parent.mkdir(parents=True)
    write(own_cgroup, journal, 1)
    source = sources.open(FileSource(), own_cgroup, slow_ms=200)
    # WHEN
    (disk / "delay").write_text("0.15")
    assert write(own_cgroup, journal, 2) == 0
    rows = collect(source, lambda rows: sum(row["event_name"] == "file.sync_slow" for row in rows) == 2)
    # THEN
    slow = [row for row in rows if row["event_name"] == "file.sync_slow"]
    assert {row["file.path"] for row in slow} == {"…/two/three/four/journal"}
    assert all(0.2e9 <= row["file.at_least_ns"] < 60e9 for row in slow)
    assert all(row["process.command"].startswith("python") and row["process.pid"] for row in slow)
    assert all(row["boot_time_ns"] - row["first_boot_time_ns"] == row["file.at_least_ns"] for row in slow)


def test_a_write_that_is_lost_is_told_with_its_error(own_cgroup, disk, sources, collect) -> None:
    # GIVEN
    journal = disk / "data" / "journal"
    write(own_cgroup, journal, 1)
    source = sources.open(FileSource(), own_cgroup)
    # WHEN
    assert write(own_cgroup, journal, 1, breaks=disk / "delay") == 1
    rows = collect(source, lambda rows: any(row["event_name"] == "file.sync_failed" for row in rows))
    # THEN
    (failed,) = [row for row in rows if row["event_name"] == "file.sync_failed"]
    assert (failed["error.type"], failed["file.path"]) == (errno.errorcode[errno.EIO], "/journal")


def test_files_of_another_cgroup_are_not_counted(own_cgroup, make_cgroup, disk, sources, collect) -> None:
    source = sources.open(FileSource(), own_cgroup)
    write(make_cgroup(), disk / "data" / "others", 5)
    write(own_cgroup, disk / "data" / "own", 2)
    rows = collect(source, lambda rows: rows)
    assert sum(row["count"] for row in rows) == 2


@pytest.mark.parametrize("name", ["\x1b]0;title\x07", "line\nbreak", "x" * 255, "nicht-ü", "\udcff\udcfe"])
def test_a_hostile_name_comes_as_text(own_cgroup, disk, sources, collect, name: str) -> None:
    # GIVEN
    source = sources.open(FileSource(), own_cgroup, slow_ms=0)
    # WHEN
    write(own_cgroup, disk / "data" / name, 1)
    rows = collect(source, lambda rows: any(row["file.path"] for row in rows))
    # THEN
    (path,) = {row["file.path"] for row in rows if row["file.path"]}
    shown = os.fsencode(name)[:63].decode("utf-8", "backslashreplace")
    assert path == f"/{shown}"
