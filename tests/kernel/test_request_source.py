"""HTTP responses over real TCP connections are counted exactly, from their packets."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from formats.errors import UnavailableError
from formats.loss import LossReason
from recorder.ebpf.packet_hooks import find_watched_cgroups
from recorder.linux.bpf_call import call_bpf
from recorder.sources.request import RequestSource

pytestmark = pytest.mark.kernel

_PROGRAM_QUERY = 16

PRELUDE = r"""
import os, socket, sys
host = sys.argv[1]
listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
def connect():
    client = socket.create_connection(listener.getsockname()[:2])
    return client, listener.accept()[0]
body = b" x\r\nContent-Length: 0\r\n\r\n"
def exchange(status, send, receive):
    client.sendall(b"GET / HTTP/1.1\r\n\r\n"); server.recv(500)
    send(b"HTTP/1.1 " + status + body); receive()
"""


def totals_of(rows, side):
    totals: Counter[int] = Counter()
    for row in rows:
        if row["request.side"] == side:
            totals[row["http.response.status_code"]] += row["count"]
    return totals


def has_status(status, sides=("server", "client")):
    return lambda rows: all(totals_of(rows, side)[status] for side in sides)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_responses_are_counted_per_side_and_status(own_cgroup, sources, collect, host) -> None:
    # GIVEN
    source = sources.open(RequestSource(), own_cgroup)
    script = r"""
for connection in range(7):
    client, server = connect()
    for number in range(100):
        exchange(b"503" if number < 10 else b"200", server.sendall, lambda: client.recv(500))
for _ in range(10):
    exchange(b"404", lambda data: server.sendmsg([data]), lambda: client.recvmsg(500))
    exchange(b"301", lambda data: os.writev(server.fileno(), [data, b"z"]), lambda: os.readv(client.fileno(), [bytearray(500)]))
    exchange(b"418", lambda data: server.sendall(data + b"z" * 100_000), lambda: client.recv(100_012 + len(body), socket.MSG_WAITALL))
for line in (b"HTTP/1.1 20x no status", b"HTTP/2.0 200 other version", b"HTTP/1.1 999 none", b"http/1.1 200 case", b"HTTP/1.1 20"):
    server.sendall(line); client.recv(500)
exchange(b"204", server.sendall, lambda: client.recv(500))
"""

    # WHEN
    pid, _code, _output = own_cgroup.run(sys.executable, "-I", "-S", "-c", PRELUDE + script, host)
    rows = collect(source, has_status(204))

    # THEN
    for side in ("server", "client"):
        assert totals_of(rows, side) == {200: 630, 503: 70, 404: 10, 301: 10, 418: 10, 204: 1}
    assert {row["process.pid"] for row in rows} == {pid}
    assert all(row["process.command"].startswith("python") for row in rows)
    assert {row["cgroup_id"] for row in rows} == {own_cgroup.inode}
    severities = {row["http.response.status_code"]: row["severity_number"] for row in rows}
    assert severities == {200: 9, 204: 9, 301: 9, 404: 13, 418: 13, 503: 17}
    assert source.stats().missing == {}


def test_responses_are_counted_by_how_long_the_server_took(own_cgroup, sources, collect) -> None:
    # GIVEN one connection, on which answers come at once, after 100 ms and after 400 ms, the last one with a pause before
    # the request, which is nobody's latency
    source = sources.open(RequestSource(), own_cgroup)
    script = r"""
import time
def later(seconds):
    def send(data): time.sleep(seconds); server.sendall(data)
    return send
client, server = connect()
for _ in range(20):
    exchange(b"200", server.sendall, lambda: client.recv(500))
for _ in range(3):
    exchange(b"200", later(0.1), lambda: client.recv(500))
