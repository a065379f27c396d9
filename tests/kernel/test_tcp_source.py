"""Real TCP connections on loopback."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest

from recorder.sources.tcp import TcpSource

pytestmark = pytest.mark.kernel

PRELUDE = """
import socket, struct, sys
host = sys.argv[1]
family = socket.AF_INET6 if ":" in host else socket.AF_INET
def listen():
    server = socket.create_server((host, 0), family=family)
    return server, server.getsockname()[1]
def pair(server, port):
    client = socket.create_connection((host, port))
    accepted, _ = server.accept()
    return client, accepted
def read(sock, size):
    while size:
        size -= len(sock.recv(size))
def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
"""

FAMILIES = [pytest.param("127.0.0.1", "ipv4", id="ipv4"), pytest.param("::1", "ipv6", id="ipv6")]


@pytest.fixture(scope="module")
def recording(open_recording):
    return open_recording(TcpSource())


@pytest.fixture
def source(recording):
    return recording.source


@pytest.fixture
def own_cgroup(recording):
    return recording.make_cgroup()


@pytest.fixture
def talk(own_cgroup, source, collect):
    """Run a conversation; rows of the recording until `last` has come, and the pid that made them."""

    def run(host: str, script: str, last: str):
        pid, code, output = own_cgroup.run(sys.executable, "-I", "-S", "-c", PRELUDE + script, host)
        assert code == 0
        rows = collect(source, lambda rows: any(row["event_name"] == last for row in rows))
        assert source.stats().missing == {}
        return rows, pid, output

    return run


def named(rows, name):
    return [row for row in rows if row["event_name"] == name]


@pytest.mark.parametrize(("host", "family"), FAMILIES)
def test_a_connection_is_told_from_both_ends_with_its_exact_bytes(talk, own_cgroup, host, family) -> None:
    # WHEN 100,000 bytes go there and 77 come back, and the client closes first
    rows, pid, _output = talk(
        host,
        """
server, port = listen()
client, accepted = pair(server, port)
client.sendall(b"x" * 100_000); read(accepted, 100_000)
accepted.sendall(b"y" * 77); read(client, 77)
client.close(); accepted.recv(1); accepted.close(); server.close()
""",
        "tcp.listen_end",
    )

    # THEN
    assert sorted(row["event_name"] for row in rows) == [
        "tcp.accept", "tcp.close", "tcp.close", "tcp.connect", "tcp.listen", "tcp.listen_end",
    ]  # fmt: skip
    (connect,), (accept,), (listen,) = (named(rows, f"tcp.{name}") for name in ("connect", "accept", "listen"))
    assert {row["process.pid"] for row in rows} == {pid}
    assert {row["cgroup_id"] for row in rows} == {own_cgroup.inode}
    assert {row["network.type"] for row in rows} == {family}
    assert {row["tcp.network_namespace"] for row in rows} == {Path("/proc/self/ns/net").stat().st_ino}
    assert {row["network.local.address"] for row in rows} == {host}
    assert connect["network.peer.port"] == accept["network.local.port"] == listen["network.local.port"]
    assert connect["network.local.port"] == accept["network.peer.port"]
    assert listen["network.peer.port"] == 0
    assert 0 < connect["duration_ns"] < 10_000_000_000
    closes = {row["tcp.socket_id"]: row for row in named(rows, "tcp.close")}
    client_end, server_end = closes[connect["tcp.socket_id"]], closes[accept["tcp.socket_id"]]
    assert (client_end["network.io.transmit_bytes"], client_end["network.io.receive_bytes"]) == (100_000, 77)
    assert (server_end["network.io.transmit_bytes"], server_end["network.io.receive_bytes"]) == (77, 100_000)
    assert client_end["error.type"] is server_end["error.type"] is None
    assert client_end["duration_ns"] == client_end["boot_time_ns"] - connect["boot_time_ns"] or (
        abs(client_end["duration_ns"] - (client_end["boot_time_ns"] - connect["boot_time_ns"])) < 1_000_000
    )


@pytest.mark.parametrize(("host", "family"), FAMILIES)
def test_each_refused_connection_is_one_row(talk, host, family) -> None:
    # WHEN
    rows, pid, output = talk(
        host,
        """
