"""Listening sockets, each with its process."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from formats.errors import UnavailableError
from recorder.linux.clocks import read_boot_time_ns
from recorder.source import SourceContext
from recorder.sources.process_state import ProcessStateSource
from recorder.sources.socket_state import SocketStateSource
from tests.recorder.sources.fake_host import FakeHost, rows_of


def open_here(source, **options: object) -> None:
    """Open a source on this machine."""
    source.open(SourceContext("here", {**source.spec.options, **options}, read_boot_time_ns))


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
