"""How full file systems are, on a made-up node whose mounts lie in a directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from formats.errors import UnavailableError
from formats.loss import LossReason
from recorder.sources.filesystem import FilesystemSource
from tests.formats.rows.test_mounts import CLAIM, ROOT, UID, VOLUMES
from tests.recorder.sources.fake_host import FakeHost, rows_of

BUDGET = 10**12


def open_source(host: FakeHost, mountinfo: str, **options: object) -> FilesystemSource:
    """The source on a host of which /proc/1/root has both mount points."""
    host.write(host.proc / "1/mountinfo", mountinfo)
    (host.proc / f"1/root{VOLUMES}/kubernetes.io~csi/pvc-1/mount").mkdir(parents=True)
    source = FilesystemSource()
    host.open(source, **options)
    return source


def test_file_systems_of_the_node_and_of_pods_are_recorded(host: FakeHost):
    rows = rows_of(open_source(host, f"{ROOT}\n{CLAIM}\n").snapshot())
    assert [(row["k8s.pod.uid"], row["filesystem.device"]) for row in rows] == [(None, "254:0"), (UID, "259:1")]
    real = os.statvfs(host.proc / "1/root")
    for row in rows:
        assert row["filesystem.mode"] == "rw"
        assert row["filesystem.size_bytes"] == real.f_blocks * real.f_frsize
        assert 0 < row["filesystem.used_bytes"] <= row["filesystem.size_bytes"] - row["filesystem.available_bytes"]
        assert row["filesystem.inodes"] in {real.f_files, None}


def test_a_file_system_that_became_read_only_is_recorded_again(host: FakeHost):
    source = open_source(host, CLAIM)
    source.snapshot()
    host.write(host.proc / "1/mountinfo", CLAIM.replace(" rw,relatime ", " ro,relatime "))
    host.clock.pass_seconds(15)
    (row,) = rows_of(source.drain(BUDGET))
    assert row["filesystem.mode"] == "ro"


def test_a_mount_point_that_is_gone_or_of_another_device_is_left_out_and_the_status_says_so(host: FakeHost):
    # GIVEN a path that exists for this program, but on another device
    elsewhere = f"90 29 259:7 / {host.proc} rw - ext4 /dev/sdx rw"
    source = open_source(host, f"{ROOT}\n{elsewhere}\n")
    # WHEN THEN
    assert [row["filesystem.device"] for row in rows_of(source.snapshot())] == ["254:0"]
    assert "1 of 2 file systems cannot be read" in source.stats().detail


def test_without_the_right_to_enter_the_node_s_root_the_same_device_is_reached_by_its_path(
    host: FakeHost, tmp_path: Path
):
    found = tmp_path.stat().st_dev
    device = f"{os.major(found)}:{os.minor(found)}"
    host.write(host.proc / "1/mountinfo", f"90 29 {device} / {tmp_path} rw - xfs /dev/vda rw")
    source = FilesystemSource()
    host.open(source)
    assert [row["filesystem.mount_point"] for row in rows_of(source.snapshot())] == [str(tmp_path)]


def test_a_list_of_another_form_is_counted(host: FakeHost):
    source = open_source(host, "nothing")
    assert source.snapshot() == []
    assert source.stats().missing == {LossReason.REJECTED: 1}


def test_more_file_systems_than_allowed_are_not_read_and_the_status_says_so(host: FakeHost):
    source = open_source(host, f"{ROOT}\n{CLAIM}\n", max_filesystems=1)
    assert len(rows_of(source.snapshot())) == 1
    assert "only the first 1 of 2" in source.stats().detail


def test_a_host_whose_mounts_cannot_be_read_is_told_what_to_do(host: FakeHost):
    with pytest.raises(UnavailableError, match="mounts of the node") as caught:
        host.open(FilesystemSource())
    assert caught.value.next_step
