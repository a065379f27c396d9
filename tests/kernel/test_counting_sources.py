"""What is counted in the kernel is counted exactly: failed system calls."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from formats.loss import LossReason
from recorder.config import SourceConfig, resolve_options
from recorder.ebpf import tally
from recorder.source import Pauses, Profile
from recorder.sources.syscall_error import SyscallErrorSource
from tests.kernel.conftest import boot_time_ns

pytestmark = pytest.mark.kernel


def counted(name):
    """Until rows of the interval after the program's end have come."""
    return lambda rows: any(name(row) for row in rows)


def test_failures_are_counted_per_call_and_errno(own_cgroup, sources, collect) -> None:
    # GIVEN
    source = sources.open(SyscallErrorSource(), own_cgroup, every_s=0)
    script = """
import os
for number in range(5000):
    try: os.close(999)
    except OSError: pass
    if number % 5 == 0:
        try: os.rmdir("/proc")
        except OSError: pass
reader, writer = os.pipe(); os.set_blocking(reader, False)
for _ in range(100):
    try: os.read(reader, 1)
    except OSError: pass
try: os.chdir("/etc/passwd")
except OSError: pass
"""

    # WHEN
    pid, _code, _output = own_cgroup.run(sys.executable, "-I", "-S", "-c", script)
    rows = collect(
        source,
        lambda rows: any(row["syscall.name"] == "chdir" and row["event_name"] == "syscall.errors" for row in rows),
    )

    # THEN
    totals: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if row["event_name"] == "syscall.errors" and row["process.pid"] == pid:
            totals[row["syscall.name"], row["error.type"]] += row["count"]
            assert row["first_boot_time_ns"] <= row["boot_time_ns"]
            assert row["cgroup_id"] == own_cgroup.inode
    assert totals["close", "EBADF"] == 5_000
    assert totals["rmdir", "EBUSY"] == 1_000
    assert totals["chdir", "ENOTDIR"] == 1
    # THEN what working programs do all the time is ignored
    assert not any(error == "EAGAIN" for _call, error in totals)
    # THEN the first of each is sent at once, but not for missing files
    samples = [row for row in rows if row["event_name"] == "syscall.error_sample"]
    assert ("chdir", "ENOTDIR", 1) in [(row["syscall.name"], row["error.type"], row["count"]) for row in samples]
    assert not any(row["error.type"] == "ENOENT" for row in samples)


FILL = """
import errno, os, resource, sys
full, read_only = sys.argv[1:]
def fail(attempt):
    try: attempt()
    except OSError as error: print(errno.errorcode[error.errno])
descriptor = os.open(full + "/journal", os.O_WRONLY | os.O_CREAT)
fail(lambda: [os.write(descriptor, b"x" * 65536) for _ in range(64)])
fail(lambda: os.open(read_only + "/new", os.O_WRONLY | os.O_CREAT))
resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))
fail(lambda: [os.open("/proc/self/stat", os.O_RDONLY) for _ in range(9)])
"""
"""A tester: writes to a file system that is full, to one that is read-only, and opens more than it may."""


def test_a_failure_to_write_or_open_has_the_path_of_its_file(own_cgroup, sources, collect, tmp_path) -> None:
    # GIVEN
    full, read_only = tmp_path / "full", tmp_path / "read-only"
    for directory, options in ((full, "size=1m"), (read_only, "ro")):
        directory.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tapio-test", str(directory)], check=True)
    try:
        source = sources.open(SyscallErrorSource(), own_cgroup, every_s=0)
        # WHEN
        pid, _code, output = own_cgroup.run(sys.executable, "-I", "-S", "-c", FILL, str(full), str(read_only))
        rows = collect(source, counted(lambda row: row["process.pid"] == pid and row["error.type"] == "EMFILE"))
    finally:
        for directory in (full, read_only):
            subprocess.run(["umount", str(directory)], check=True)
    # THEN
    assert output.split() == ["ENOSPC", "EROFS", "EMFILE"]
    samples = {
        (row["syscall.name"], row["error.type"]): row["file.path"]
        for row in rows
        if row["process.pid"] == pid and row["event_name"] == "syscall.error_sample"
    }
    assert samples["write", "ENOSPC"] == "/journal"
    assert samples["openat", "EROFS"] == f"{read_only}/new"
    assert samples["openat", "EMFILE"] == "/proc/self/stat"
    # AND counts have none
    assert all(row["file.path"] is None for row in rows if row["event_name"] == "syscall.errors")


