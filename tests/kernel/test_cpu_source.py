"""A program that its cgroup's real CPU limit throttles."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.sources.cpu import CpuSource

pytestmark = pytest.mark.kernel
MOUNTS = Path("/sys/fs/cgroup")
QUOTA_US, PERIOD_US = 5_000, 25_000
BURNT_MS = 60


@pytest.fixture
def cpu_cgroup(own_cgroup):
    """What a process writes its pid into, so that it may use a fifth of a CPU."""
    if (MOUNTS / "cpu/cpu.cfs_period_us").is_file():
        folders = [MOUNTS / name / own_cgroup.path[1:] for name in ("cpu", "cpuacct")]
        for folder in folders:
            folder.mkdir(exist_ok=True)
        (folders[0] / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (folders[0] / "cpu.cfs_quota_us").write_text(str(QUOTA_US))
        yield folders
        for folder in folders:
            if folder.is_dir():
                folder.rmdir()
    else:
        (own_cgroup.root / "cgroup.subtree_control").write_text("+cpu")
        (own_cgroup.folder / "cpu.max").write_text(f"{QUOTA_US} {PERIOD_US}")
        yield [own_cgroup.folder]


def test_the_periods_in_which_a_limit_stopped_a_program_are_recorded(own_cgroup, cpu_cgroup, sources, tester) -> None:
    # GIVEN
    source = sources.open(CpuSource(), own_cgroup, interval_s=0)
    (before,) = [row for batch in source.snapshot() for row in batch.to_pylist()]

    # WHEN a program uses twelve times its quota, again where a busy machine gave it too little CPU time to be stopped
    enter = "".join(f'echo $$ > "{folder}/cgroup.procs" && ' for folder in cpu_cgroup)
    command = ("/bin/sh", "-c", f'{enter}exec "$@"', "sh", tester("burn"), str(BURNT_MS))
    for _attempt in range(20):
        _pid, code, output = own_cgroup.run(*command)
        (after,) = [row for batch in source.drain(1_000_000_000) for row in batch.to_pylist()]
        grown = {name: after[name] - before[name] for name in ("cpu.usage_ns", "cpu.periods", "cpu.throttled_periods")}
        if grown["cpu.throttled_periods"] >= 6:
            break
        before = after

    # THEN it was stopped in about as many periods, and the time is what the program itself says
    assert code == 0
    assert (after["cpu.quota_ns"], after["cpu.period_ns"]) == (QUOTA_US * 1_000, PERIOD_US * 1_000)
    outside_ns = 30_000_000  # the shell's, before it has entered and until it becomes the program
    assert int(output) - outside_ns < grown["cpu.usage_ns"] < int(output) + outside_ns
    assert 6 <= grown["cpu.throttled_periods"] <= grown["cpu.periods"]
    assert after["cpu.throttled_ns"] > before["cpu.throttled_ns"]
    assert (after["cgroup.path"], after["cgroup_id"]) == (own_cgroup.path, own_cgroup.inode)
    # THEN nothing more is recorded while it does nothing
    assert source.drain(1_000_000_000) == []
