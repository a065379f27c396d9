"""Signals of the real kernel that end, stop and continue a process."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from formats.loss import LossReason
from recorder.sources.signal import SignalSource

pytestmark = pytest.mark.kernel

SEND = "import os, sys; print(os.getpid(), flush=True); [os.kill(int(sys.argv[1]), int(one)) for one in sys.argv[2:]]"
"""A tester: prints its pid, and sends a process some signals."""

NO_CORE = "import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0));"


@pytest.fixture(scope="module")
def recording(open_recording):
    return open_recording(SignalSource())


@pytest.fixture
def source(recording):
    return recording.source


@pytest.fixture
def own_cgroup(recording):
    return recording.make_cgroup()


def send(cgroup, receiver: int, *numbers: int) -> int:
    """Send signals from a process in a cgroup; its pid."""
    command = [sys.executable, "-I", "-S", "-c", SEND, str(receiver), *map(str, map(int, numbers))]
    pid, code, output = cgroup.run(*command)
    assert (code, int(output)) == (0, pid)
    return pid


@contextmanager
def sleeping(cgroup, until):
    """A process that sleeps in a cgroup, and has ended when this is left."""
    with cgroup.start(["/bin/sleep", "60"]) as sleeper:
        until(lambda: Path(f"/proc/{sleeper.pid}/comm").read_text() == "sleep\n")
        yield sleeper
        sleeper.kill()


def names(rows) -> list[str]:
    return [row["signal.name"] for row in rows]


def test_who_stops_continues_and_kills_a_process_is_recorded_in_order(own_cgroup, source, collect, until) -> None:
    # WHEN
    with sleeping(own_cgroup, until) as sleeper:
        sender = send(own_cgroup, sleeper.pid, signal.SIGSTOP, signal.SIGCONT, signal.SIGKILL)
        rows = collect(source, lambda rows: len(rows) >= 3)
    # THEN
    assert names(rows) == ["SIGSTOP", "SIGCONT", "SIGKILL"]
    for row in rows:
        assert row["event_name"] == "signal.sent"
        assert (row["process.pid"], row["process.command"]) == (sleeper.pid, "sleep")
        assert row["cgroup_id"] == row["signal.sender.cgroup_id"] == own_cgroup.inode
        assert (row["signal.sender.pid"], row["signal.code"]) == (sender, 0)
        assert row["signal.sender.command"] == Path(sys.executable).name[:15]
        assert row["signal.disposition"] == "default"
    assert [row["severity_number"] for row in rows] == [13, 9, 13]
    assert source.stats().missing == {}


def test_a_fault_is_from_the_kernel(own_cgroup, source, collect) -> None:
    # GIVEN a process that reads where nothing is
    fault = "import ctypes; ctypes.string_at(0)"
    # WHEN
    pid, code, _output = own_cgroup.run(sys.executable, "-I", "-S", "-c", NO_CORE + fault)
    (row,) = collect(source, lambda rows: len(rows) >= 1)
    # THEN
    assert code == -signal.SIGSEGV
    assert (row["signal.name"], row["process.pid"]) == ("SIGSEGV", pid)
    assert row["signal.code"] > 0
    assert row["signal.sender.pid"] is row["signal.sender.cgroup_id"] is row["signal.sender.command"] is None


def test_a_core_dump_is_recorded(own_cgroup, source, collect, tmp_path) -> None:
    # WHEN a shell ends by a fault signal and may dump its core
    with own_cgroup.start(["/bin/sh", "-c", "ulimit -c unlimited; kill -SEGV $$"], cwd=tmp_path) as shell:
        shell.wait(20)
    rows = collect(source, lambda rows: len(rows) >= 2)
    # THEN
    assert [(row["event_name"], row["process.pid"], row["signal.name"]) for row in rows] == [
        ("signal.sent", shell.pid, "SIGSEGV"),
        ("signal.core_dump", shell.pid, "SIGSEGV"),
    ]
    assert rows[1]["signal.code"] is rows[1]["signal.sender.pid"] is None


def test_faults_that_a_program_handles_are_not_recorded(own_cgroup, source, collect, tester) -> None:
    # WHEN a program handles twenty faults of its own, and then another one gives up
    _pid, code, output = own_cgroup.run(tester("handled_fault"), "20")
    pid, aborted, _output = own_cgroup.run(sys.executable, "-I", "-S", "-c", NO_CORE + "import os; os.abort()")
    rows = collect(source, lambda rows: len(rows) >= 1)
    # THEN only what ended the second one is recorded, and that it sent it itself
    assert (code, output, aborted) == (0, "20\n", -signal.SIGABRT)
    assert [(row["signal.name"], row["signal.sender.pid"]) for row in rows] == [("SIGABRT", pid)]


def test_an_ignored_signal_and_one_of_another_kind_are_not_recorded(own_cgroup, source, collect) -> None:
    program = (
        "import os, signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "signal.signal(signal.SIGUSR1, lambda *_: None)\n"
        "for name in ('SIGUSR1', 'SIGTERM', 'SIGKILL'): os.kill(os.getpid(), getattr(signal, name))\n"
    )
    own_cgroup.run(sys.executable, "-I", "-S", "-c", program)
    assert names(collect(source, lambda rows: len(rows) >= 1)) == ["SIGKILL"]


def test_a_signal_that_has_a_handler_says_so(own_cgroup, source, collect) -> None:
    program = "import os, signal\nsignal.signal(15, lambda *_: os._exit(3))\nos.kill(os.getpid(), 15)"
    _pid, code, _output = own_cgroup.run(sys.executable, "-I", "-S", "-c", program)
    (row,) = collect(source, lambda rows: len(rows) >= 1)
    assert (code, row["signal.name"], row["signal.disposition"]) == (3, "SIGTERM", "handler")


def test_a_signal_to_a_process_of_another_cgroup_is_not_recorded(
    own_cgroup, make_cgroup, source, collect, until
) -> None:
    # WHEN a process elsewhere is killed from here, and then one from here
    with sleeping(make_cgroup(), until) as elsewhere:
        send(own_cgroup, elsewhere.pid, signal.SIGKILL)
    with sleeping(own_cgroup, until) as own:
        send(own_cgroup, own.pid, signal.SIGKILL)
        rows = collect(source, lambda rows: len(rows) >= 1)
    # THEN
    assert [row["process.pid"] for row in rows] == [own.pid]


def test_a_storm_of_signals_is_limited_and_every_one_that_is_left_out_is_counted(own_cgroup, sources, collect) -> None:
    # GIVEN
    source = sources.open(SignalSource(), own_cgroup, max_per_second=5)
    storm = (
        "import os, signal, time\n"
        "child = os.fork()\n"
        "if not child: time.sleep(60)\n"
        "for _ in range(200): os.kill(child, signal.SIGSTOP); os.kill(child, signal.SIGCONT)\n"
        "os.kill(child, signal.SIGKILL); os.wait()"
    )
    # WHEN
    own_cgroup.run(sys.executable, "-I", "-S", "-c", storm)
    rows = collect(source, lambda rows: len(rows) >= 5)
    stats = source.stats()
    # THEN
    missing = stats.missing[LossReason.RATE_LIMITED]
    assert missing > 0
    assert len(rows) + missing == stats.produced
    # A second SIGSTOP that finds the first one still pending is none of its own.
    assert 201 <= stats.produced <= 401
