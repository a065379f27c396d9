"""Who is recorded: the asked cgroups with all below them, and never the recorder itself."""

from __future__ import annotations

import os

import pytest

from recorder.sources.process import ProcessSource
from recorder.sources.syscall_error import SyscallErrorSource

pytestmark = pytest.mark.kernel


def test_only_the_filtered_cgroup_and_what_is_below_it_is_recorded(make_cgroup, sources, collect) -> None:
    # GIVEN a recording of one cgroup
    mine, other = make_cgroup(), make_cgroup()
    source = sources.open(ProcessSource(), mine)

    # WHEN processes run in another one, in the cgroup itself, and in cgroups below it that did not exist before
    other.run("/bin/true")
    own_pid = mine.run("/bin/true")[0]
    child = mine.child("child")
    child_pid = child.run("/bin/true")[0]
    grandchild_pid = child.child("grandchild").run("/bin/true")[0]
    rows = collect(
        source,
        lambda rows: any(row["process.pid"] == grandchild_pid and row["event_name"] == "process.exit" for row in rows),
    )

    # THEN
    assert {row["process.pid"] for row in rows} == {own_pid, child_pid, grandchild_pid}


def test_what_the_recorder_itself_does_is_not_recorded(own_cgroup, sources, collect) -> None:
    # GIVEN a recording without a filter
    source = sources.open(SyscallErrorSource(), None, every_s=0)

    # WHEN this process fails, and then another one
    for _ in range(100):
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.close(999_999)
    pid, _code, _output = own_cgroup.run("/bin/sh", "-c", "cd /etc/passwd/x 2>/dev/null; true")
    rows = collect(source, lambda rows: any(row["process.pid"] == pid for row in rows))

    # THEN
    assert os.getpid() not in {row["process.pid"] for row in rows}
