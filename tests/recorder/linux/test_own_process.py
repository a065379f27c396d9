"""What a child of the recorder asks of the kernel for itself."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

from recorder.child import child_environment

_PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
print(child.stdout.readline().decode().strip(), flush=True)
sys.stdin.read()
"""
_CHILD = """
import os, signal
from recorder.linux.own_process import die_with_parent
die_with_parent()
print(os.getpid(), flush=True)
signal.pause()
"""


def test_a_process_that_asked_for_it_dies_with_its_parent() -> None:
    # GIVEN a parent whose child waits for a signal
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, _CHILD],
        env=child_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        watched = os.pidfd_open(child)
        # WHEN the parent is killed THEN the child ends
        parent.send_signal(signal.SIGKILL)
        parent.wait(10)
    try:
        ended, _, _ = select.select([watched], [], [], 10)
        assert ended == [watched]
    finally:
        os.close(watched)


def test_disk_time_is_only_what_others_leave() -> None:
    code = (
        "from recorder.linux.own_process import use_idle_disk_time_only as idle; idle();"
        "import subprocess, os; print(subprocess.check_output(['ionice', '-p', str(os.getpid())], text=True))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=child_environment(), capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.split() == ["idle"]
