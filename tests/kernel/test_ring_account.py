"""recorded + lost = produced, exactly, whatever the ring's size and however late its reader is."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from formats.loss import LossReason
from recorder.sources.tracepoint import TracepointSource

pytestmark = pytest.mark.kernel
EVENT = "syscalls:sys_enter_getppid"


def drain_all(source: TracepointSource) -> int:
    rows = 0
    while batches := source.drain(1_000_000_000):
        rows += sum(batch.num_rows for batch in batches)
    return rows


@pytest.mark.parametrize("ring_bytes", [4 << 10, 64 << 10, 1 << 20])
def test_a_reader_that_sleeps_loses_what_does_not_fit_and_knows_how_much(
    own_cgroup, sources, tester, ring_bytes
) -> None:
    # GIVEN
    source = sources.open(TracepointSource(), own_cgroup, events=[EVENT], ring_bytes=ring_bytes)

    # WHEN nothing is drained while 100,000 hits happen on two threads
    _pid, _code, output = own_cgroup.run(tester("hits"), "50000", "2")
    recorded = drain_all(source)

    # THEN
    stats = source.stats()
    lost = stats.missing[LossReason.KERNEL_RING_FULL]
    assert recorded + lost == int(output) == 100_000
    assert stats.produced == 100_000
    assert recorded == ring_bytes // 56


def test_a_million_hits_on_two_threads_are_all_accounted_for_twice(own_cgroup, sources, tester) -> None:
    # GIVEN a ring that is too small for a burst and a reader that reads on
    source = sources.open(TracepointSource(), own_cgroup, events=[EVENT], ring_bytes=256 << 10)
    (ring,) = source._rings.values()
    process = own_cgroup.start([tester("hits"), "500000", "2"])

    # WHEN
    taken = []
    while process.poll() is None:
        taken.append(ring.take(10_000))
    while len(rest := ring.take(10_000)):
        taken.append(rest)
    records = np.concatenate(taken)
    output, _errors = process.communicate()

    # THEN by the kernel's counters
    produced, lost = ring.count()
    assert len(records) + lost == produced == int(output) == 1_000_000
    # THEN by the sequence numbers in the records themselves: none twice, and the gaps are at most what was lost
    gaps = 0
    for cpu in np.unique(records["cpu"]):
        numbers = records["cpu_sequence"][records["cpu"] == cpu].astype(np.int64)
        assert (np.diff(numbers) > 0).all()
        gaps += int((np.diff(numbers) - 1).sum()) + int(numbers[0])
    assert gaps <= lost
    # THEN within one process time never runs backwards on a CPU
    for cpu in np.unique(records["cpu"]):
        assert (np.diff(records["boot_time_ns"][records["cpu"] == cpu].astype(np.int64)) >= 0).all()


def test_what_waits_in_the_ring_when_it_is_closed_is_missing(own_cgroup, sources, tester) -> None:
    # GIVEN
    source = sources.open(TracepointSource(), own_cgroup, events=[EVENT])
    own_cgroup.run(tester("hits"), "1000")

    # WHEN
    source.close()

    # THEN
    assert source.stats().produced == 1_000
    assert source.stats().missing == {LossReason.RECORDER_DOWN: 1_000}


def test_rows_say_which_tracepoint_process_and_thread(own_cgroup, sources, tester) -> None:
    # GIVEN two tracepoints, one of each kind of probe
    events = [EVENT, "sched:sched_process_exit"]
    source = sources.open(TracepointSource(), own_cgroup, events=events)

    # WHEN
    pid, _code, _output = own_cgroup.run(tester("hits"), "10", "2")

    # THEN
    table = pa.Table.from_batches(source.drain(1_000_000_000)).to_pylist()
    hits = [row for row in table if row["tracepoint.name"] == EVENT and row["process.command"] == "hits"]
    exits = [row for row in table if row["tracepoint.name"] == events[1] and row["process.command"] == "hits"]
    assert len(hits) == 20
    assert {row["process.pid"] for row in hits} == {pid}
    assert len({row["thread.id"] for row in hits}) == 2
    assert len(exits) == 3
    assert {row["cgroup_id"] for row in hits + exits} == {own_cgroup.inode}