def test_a_process_that_may_start_no_other_is_counted_in_spite_of_the_errors_that_are_ignored(
    own_cgroup, sources, collect
) -> None:
    # GIVEN the default configuration, which ignores EAGAIN
    source = sources.open(SyscallErrorSource(), own_cgroup, every_s=0)
    # WHEN a program of a user that may have no process forks, and reads where there is nothing yet
    script = """
import os, resource
reading, _ = os.pipe()
os.set_blocking(reading, False)
os.setgid(65534), os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
for attempt in (lambda: os.fork(), lambda: os.read(reading, 1)):
    try: attempt()
    except BlockingIOError: pass
"""
    pid, code, _ = own_cgroup.run(sys.executable, "-c", script)
    rows = collect(source, counted(lambda row: row["process.pid"] == pid and row["error.type"] == "EAGAIN"))
    # THEN
    assert code == 0
    failed = {row["syscall.name"] for row in rows if row["error.type"] == "EAGAIN"}
    assert failed
    assert failed <= {"clone", "clone3", "fork", "vfork"}


def test_no_failure_is_missed_or_counted_twice_while_the_maps_are_turned(
    own_cgroup, sources, collect, tester, monkeypatch
) -> None:
    # GIVEN maps that are turned a hundred times a second instead of once
    monkeypatch.setattr(tally, "_INTERVAL_NS", 10_000_000)
    monkeypatch.setattr(tally, "_GRACE_NS", 5_000_000)
    source = sources.open(SyscallErrorSource(), own_cgroup, every_s=0)

    # WHEN a million failures happen on two threads meanwhile
    process = own_cgroup.start([tester("failures"), "500000", "2"])
    rows = collect(
        source,
        lambda rows: process.poll() is not None and sum(row["count"] for row in rows if is_close(row)) >= 1_000_000,
    )
    output, _errors = process.communicate()

    # THEN
    counts = [row["count"] for row in rows if is_close(row)]
    assert sum(counts) == int(output) == 1_000_000
    assert len(counts) > 3


def is_close(row) -> bool:
    return row["event_name"] == "syscall.errors" and (row["syscall.name"], row["error.type"]) == ("close", "EBADF")


def test_keys_that_find_the_map_full_are_counted_as_lost(own_cgroup, sources, collect) -> None:
    # GIVEN room for two keys and a program that fails in twenty calls
    source = sources.open(
        SyscallErrorSource(),
        own_cgroup,
        map_entries=2,
        ignore=["ENOENT", "ioctl:ENOTTY", "EINVAL"],
        samples_per_second=0,
        every_s=0,
    )
    script = "import ctypes\nlibc = ctypes.CDLL(None)\nfor number in range(400, 420): libc.syscall(3, 999 + number)\n"
    script += "for number in (3, 32, 33, 72, 77, 8, 17, 18): libc.syscall(number, 999, 0, 0)"

    # WHEN
    own_cgroup.run(sys.executable, "-I", "-c", script)
    rows = collect(source, lambda rows: len(rows) > 0)

    # THEN
    lost = source.stats().missing[LossReason.KERNEL_MAP_FULL]
    assert lost > 0
    assert source.stats().missing[LossReason.SAMPLED] == len(rows) == 2


def test_a_mistake_in_ignore_is_refused_with_its_place(sources) -> None:
    from formats.errors import ConfigurationError

    with pytest.raises(ConfigurationError, match=r"sources\.syscall_error\.ignore: 'EWRONG' is neither"):
        sources.open(SyscallErrorSource(), None, ignore=["EWRONG"])


def test_it_looks_in_turns_and_says_exactly_when_it_did_not(own_cgroup, sources, collect, tester) -> None:
    # GIVEN a source that looks for 0.2 s in 1.2 s
    source = sources.open(SyscallErrorSource(), own_cgroup, on_s=0.2, every_s=1.2)

    # WHEN a program fails all the time
    process = own_cgroup.start([tester("failures"), "100000000", "1"])
    rows = collect(source, lambda _rows: len(source.stats().pauses.ended) >= 3)
    process.kill()
    process.communicate()
    pauses = source.stats().pauses.ended

    # THEN nothing is told of a time in which it did not look; a pause is told from before the program is detached to
    # after it is attached again, so a failure at its very edges may be counted as well
    edge = 400_000_000
    counts = [row for row in rows if row["event_name"] == "syscall.errors"]
    assert counts
    for row in rows:
        assert not any(
            begin + edge < row["first_boot_time_ns"] <= row["boot_time_ns"] < end - edge for begin, end in pauses
        )
    for begin, end in pauses:
        assert 0.9e9 < end - begin < 5e9


def test_in_profile_deep_it_looks_all_the_time(own_cgroup, sources, collect) -> None:
    # GIVEN
    spec = SyscallErrorSource.spec
    source = sources.open(SyscallErrorSource(), own_cgroup, **resolve_options(spec, SourceConfig(), Profile.DEEP))

    # WHEN more time has passed than a turn lasts
    begin = boot_time_ns()
    collect(source, lambda _rows: boot_time_ns() - begin > 1_500_000_000)
    own_cgroup.run("/bin/sh", "-c", "cd /etc/passwd/x 2>/dev/null; true")
    collect(source, lambda rows: any(row["error.type"] == "ENOTDIR" for row in rows))

    # THEN
    assert source.stats().pauses == Pauses()