exchange(b"200", later(0.4), lambda: client.recv(500))
time.sleep(0.5)
exchange(b"204", server.sendall, lambda: client.recv(500))
"""

    # WHEN
    own_cgroup.run(sys.executable, "-I", "-S", "-c", PRELUDE + script, "127.0.0.1")
    rows = collect(source, has_status(204))

    # THEN
    for side in ("server", "client"):
        counted: Counter[tuple[int, int]] = Counter()
        for row in rows:
            if row["request.side"] == side:
                counted[row["http.response.status_code"], row["request.at_least_ns"] // 1_000_000] += row["count"]
        assert counted == {(200, 0): 20, (200, 64): 3, (200, 256): 1, (204, 0): 1}


TWO_NAMESPACES = r"""
import ctypes, os, select, socket, struct, subprocess, sys
client_cgroup = sys.argv[1]
to_client, to_server = socket.socketpair()
def ip(*words): subprocess.run(["ip", *words], check=True)
def tell(end): end.send(b"x")
def wait(end): end.recv(1)
if os.fork() == 0:
    open(client_cgroup + "/cgroup.procs", "w").write("0")
    assert ctypes.CDLL(None).unshare(0x40000000) == 0
    to_client.send(str(os.getpid()).encode()); wait(to_client)
    ip("addr", "add", "10.99.0.2/24", "dev", "c0"); ip("addr", "add", "fd99::2/64", "dev", "c0", "nodad"); ip("link", "set", "c0", "up")
    for host in ("10.99.0.1", "fd99::1"):
        wait(to_client)
        client = socket.create_connection((host, 80))
        for _ in range(5): client.sendall(b"GET / HTTP/1.1\r\n\r\n"); client.recv(500)
        client.sendall(b"GET / HTTP/1.1\r\n\r\n"); wait(to_client)
        subprocess.run("tc qdisc add dev c0 root blackhole".split(), check=True); tell(to_client)
        client.recv(500); wait(to_client)
        subprocess.run("tc qdisc del dev c0 root".split(), check=True); tell(to_client)
        client.sendall(b"GET / HTTP/1.1\r\n\r\n"); client.recv(500)
    os._exit(0)
child = to_server.recv(20).decode()
ip("link", "add", "s0", "type", "veth", "peer", "name", "c0", "netns", child)
ip("addr", "add", "10.99.0.1/24", "dev", "s0"); ip("addr", "add", "fd99::1/64", "dev", "s0", "nodad"); ip("link", "set", "s0", "up")
listener = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True)
tell(to_server)
pause = select.poll()
for _ in range(2):
    tell(to_server)
    server, _ = listener.accept()
    for _ in range(5): server.recv(500); server.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    server.recv(500)
    tell(to_server); wait(to_server)
    server.sendall(b"HTTP/1.1 503 Busy\r\n\r\n")
    retransmits = 0
    while not retransmits:
        pause.poll(5)
        (retransmits,) = struct.unpack_from("=I", server.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 100)
    tell(to_server); wait(to_server)
    server.recv(500); server.sendall(b"HTTP/1.1 204 Done\r\n\r\n")
os.wait()
print(child)
"""


def test_both_ends_in_namespaces_and_cgroups_of_their_own_are_told_and_what_is_sent_again_counts_once(
    own_cgroup, sources, collect
) -> None:
    # GIVEN a server and a client with a network namespace and a cgroup each
    source = sources.open(RequestSource(), own_cgroup)
    server, client = own_cgroup.child("server"), own_cgroup.child("client")
    command = ["unshare", "--net", sys.executable, "-I", "-S", "-c", TWO_NAMESPACES, str(client.folder)]

    # WHEN they speak IPv4 and IPv6, and each response 503 is sent twice because its acknowledgement is lost
    server_pid, code, output = server.run(*command)
    rows = collect(source, lambda rows: all(totals_of(rows, side)[204] == 2 for side in ("server", "client")))

    # THEN
    assert code == 0
    for side, cgroup, pid in (("server", server, server_pid), ("client", client, int(output))):
        assert totals_of(rows, side) == {200: 10, 503: 2, 204: 2}
        own = [row for row in rows if row["request.side"] == side]
        assert {(row["process.pid"], row["cgroup_id"]) for row in own} == {(pid, cgroup.inode)}


def test_a_connection_older_than_the_recorder_is_told_by_its_cgroup_alone(own_cgroup, sources, collect) -> None:
    # GIVEN a connection that exists before the source is opened
    script = r"""
