"""A real volume in memory that fills up."""

from __future__ import annotations

import os
import subprocess

import pytest

from recorder.sources.filesystem import FilesystemSource
from tests.formats.rows.test_mounts import UID

pytestmark = pytest.mark.kernel
PAGE = os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def volume(tmp_path):
    """A file system of 64 pages and 32 files, mounted where a kubelet would mount it."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    folder = tmp_path / f"pods/{UID}/volumes/kubernetes.io~empty-dir/cache"
    folder.mkdir(parents=True)
    options = f"size={64 * PAGE},nr_inodes=32"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tapio-test", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def read(source, volume):
    """The row of the volume of the next look; None if it did not change."""
    rows = [row for batch in source.drain(10**9) for row in batch.to_pylist()]
    return next((row for row in rows if row["filesystem.mount_point"] == str(volume)), None)


def test_what_is_written_to_a_volume_is_what_it_has_less(volume, sources) -> None:
    # GIVEN an empty volume
    source = sources.open(FilesystemSource(), None, interval_s=0)
    before = read(source, volume)
    assert (before["k8s.pod.uid"], before["filesystem.type"], before["filesystem.mode"]) == (UID, "tmpfs", "rw")
    assert (before["filesystem.size_bytes"], before["filesystem.inodes"]) == (64 * PAGE, 32)

    # WHEN ten pages are written to two files
    for name in ("a", "b"):
        (volume / name).write_bytes(b"x" * 5 * PAGE)
    after = read(source, volume)

    # THEN
    assert after["filesystem.used_bytes"] - before["filesystem.used_bytes"] == 10 * PAGE
    assert before["filesystem.available_bytes"] - after["filesystem.available_bytes"] == 10 * PAGE
    assert before["filesystem.inodes_free"] - after["filesystem.inodes_free"] == 2
    # AND nothing is recorded while nothing changes, and that it is read-only is
    assert read(source, volume) is None
    subprocess.run(["mount", "-o", "remount,ro", str(volume)], check=True)
    assert read(source, volume)["filesystem.mode"] == "ro"
