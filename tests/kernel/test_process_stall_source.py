"""A real process that is stopped."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from recorder.sources.process_stall import ProcessStallSource

pytestmark = pytest.mark.kernel


def test_a_stopped_process_is_recorded_until_it_is_continued(own_cgroup, sources, until) -> None:
    # GIVEN
    source = sources.open(ProcessStallSource(), own_cgroup, interval_s=0)
    with own_cgroup.start(["/bin/sleep", "60"]) as sleeper:
        comm = Path(f"/proc/{sleeper.pid}/comm")
        until(lambda: comm.read_text() == "sleep\n")
        assert source.snapshot() == []

        # WHEN it is stopped
        sleeper.send_signal(signal.SIGSTOP)
        rows = []
        until(lambda: rows.extend(row for batch in source.drain(10**9) for row in batch.to_pylist()) or rows)

        # THEN
        assert (rows[0]["process.pid"], rows[0]["process.state"]) == (sleeper.pid, "stopped")
        assert rows[0]["cgroup_id"] == own_cgroup.inode
        # AND when it goes on, nothing more is recorded
        sleeper.send_signal(signal.SIGCONT)
        until(lambda: source.drain(10**9) == [])
        sleeper.kill()