client, server = connect()
print("ready", flush=True); sys.stdin.readline()
exchange(b"500", server.sendall, lambda: client.recv(500))
"""
    process = own_cgroup.start([sys.executable, "-I", "-S", "-c", PRELUDE + script, "127.0.0.1"], stdin=-1)
    assert process.stdout is not None
    process.stdout.readline()
    source = sources.open(RequestSource(), own_cgroup)

    # WHEN
    process.communicate("go\n", timeout=20)
    rows = collect(source, has_status(500))

    # THEN
    assert {row["cgroup_id"] for row in rows} == {own_cgroup.inode}
    assert {row["process.pid"] for row in rows} == {None}


class Answer(BaseHTTPRequestHandler):
    """Answers 418 over a connection that stays."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(418)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Says nothing."""


@contextmanager
def serving():
    """The address of a server in this process."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[:2]
        server.shutdown()


def ask(connection: HTTPConnection) -> None:
    connection.request("GET", "/")
    assert connection.getresponse().status == 418
    connection.close()


def test_the_recorders_own_requests_and_responses_are_not_counted(own_cgroup, sources, collect) -> None:
    # GIVEN a server and a connection of the recorder that are older than the source
    with serving() as old_address:
        connection = HTTPConnection(*old_address)
        connection.connect()
        source = sources.open(RequestSource(), None)

        # WHEN it goes on with them, and with others that are younger
        with serving() as new_address:
            ask(connection)
            for address in (old_address, new_address):
                ask(HTTPConnection(*address))
        script = 'client, server = connect()\nexchange(b"417", server.sendall, lambda: client.recv(500))'
        own_cgroup.run(sys.executable, "-I", "-S", "-c", PRELUDE + script, "127.0.0.1")
        rows = collect(source, has_status(417))

    # THEN
    assert totals_of(rows, "client")[418] == totals_of(rows, "server")[418] == 0


def test_counts_of_an_unfinished_interval_are_missing_after_close(own_cgroup, sources) -> None:
    # GIVEN
    source = sources.open(RequestSource(), own_cgroup)
    script = 'client, server = connect()\nexchange(b"200", server.sendall, lambda: client.recv(500))'
    own_cgroup.run(sys.executable, "-I", "-S", "-c", PRELUDE + script, "127.0.0.1")

    # WHEN
    source.close()

    # THEN
    assert source.stats().missing == {LossReason.RECORDER_DOWN: 2}
    assert source.stats().produced == 2


def test_closing_detaches_from_the_cgroup(own_cgroup, sources) -> None:
    # GIVEN
    source = sources.open(RequestSource(), own_cgroup)
    assert count_attached(own_cgroup.folder) == 2

    # WHEN
    source.close()

    # THEN
    assert count_attached(own_cgroup.folder) == 0


def count_attached(cgroup) -> int:
    """Number of programs that see packets of a cgroup."""
    descriptor, total = os.open(cgroup, os.O_RDONLY), 0
    for hook in (0, 1):
        attributes = ctypes.create_string_buffer(struct.pack("=IIIIQI", descriptor, hook, 0, 0, 0, 0), 64)
        assert call_bpf(_PROGRAM_QUERY, attributes) == 0
        total += struct.unpack_from("=I", attributes, 24)[0]
    os.close(descriptor)
    return total


def test_packets_of_nested_filters_are_seen_once(own_cgroup, sources) -> None:
    # GIVEN a filter of a cgroup and of one below it
    context = sources.context(RequestSource(), own_cgroup)
    paths = (f"{own_cgroup.path}/below", own_cgroup.path, f"{own_cgroup.path}-other")

    # WHEN
    watched = find_watched_cgroups(replace(context, cgroup_paths=paths))

    # THEN
    assert watched == (own_cgroup.folder, own_cgroup.folder.with_name(own_cgroup.folder.name + "-other"))


def test_without_a_cgroup2_tree_it_says_how_to_get_one(sources, tmp_path) -> None:
    context = replace(sources.context(RequestSource(), None), sysfs=tmp_path)
    with pytest.raises(UnavailableError, match="no cgroup2 tree") as raised:
        RequestSource().requests(context)
    assert "mount -t cgroup2" in (raised.value.next_step or "")
