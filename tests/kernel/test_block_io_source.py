"""Requests to a real block device: a loop device over a file of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.lab.slow_disk import start_disk, stop_disk
from recorder.sources.block_io import BlockIoSource

pytestmark = pytest.mark.kernel
BLOCK = 4_096
BLOCKS = 64
READS = 25

READ = """
import errno, mmap, os, sys
device, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
buffer, done, failed = mmap.mmap(-1, 4096), 0, 0
descriptor = os.open(device, os.O_RDONLY | os.O_DIRECT)
for number in range(first, first + count):
    try:
        os.preadv(descriptor, [buffer], number * 4096)
        done += 1
    except OSError as error:
        assert error.errno == errno.EIO
        failed += 1
print(done, failed)
"""
"""A tester: reads some blocks past the page cache, one request each, and prints how many it read and how many failed."""


@pytest.fixture
def loop_device(tmp_path):
    """(device, backing file)"""
    file = tmp_path / "disk"
    file.write_bytes(bytes(BLOCKS * BLOCK))
    made = subprocess.run(["losetup", "--show", "-f", str(file)], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no loop device: {made.stderr}")
    device = made.stdout.strip()
    yield device, file
    subprocess.run(["losetup", "-d", device], check=True)


def read_blocks(cgroup, device: str, first: int, count: int) -> tuple[int, int]:
    """(read, failed) of a tester in a cgroup."""
    _pid, code, output = cgroup.run(sys.executable, "-I", "-S", "-c", READ, device, str(first), str(count))
    assert code == 0
    done, failed = map(int, output.split())
    return done, failed


def name_of(device: str) -> str:
    number = Path(device).stat().st_rdev
    return f"{os.major(number)}:{os.minor(number)}"


def test_every_request_is_counted_with_its_cgroup_and_disk(own_cgroup, loop_device, sources, collect) -> None:
    # GIVEN
    device, _file = loop_device
    source = sources.open(BlockIoSource(), own_cgroup)
    # WHEN
    assert read_blocks(own_cgroup, device, 0, READS) == (READS, 0)
    rows = collect(source, lambda rows: any(row["block_io.device"] == name_of(device) for row in rows))
    # THEN
    own = [row for row in rows if row["block_io.device"] == name_of(device)]
    assert sum(row["count"] for row in own) == READS
    assert {(row["block_io.operation"], row["error.type"], row["cgroup_id"]) for row in own} == {
        ("read", None, own_cgroup.inode)
    }
    assert len({row["block_io.at_least_ns"] for row in own}) == len(own)
    assert all(row["first_boot_time_ns"] <= row["boot_time_ns"] for row in own)
    assert source.stats().missing == {}


def test_requests_that_fail_have_their_error(own_cgroup, loop_device, sources, collect) -> None:
    # GIVEN a disk of which the second half is gone
    device, file = loop_device
    os.truncate(file, BLOCKS // 2 * BLOCK)
    source = sources.open(BlockIoSource(), own_cgroup)
    # WHEN
    assert read_blocks(own_cgroup, device, BLOCKS // 2 - 3, 8) == (3, 5)
    rows = collect(source, lambda rows: any(row["error.type"] for row in rows))
    # THEN
    counts = {True: 0, False: 0}
    for row in rows:
        if row["block_io.device"] == name_of(device):
            counts[row["error.type"] == "EIO"] += row["count"]
    assert counts == {False: 3, True: 5}


def test_requests_of_another_cgroup_are_not_counted(own_cgroup, make_cgroup, loop_device, sources, collect) -> None:
    device, _file = loop_device
    source = sources.open(BlockIoSource(), own_cgroup)
    read_blocks(make_cgroup(), device, 0, 7)
    read_blocks(own_cgroup, device, 0, 2)
    rows = collect(source, lambda rows: any(row["block_io.device"] == name_of(device) for row in rows))
    assert sum(row["count"] for row in rows if row["block_io.device"] == name_of(device)) == 2


def test_requests_to_a_disk_that_becomes_slow_are_counted_as_slow(own_cgroup, tmp_path, sources, collect) -> None:
    # GIVEN
    directory = tmp_path / "disk"
    try:
        start_disk(directory)
    except OSError as problem:
        stop_disk(directory)
        pytest.skip(f"no disk of our own: {problem}")
    try:
        source = sources.open(BlockIoSource(), own_cgroup)
        # WHEN
        (directory / "delay").write_text("0.3")
        _pid, code, _output = own_cgroup.run(
            "dd", "if=/dev/zero", f"of={directory}/data/file", "bs=4096", "count=1", "conv=fsync", "status=none"
        )
        assert code == 0
        rows = collect(source, lambda rows: any(row["block_io.operation"] == "write" for row in rows))
        # THEN
        device = name_of((directory / "device").read_text())
        slow = {row["block_io.at_least_ns"] for row in rows if row["block_io.device"] == device}
        assert max(slow) >= 262_144_000
    finally:
        stop_disk(directory)