server, port = listen()
server.close()
for _ in range(3):
    try: socket.create_connection((host, port))
    except ConnectionRefusedError: print(port)
""",
        "tcp.refused",
    )

    # THEN
    refused = named(rows, "tcp.refused")
    assert [row["network.peer.port"] for row in refused] == [int(port) for port in output.split()]
    assert len(refused) == 3
    for row in refused:
        assert row["process.pid"] == pid
        assert row["error.type"] == "ECONNREFUSED"
        assert row["severity_number"] == 17
        assert row["duration_ns"] > 0
        assert row["network.type"] == family
    assert named(rows, "tcp.close") == named(rows, "tcp.reset_received") == []


@pytest.mark.parametrize(("host", "family"), FAMILIES)
def test_a_reset_is_told_by_the_end_that_sent_and_the_end_that_got_it(talk, host, family) -> None:
    # WHEN
    rows, pid, _output = talk(
        host,
        """
server, port = listen()
client, accepted = pair(server, port)
reset(accepted)
try: client.recv(1)
except ConnectionResetError: pass
client.close(); server.close()
""",
        "tcp.listen_end",
    )

    # THEN
    (sent,), (received,), (accept,) = (
        named(rows, f"tcp.{name}") for name in ("reset_sent", "reset_received", "accept")
    )
    assert sent["tcp.socket_id"] == accept["tcp.socket_id"]
    assert sent["process.pid"] == received["process.pid"] == pid
    assert received["network.peer.port"] == sent["network.local.port"]
    (client_end,) = [row for row in named(rows, "tcp.close") if row["tcp.socket_id"] == received["tcp.socket_id"]]
    assert client_end["error.type"] == "ECONNRESET"
    assert client_end["severity_number"] == 13


def test_a_reset_without_a_socket_has_the_ends_of_the_packet_it_answers(sources, collect, own_cgroup) -> None:
    # GIVEN a recording without a filter: such a reset belongs to no cgroup
    source = sources.open(TcpSource(), None)

    # WHEN
    script = "server, port = listen()\nserver.close()\ntry: socket.create_connection((host, port))\nexcept OSError: print(port)"
    pid, _code, port = own_cgroup.run(sys.executable, "-I", "-S", "-c", PRELUDE + script, "127.0.0.1")
    rows = collect(
        source, lambda rows: any(row["process.pid"] == pid and row["event_name"] == "tcp.refused" for row in rows)
    )

    # THEN
    (refused,) = [row for row in rows if row["event_name"] == "tcp.refused" and row["process.pid"] == pid]
    (sent,) = [row for row in rows if row["event_name"] == "tcp.reset_sent" and row["network.local.port"] == int(port)]
    assert sent["tcp.socket_id"] == 0
    assert sent["process.pid"] is None
    assert sent["network.peer.port"] == refused["network.local.port"]
    assert sent["network.local.address"] == "127.0.0.1"


def test_an_ipv4_client_of_a_dual_listener_is_ipv4_and_given_to_the_listener(talk) -> None:
    # WHEN
    rows, pid, _output = talk(
        "127.0.0.1",
        """
server = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
client, accepted = pair(server, server.getsockname()[1])
client.close(); accepted.close(); server.close()
""",
        "tcp.listen_end",
    )

    # THEN
    (accept,), (listen,) = named(rows, "tcp.accept"), named(rows, "tcp.listen")
    assert (accept["network.type"], accept["network.local.address"]) == ("ipv4", "127.0.0.1")
    assert (listen["network.type"], listen["network.local.address"]) == ("ipv6", "::")
    assert accept["process.pid"] == pid


def test_a_connection_is_given_to_the_process_that_listens_not_to_the_one_that_connects(
    own_cgroup, make_cgroup, source, collect
) -> None:
    # GIVEN a server in the recorded cgroup
    script = "server, port = listen()\nprint(port, flush=True)\naccepted, _ = server.accept()\naccepted.recv(1)"
    server = own_cgroup.start([sys.executable, "-I", "-S", "-c", PRELUDE + script, "127.0.0.1"])
    assert server.stdout is not None
    port = server.stdout.readline().strip()

    # WHEN a client of another cgroup connects
    script = f"socket.create_connection((host, {port})).close()"
    make_cgroup().run(sys.executable, "-I", "-S", "-c", PRELUDE + script, "127.0.0.1")
    server.communicate()
    rows = collect(source, lambda rows: bool(named(rows, "tcp.listen_end")))

    # THEN the client's own end is not recorded
    assert named(rows, "tcp.connect") == []
    assert [row["process.pid"] for row in named(rows, "tcp.accept")] == [server.pid]
    assert [row["process.pid"] for row in named(rows, "tcp.close")] == [server.pid]


def test_an_attempt_that_its_own_process_gave_up_is_a_cancelled_close(talk) -> None:
    # GIVEN a listener whose queue is full, so that further connections wait
    rows, _pid, _output = talk(
        "127.0.0.1",
        """
