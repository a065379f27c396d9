"""Processes of pods that do not run."""

from __future__ import annotations

import pytest

from formats.errors import UnavailableError
from formats.loss import LossReason
from recorder.sources.process_stall import ProcessStallSource
from tests.recorder.sources.fake_host import CONTAINER_V2, FakeHost, rows_of

BUDGET = 10**12
STAT = (
    "{pid} (app) {state} 1 {pid} {pid} 0 -1 4194304 10 0 0 0 {ticks} 2 0 0 20 0 1 0 12345 1000 10 18446744073709551615"
)


def write_process(host: FakeHost, pid: int, state: str, *, ticks: int = 7) -> None:
    host.write(host.proc / str(pid) / "stat", STAT.format(pid=pid, state=state, ticks=ticks))


def open_source(host: FakeHost, *pids: int, **options: object) -> ProcessStallSource:
    """The source on a host with one pod, whose container has these processes."""
    host.make_unified()
    write_process(host, 1, "S")
    host.write(host.cgroups / CONTAINER_V2[1:] / "cgroup.procs", "".join(f"{pid}\n" for pid in pids))
    source = ProcessStallSource()
    host.open(source, **options)
    return source


def look(host: FakeHost, source: ProcessStallSource) -> list[dict[str, object]]:
    host.clock.pass_seconds(5)
    return rows_of(source.drain(BUDGET))


def test_a_stopped_process_is_recorded_at_once_and_at_every_look(host: FakeHost):
    # GIVEN
    write_process(host, 20, "T")
    write_process(host, 21, "S")
    source = open_source(host, 20, 21)
    # WHEN a segment begins THEN the one that is stopped is recorded
    (row,) = rows_of(source.snapshot())
    assert (row["process.pid"], row["process.state"], row["process.stalled_ns"]) == (20, "stopped", 0)
    assert row["cgroup_id"] == (host.cgroups / CONTAINER_V2[1:]).stat().st_ino
    assert row["process.wait_channel"] is None
    # AND again as long as it is
    assert [row["process.stalled_ns"] for row in look(host, source)] == [5_000_000_000]
    write_process(host, 20, "S")
    assert look(host, source) == []


def test_an_uninterruptible_process_is_recorded_if_it_did_not_run_between_two_looks(host: FakeHost):
    # GIVEN one that waits all the time, and one that waits at every look and works between them
    write_process(host, 20, "D")
    host.write(host.proc / "20/wchan", "io_schedule")
    write_process(host, 21, "D")
    source = open_source(host, 20, 21)
    assert rows_of(source.snapshot()) == []
    # WHEN
    write_process(host, 21, "D", ticks=8)
    (row,) = look(host, source)
    # THEN
    assert (row["process.pid"], row["process.state"]) == (20, "uninterruptible")
    assert (row["process.stalled_ns"], row["process.wait_channel"]) == (5_000_000_000, "io_schedule")


def test_a_wait_channel_that_the_kernel_does_not_tell_is_null(host: FakeHost):
    write_process(host, 20, "D")
    host.write(host.proc / "20/wchan", "0")
    source = open_source(host, 20)
    source.snapshot()
    assert [row["process.wait_channel"] for row in look(host, source)] == [None]


def test_processes_outside_of_pods_are_not_read(host: FakeHost):
    write_process(host, 30, "T")
    assert rows_of(open_source(host, 20).snapshot()) == []


def test_a_file_of_another_form_is_counted(host: FakeHost):
    host.write(host.proc / "20/stat", "nothing")
    source = open_source(host, 20)
    assert source.snapshot() == []
    assert source.stats().missing == {LossReason.REJECTED: 1}


def test_more_processes_than_allowed_are_not_read_and_the_status_says_so(host: FakeHost):
    write_process(host, 20, "T")
    write_process(host, 21, "T")
    source = open_source(host, 20, 21, max_processes=1)
    assert [row["process.pid"] for row in rows_of(source.snapshot())] == [20]
    assert "only the first 1 of 2 processes" in source.stats().detail


def test_a_host_without_cgroup2_or_without_its_processes_is_told_what_to_do(host: FakeHost):
    with pytest.raises(UnavailableError, match="cgroup2"):
        host.open(ProcessStallSource())
    host.make_unified()
    with pytest.raises(UnavailableError, match="process 1") as caught:
        host.open(ProcessStallSource())
    assert caught.value.next_step
