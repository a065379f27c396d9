"""Processes, sockets, interfaces and clocks: of this machine where it is ours, of made-up ones where it is not."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from formats.clock import ClockSnapshot
from formats.errors import UnavailableError
from formats.loss import LossReason
from recorder.linux.clocks import read_boot_time_ns, read_clocks
from recorder.linux.network_interfaces import InterfaceAddress, list_interface_addresses
from recorder.source import SourceContext
from recorder.sources.clock import ClockSource
from recorder.sources.interface_state import InterfaceStateSource
from recorder.sources.process_state import ProcessStateSource
from recorder.sources.socket_state import SocketStateSource
from tests.recorder.recorder_fakes import SECOND
from tests.recorder.sources.fake_host import FakeHost, rows_of

BUDGET = 10**12
STAT = "{pid} ({name}) S 1 1 1 0 -1 {flags} 10 0 0 0 1 2 0 0 20 0 1 0 {ticks} 1000 10 184\n"


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


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


def test_a_listening_socket_is_told_with_its_process():
    # GIVEN sockets of this process that listen, and one that does not
    source = SocketStateSource()
    with (
        socket.create_server(("127.0.0.1", 0)) as four,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as six,
        socket.create_connection(four.getsockname()) as connected,
    ):
        ports = [listener.getsockname()[1] for listener in (four, six, connected)]
        open_here(source, max_descriptors=1_000_000)
        own = {
            row["network.local.port"]: row for row in rows_of(source.snapshot()) if row["process.pid"] == os.getpid()
        }

    # THEN the listening ones are there, with address and namespace
    assert own[ports[0]]["network.local.address"] == "127.0.0.1"
    assert own[ports[1]]["network.local.address"] == "::1"
    assert ports[2] not in own
    assert {row["tcp.network_namespace"] for row in own.values()} == {Path("/proc/self/ns/net").stat().st_ino}


def test_a_bound_on_open_files_is_told_not_hidden():
    with socket.create_server(("127.0.0.1", 0)):
        source = SocketStateSource()
        open_here(source, max_descriptors=0)
        rows = rows_of(source.snapshot())
    assert rows
    assert "more open files than max_descriptors" in source.stats().detail


@pytest.mark.parametrize("kind", [ProcessStateSource, SocketStateSource])
def test_without_proc_the_next_step_is_told(host: FakeHost, kind):
    with pytest.raises(UnavailableError, match="hostPID"):
        host.open(kind())


def test_loopback_is_among_the_interfaces_of_every_machine():
    found = {(item.name, item.address): item for item in list_interface_addresses()}
    lo = found["lo", "127.0.0.1"]
    assert lo.index == socket.if_nametoindex("lo")
    assert lo.is_up
    listed = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=False).stdout
    for line in listed.splitlines():
        assert any(name == line.split(": ")[1].partition("@")[0] for name, _ in found)


def test_changes_of_interfaces_are_told(host: FakeHost):
    # GIVEN two interfaces
    eth = InterfaceAddress("eth0", 2, "10.0.0.5", is_up=True)
    bare = InterfaceAddress("veth1", 9, "", is_up=True)
    addresses = [eth, bare]
    source = InterfaceStateSource(lambda: list(addresses))
    host.open(source)
    assert [row["network.local.address"] for row in rows_of(source.snapshot())] == ["10.0.0.5", None]
    assert source.drain(BUDGET) == []

    # WHEN one goes down, one goes away, one comes
    addresses[:] = [
        InterfaceAddress("eth0", 2, "10.0.0.5", is_up=False),
        InterfaceAddress("cni0", 11, "fe80::1", is_up=True),
    ]
    assert source.drain(BUDGET) == [], "not before the interval is over"
    host.clock.pass_seconds(15)
    rows = rows_of(source.drain(BUDGET))

    # THEN each is told
    assert [(row["network.interface.name"], row["network.interface.is_up"]) for row in rows] == [
        ("cni0", True),
        ("eth0", False),
        ("veth1", False),
    ]
    assert {row["severity_number"] for row in rows} == {13}


def test_interfaces_that_cannot_be_listed_are_told(host: FakeHost):
    def refuse() -> list[InterfaceAddress]:
        raise OSError(1, "Operation not permitted")

    with pytest.raises(UnavailableError, match="AF_NETLINK"):
        host.open(InterfaceStateSource(refuse))


def test_clocks_are_read_at_one_instant():
    first, second = read_clocks(), read_clocks()
    assert 0 <= first.read_window_ns < SECOND
    assert first.boot_time_ns < second.boot_time_ns
    assert abs(second.unix_minus_boot_ns - first.unix_minus_boot_ns) < SECOND
    assert first.max_error_ns is None or first.max_error_ns >= 0


class WallClock:
    """Clocks as the test says."""

    def __init__(self, host: FakeHost) -> None:
        self.host = host
        self.offset = 1_700_000_000 * SECOND

    def __call__(self) -> ClockSnapshot:
        now = self.host.clock()
        return ClockSnapshot(now + self.offset, now, now, 100, 5_000, is_synchronized=True)


def test_a_set_clock_is_a_jump_and_a_slewed_one_a_snapshot(host: FakeHost):
    # GIVEN a clock that was told once
    wall = WallClock(host)
    source = ClockSource(wall)
    host.open(source)
    (row,) = rows_of(source.snapshot())
    assert (row["event_name"], row["clock.max_error_ns"], row["clock.source"]) == ("clock.snapshot", 5_000, "unknown")

    def look(after_seconds: float = 5) -> list[object]:
        host.clock.pass_seconds(after_seconds)
        return [row["event_name"] for row in rows_of(source.drain(BUDGET))]

    # THEN a quiet clock is told once a minute
    assert [look() for _ in range(13)].count(["clock.snapshot"]) == 1
    # AND slewing is told when it adds up to a millisecond, so that every row's wall clock is that exact
    wall.offset += 400_000
    assert look() == []
    wall.offset += 700_000
    assert look() == ["clock.snapshot"]
    assert source.newest is not None
    assert source.newest.unix_minus_boot_ns == wall.offset
    # AND a step is a jump, in both directions
    wall.offset += 3_600 * SECOND
    assert look() == ["clock.jump"]
    wall.offset -= 7_200 * SECOND
    assert look() == ["clock.jump"]
