"""The processes that there are, from the real /proc and from one made up."""

from __future__ import annotations

import os
from pathlib import Path

from formats.loss import LossReason
from recorder.linux.clocks import read_boot_time_ns
from recorder.source import SourceContext
from recorder.sources.process_state import ProcessStateSource
from tests.recorder.recorder_fakes import SECOND
from tests.recorder.sources.fake_host import FakeHost, rows_of

BUDGET = 10**12
STAT = "{pid} ({name}) S 1 1 1 0 -1 {flags} 10 0 0 0 1 2 0 0 20 0 1 0 {ticks} 1000 10 184\n"


def open_here(source, **options: object) -> None:
    """Open a source on this machine."""
    source.open(SourceContext("here", {**source.spec.options, **options}, read_boot_time_ns))


def test_this_process_is_among_the_processes():
    source = ProcessStateSource()
    open_here(source)
    rows = {row["process.pid"]: row for row in rows_of(source.snapshot())}
    own = rows[os.getpid()]
    assert own["process.parent_pid"] == os.getppid()
    assert own["process.executable.path"] == str(Path("/proc/self/exe").readlink())
    assert 0 < own["process.start_boot_ns"] <= read_boot_time_ns()
    assert source.drain(BUDGET) == []
    assert source.stats().produced == len(rows)


def test_processes_of_a_made_up_proc(host: FakeHost):
    # GIVEN a kernel thread, a process with an odd name, one whose file is broken, and one that has just ended
    host.write(host.proc / "1/stat", STAT.format(pid=1, name="init", flags=0, ticks=5))
    host.write(host.proc / "2/stat", STAT.format(pid=2, name="kthreadd", flags=0x00200000, ticks=5))
    host.write(host.proc / "30/stat", STAT.format(pid=30, name="a) (b", flags=0, ticks=100))
    host.write(host.proc / "31/stat", "rubbish")
    (host.proc / "32").mkdir()
    (host.proc / "30/exe").symlink_to("/usr/bin/odd")
    source = ProcessStateSource()
    host.open(source)

    # WHEN a segment begins
    rows = {row["process.pid"]: row for row in rows_of(source.snapshot())}

    # THEN the broken one is counted, the ended one is not there
    assert sorted(rows) == [1, 2, 30]
    assert rows[30]["process.command"] == "a) (b"
    assert rows[30]["process.executable.path"] == "/usr/bin/odd"
    assert rows[30]["process.start_boot_ns"] == 100 * SECOND // os.sysconf("SC_CLK_TCK")
    assert rows[2]["process.executable.path"] is None
    assert source.stats().missing == {LossReason.REJECTED: 1}
    source.close()
    host.open(source, max_processes=2)
    assert len(rows_of(source.snapshot())) == 2
    assert "only the first 2 of" in source.stats().detail
