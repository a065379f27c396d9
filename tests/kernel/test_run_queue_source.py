"""Threads that wait for one CPU: alone, and beside another program that uses it."""

from __future__ import annotations

import os
import sys

import pytest

from recorder.sources.run_queue import RunQueueSource

pytestmark = pytest.mark.kernel
LONG_NS = 1_024_000

SLEEPS = """
import os, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
before = open("/proc/self/schedstat").read().split()
for _ in range(int(sys.argv[2])): time.sleep(0.001)
after = open("/proc/self/schedstat").read().split()
print(int(after[2]) - int(before[2]), int(after[1]) - int(before[1]))
"""
"""A tester: sleeps some times on one CPU, and prints how often it got the CPU and how long it waited for it, in ns."""

BURNS = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nprint(flush=True)\nwhile True: pass"


@pytest.fixture
def cpu() -> str:
    return str(max(os.sched_getaffinity(0)))


def test_every_wait_is_counted_and_their_sum_is_that_of_the_kernel(own_cgroup, sources, collect, cpu) -> None:
    # GIVEN
    source = sources.open(RunQueueSource(), own_cgroup)
    # WHEN
    _pid, _code, output = own_cgroup.run(sys.executable, "-I", "-S", "-c", SLEEPS, cpu, "300")
    slices, waited_ns = map(int, output.split())
    rows = collect(source, lambda rows: sum(row["count"] for row in rows) >= slices)
    # THEN the program waited a little more before and after it looked at itself
    assert slices >= 300
    assert sum(row["count"] for row in rows) <= slices + 400
    assert {row["cgroup_id"] for row in rows} == {own_cgroup.inode}
    assert sum(row["count"] * row["run_queue.at_least_ns"] for row in rows) <= 2 * waited_ns + 1_000_000_000
    assert all(row["run_queue.other_cgroup_id"] is None for row in rows if row["run_queue.at_least_ns"] < LONG_NS)
    assert source.stats().missing == {}


def test_who_ran_instead_is_named(make_cgroup, sources, collect, cpu) -> None:
    # GIVEN a program that uses the CPU all the time, and two that want it as well
    victim, neighbour = make_cgroup(), make_cgroup()
    source = sources.open(RunQueueSource(), victim)
    with neighbour.start([sys.executable, "-I", "-S", "-c", BURNS, cpu]) as burner:
        assert burner.stdout is not None
        burner.stdout.readline()
        with victim.start([sys.executable, "-I", "-S", "-c", BURNS, cpu]):

            def is_named(rows) -> bool:
                return any(row["run_queue.other_cgroup_id"] == neighbour.inode for row in rows)

            # WHEN / THEN
            rows = collect(source, is_named)
    assert {row["cgroup_id"] for row in rows} == {victim.inode}
    assert any(row["run_queue.at_least_ns"] >= LONG_NS for row in rows if row["run_queue.other_cgroup_id"])
