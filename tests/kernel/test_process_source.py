"""Processes of the real kernel: begun, executed, ended."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from recorder.sources.process import ProcessSource

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def recording(open_recording):
    return open_recording(ProcessSource())


@pytest.fixture
def source(recording):
    return recording.source


@pytest.fixture
def own_cgroup(recording):
    return recording.make_cgroup()


def exited(pid: int):
    return lambda rows: any(row["event_name"] == "process.exit" and row["process.pid"] == pid for row in rows)


def of(rows, name, pid):
    return [row for row in rows if row["event_name"] == name and row["process.pid"] == pid]


def test_a_process_is_told_from_fork_to_exit_in_order(own_cgroup, source, collect) -> None:
    # WHEN a shell runs a program with two arguments, which ends with 0
    pid, _code, _output = own_cgroup.run("/bin/sh", "-c", "/bin/true one two; exit 3")
    rows = collect(source, exited(pid))

    # THEN
    (fork,) = [row for row in rows if row["event_name"] == "process.fork" and row["process.parent_pid"] == pid]
    child = fork["process.pid"]
    (execution,), (end,) = of(rows, "process.exec", child), of(rows, "process.exit", child)
    times = [row["boot_time_ns"] for row in rows]
    assert times == sorted(times)
    assert fork["boot_time_ns"] < execution["boot_time_ns"] < end["boot_time_ns"]
    assert fork["process.start_boot_ns"] == execution["process.start_boot_ns"] == end["process.start_boot_ns"]
    assert execution["process.executable.path"] == "/bin/true"
    assert execution["process.args_count"] == 3
    assert execution["process.command"] == end["process.command"] == "true"
    assert end["process.exit.code"] == 0
    assert end["process.exit.signal"] is None
    assert end["duration_ns"] == end["boot_time_ns"] - end["process.start_boot_ns"]
    assert {row["cgroup_id"] for row in (fork, execution, end)} == {own_cgroup.inode}
    (shell_end,) = of(rows, "process.exit", pid)
    assert shell_end["process.exit.code"] == 3
    assert shell_end["process.parent_pid"] == os.getpid()
    # THEN only the columns of an event have values
    assert fork["duration_ns"] is fork["process.exit.code"] is fork["process.executable.path"] is None
    assert execution["process.exit.code"] is execution["duration_ns"] is None
    assert end["process.executable.path"] is end["process.args_count"] is None


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_process_that_a_signal_ended_has_the_signal_and_no_code(own_cgroup, source, collect, number) -> None:
    # WHEN
    pid, code, _output = own_cgroup.run("/bin/sh", "-c", f"ulimit -c 0; kill -{int(number)} $$")
    (end,) = of(collect(source, exited(pid)), "process.exit", pid)

    # THEN
    assert code == -number
    assert end["process.exit.signal"] == number
    assert end["process.exit.code"] is None
    assert end["severity_number"] == 13


def test_threads_are_left_out(own_cgroup, source, collect, tester) -> None:
    # WHEN
    pid, _code, _output = own_cgroup.run(tester("hits"), "1", "20")
    rows = collect(source, exited(pid))

    # THEN
    assert [row["event_name"] for row in rows if row["process.command"] == "hits"] == ["process.exec", "process.exit"]


def test_a_process_whose_first_thread_ends_first_ends_once_with_the_code_of_the_last(
    own_cgroup, source, collect, tester
) -> None:
    # WHEN
    pid, code, _output = own_cgroup.run(tester("leader_first"))
    rows = collect(source, exited(pid))

    # THEN
    assert code == 7
    (end,) = of(rows, "process.exit", pid)
    assert end["process.exit.code"] == 7


def test_a_long_path_is_cut_and_an_odd_name_stays_text(own_cgroup, source, collect, tmp_path) -> None:
    # GIVEN a program with a path of more than 255 bytes and a name that is not UTF-8
    program = tmp_path / ("d" * 200) / os.fsdecode(b"\xff\xfe-" + b"n" * 80)
    program.parent.mkdir()
    program.symlink_to("/bin/true")

    # WHEN
    pid, _code, _output = own_cgroup.run(str(program))
    rows = collect(source, exited(pid))

    # THEN
    path = of(rows, "process.exec", pid)[-1]["process.executable.path"]
    assert path == os.fsencode(program)[:255].decode("utf-8", "backslashreplace")
    assert of(rows, "process.exit", pid)[0]["process.command"].startswith("\\xff\\xfe-nnn")


def test_a_thousand_processes_are_all_told(own_cgroup, source, collect) -> None:
    # GIVEN
    script = "import os\nfor _ in range(1000):\n pid = os.fork()\n if not pid: os._exit(5)\n os.waitpid(pid, 0)"

    # WHEN
    pid, _code, _output = own_cgroup.run(sys.executable, "-I", "-S", "-c", script)
    rows = collect(source, exited(pid))

    # THEN
    forks = [row["process.pid"] for row in rows if row["event_name"] == "process.fork"]
    ends = [row["process.pid"] for row in rows if row["process.exit.code"] == 5]
    assert len(forks) == len(ends) == 1_000
    assert sorted(forks) == sorted(ends)
    assert source.stats().missing == {}
