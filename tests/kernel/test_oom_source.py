"""A real OOM kill in a memory cgroup of the test's own."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from recorder.source import SourceContext
from recorder.sources.oom import OomSource

pytestmark = pytest.mark.kernel
LIMIT = 48 << 20


@pytest.fixture
def memory_cgroup(own_cgroup):
    """A folder whose processes may use `LIMIT` bytes, and its path as the kernel log spells it."""
    first_version = Path("/sys/fs/cgroup/memory")
    if first_version.is_dir():
        outer = first_version / own_cgroup.path.strip("/")
        limit_file = "memory.limit_in_bytes"
    else:
        outer, limit_file = own_cgroup.folder / "limited", "memory.max"
        (own_cgroup.folder / "cgroup.subtree_control").write_text("+memory")
    inner = outer / "inner"
    inner.mkdir(parents=True)
    (outer / limit_file).write_text(str(LIMIT))
    yield inner
    if first_version.is_dir():
        inner.rmdir()
        outer.rmdir()


def kill_one(own_cgroup, memory_cgroup) -> int:
    """Run a process that wants more than it may have; its pid."""
    eat = "x = bytearray(200 << 20)"
    enter = f'echo $$ > {own_cgroup.folder}/cgroup.procs; echo $$ > {memory_cgroup}/cgroup.procs; exec "$@"'
    process = subprocess.Popen(["/bin/sh", "-c", enter, "sh", sys.executable, "-I", "-S", "-c", eat])
    assert process.wait(20) == -signal.SIGKILL
    return process.pid


def test_a_kill_is_told_by_the_tracepoint_and_by_the_kernel_log(own_cgroup, memory_cgroup, sources, collect) -> None:
    # GIVEN
    source = sources.open(OomSource(), own_cgroup)

    # WHEN
    pid = kill_one(own_cgroup, memory_cgroup)
    rows = collect(source, lambda rows: len(rows) >= 2)

    # THEN
    (kill, report) = sorted(rows, key=lambda row: row["event_name"])
    command = Path(sys.executable).name[:15]
    for row in (kill, report):
        assert row["process.pid"] == pid
        assert row["process.command"] == command
        assert row["severity_number"] == 21
        assert LIMIT // 2 < row["oom.anon_rss_bytes"] + row["oom.file_rss_bytes"] < LIMIT * 2
        assert row["oom.total_vm_bytes"] > 200 << 20
        assert row["oom.score_adj"] == int(Path("/proc/self/oom_score_adj").read_text())
    assert kill["event_name"] == "oom.kill"
    assert kill["cgroup_id"] == own_cgroup.inode
    assert kill["oom.constraint"] is kill["oom.victim_cgroup.path"] is None
    assert report["event_name"] == "oom.report"
    assert report["cgroup_id"] == 0
    assert report["oom.constraint"] == "CONSTRAINT_MEMCG"
    assert report["oom.victim_cgroup.path"].endswith("/inner")
    assert report["oom.limited_cgroup.path"] == report["oom.victim_cgroup.path"].removesuffix("/inner")
    assert abs(report["boot_time_ns"] - kill["boot_time_ns"]) < 1_000_000_000


def test_a_kill_in_another_cgroup_is_none_of_a_filtered_recording(
    make_cgroup, own_cgroup, memory_cgroup, sources, collect
) -> None:
    # GIVEN two recordings: one of another cgroup, one of the victim's
    other, mine = sources.open(OomSource(), make_cgroup()), sources.open(OomSource(), own_cgroup)

    # WHEN
    kill_one(own_cgroup, memory_cgroup)
    collect(mine, lambda rows: len(rows) >= 2)

    # THEN
    assert other.drain(1_000_000_000) == []
    assert other.stats().produced == 0


def test_without_tracefs_the_kernel_log_alone_still_tells(
    own_cgroup, memory_cgroup, sources, collect, tmp_path
) -> None:
    # GIVEN a node whose tracefs is not mounted
    source = OomSource()
    context = sources.context(source, own_cgroup)
    source.open(
        SourceContext("test", context.options, context.boot_time_ns, sysfs=tmp_path, cgroup_paths=context.cgroup_paths)
    )
    sources.keep(source)

    # WHEN
    pid = kill_one(own_cgroup, memory_cgroup)
    (report,) = collect(source, lambda rows: len(rows) >= 1)

    # THEN
    assert report["event_name"] == "oom.report"
    assert report["process.pid"] == pid
    assert "tracefs is not mounted" in source.stats().detail


def test_without_the_kernel_log_the_tracepoint_alone_still_tells(
    own_cgroup, memory_cgroup, sources, collect, tmp_path
) -> None:
    # GIVEN
    source = sources.open(OomSource(kernel_log=str(tmp_path / "missing")), own_cgroup)

    # WHEN
    pid = kill_one(own_cgroup, memory_cgroup)
    (kill,) = collect(source, lambda rows: len(rows) >= 1)

    # THEN
    assert kill["event_name"] == "oom.kill"
    assert kill["process.pid"] == pid
    assert "without the kernel log (No such file or directory)" in source.stats().detail


def test_what_programs_write_into_the_kernel_log_is_not_believed(own_cgroup, sources, memory_cgroup, collect) -> None:
    # GIVEN a forged line that looks like the kernel's
    source = sources.open(OomSource(), None)
    forged = "Memory cgroup out of memory: Killed process 1 (init) total-vm:1kB, anon-rss:1kB, file-rss:1kB"
    with Path("/dev/kmsg").open("wb", buffering=0) as log:
        log.write(b"<3>" + forged.encode())

    # WHEN a real kill follows
    pid = kill_one(own_cgroup, memory_cgroup)
    rows = collect(
        source, lambda rows: any(row["event_name"] == "oom.report" and row["process.pid"] == pid for row in rows)
    )

    # THEN
    pids = {row["process.pid"] for row in rows}
    assert pid in pids
    assert 1 not in pids