server = socket.socket(); server.bind((host, 0)); server.listen(0)
clients = []
for _ in range(4):
    client = socket.socket(); client.settimeout(0.05); clients.append(client)
    try: client.connect(server.getsockname())
    except TimeoutError: client.close(); print("gave up")
server.close()
""",
        "tcp.listen_end",
    )

    # THEN
    cancelled = [row for row in rows if row["error.type"] == "ECANCELED"]
    assert cancelled
    for row in cancelled:
        assert row["event_name"] == "tcp.close"
        assert row["severity_number"] == 13
        assert row["duration_ns"] >= 50_000_000
        assert row["network.io.transmit_bytes"] is None


def test_an_attempt_that_nobody_answers_is_sent_again_and_times_out(talk) -> None:
    # WHEN the queue of the listener is full and the client waits for as long as the kernel does
    rows, pid, output = talk(
        "127.0.0.1",
        """
server = socket.socket(); server.bind((host, 0)); server.listen(0)
full = []
for _ in range(3):
    client = socket.socket(); client.setblocking(False); client.connect_ex(server.getsockname()); full.append(client)
client = socket.socket(); client.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 1)
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1)
try: client.connect(server.getsockname())
except OSError as error: print(error.errno)
""",
        "tcp.timed_out",
    )

    # THEN
    (timed_out,) = named(rows, "tcp.timed_out")
    assert int(output) == errno.ETIMEDOUT
    assert timed_out["error.type"] == "ETIMEDOUT"
    assert timed_out["process.pid"] == pid
    assert timed_out["duration_ns"] > 900_000_000
    assert {row["process.pid"] for row in named(rows, "tcp.retransmit")} == {pid}


def test_a_socket_says_in_which_network_namespace_it_is(own_cgroup, source, collect) -> None:
    # WHEN a process listens in a namespace of its own
    script = "import os\nserver, port = listen()\nprint(os.stat('/proc/self/ns/net').st_ino)"
    command = ["unshare", "--net", sys.executable, "-I", "-S", "-c", PRELUDE + script, "127.0.0.1"]
    _pid, _code, output = own_cgroup.run(*command)
    rows = collect(source, lambda rows: bool(named(rows, "tcp.listen_end")))

    # THEN
    assert {row["tcp.network_namespace"] for row in rows} == {int(output)}
    assert int(output) != Path("/proc/self/ns/net").stat().st_ino


def test_sockets_over_the_limit_are_recorded_without_their_process_and_counted(own_cgroup, sources, collect) -> None:
    # GIVEN room for two owners
    source = sources.open(TcpSource(), own_cgroup, map_entries=2)

    # WHEN
    script = """
server, port = listen()
ends = [pair(server, port) for _ in range(5)]
for client, accepted in ends: client.close(); accepted.close()
server.close()
"""
    own_cgroup.run(sys.executable, "-I", "-S", "-c", PRELUDE + script, "127.0.0.1")
    rows = collect(source, lambda rows: bool(named(rows, "tcp.listen_end")))

    # THEN
    assert len(named(rows, "tcp.connect")) == len(named(rows, "tcp.accept")) == 5
    assert any(row["process.pid"] is None for row in named(rows, "tcp.connect"))
    assert "without their process: raise map_entries" in source.stats().detail
