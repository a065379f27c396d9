"""A real DNS server in a network namespace of its own, and programs that ask it in several ways."""

from __future__ import annotations

import socket
import struct
import sys
from collections import Counter
from dataclasses import replace

import pytest

from formats.errors import UnavailableError
from formats.loss import LossReason
from recorder.sources.dns import DnsSource

pytestmark = pytest.mark.kernel

SERVER = r"""
import os, pathlib, socket, struct, subprocess, sys, threading, time
CODES = {"missing": 3, "broken": 2, "refused": 5}
KNOWN = {"ledger.svc.test", "late.svc.test", "first.svc.test"}

def answer(message):
    # What the server says to one message; None: nothing. Names begin with what is to happen.
    labels, at = [], 12
    while message[at]:
        labels.append(message[at + 1 : at + 1 + message[at]].decode().lower()); at += 1 + message[at]
    question = message[12 : at + 5]
    if labels[0] == "silent": return None
    if labels[0] == "late": time.sleep(0.3)
    name = ".".join(labels)
    code = CODES.get(labels[0], 0 if name in KNOWN or "svc" not in labels else 3)
    is_address = question[-4:-2] == b"\0\1" and not code
    record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + bytes([127, 0, 0, 9]) if is_address else b""
    return message[:2] + struct.pack("!BBHHHH", 0x81, 0x80 | code, 1, bool(record), 0, 0) + question + record

def serve_udp(server):
    while True:
        message, peer = server.recvfrom(600)
        reply = answer(message)
        if reply: server.sendto(reply, peer)

def serve_tcp(server):
    while True:
        client, _ = server.accept()
        while (length := client.recv(2)):
            message = client.recv(struct.unpack("!H", length)[0])
            reply = answer(message)
            # A resolver may send the length in a segment of its own.
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if reply and b"first" in message: client.send(struct.pack("!H", len(reply))); client.send(reply)
            elif reply: client.send(struct.pack("!H", len(reply)) + reply)

subprocess.run("ip link set lo up".split(), check=True)
for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
    udp = socket.socket(family, socket.SOCK_DGRAM); udp.bind((host, 53))
    threading.Thread(target=serve_udp, args=(udp,), daemon=True).start()
    tcp = socket.create_server((host, 53), family=family)
    threading.Thread(target=serve_tcp, args=(tcp,), daemon=True).start()

def query(name, number):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!HHHHHH", number, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)

def ask(host, transport, name, number=1, is_split=False):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM) as client:
        client.connect((host, 53)); client.settimeout(0.2 if name.startswith("silent") else 5)
        message, length = query(name, number), b""
        if transport == "tcp":
            length = struct.pack("!H", len(message))
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if is_split and length: client.send(length); client.send(message)
        else: client.send(length + message)
        try:
            client.recv(600)
        except TimeoutError:
            client.send(length + message)

def resolve_with(text):
    # /etc/resolv.conf of this mount namespace alone
    path = pathlib.Path(f"/tmp/tapio-resolv-{os.getpid()}"); path.write_text(text)
    subprocess.run(["mount", "--bind", path, os.path.realpath("/etc/resolv.conf")], check=True); path.unlink()
"""
"""A tester: its server answers by the name that is asked for."""


@pytest.fixture(scope="module")
def recording(open_recording):
    """What is slow and late here is quick, so that tests are."""
    return open_recording(DnsSource(), slow_ms=250, timeout_s=1)


@pytest.fixture
def run(recording):
    """(pid, output, rows) of a tester in namespaces of its own, once the rows satisfy a condition."""

    def run_script(script, collect, is_done):
        cgroup = recording.make_cgroup()
        command = ["unshare", "--net", "--mount", sys.executable, "-I", "-S", "-c", SERVER + script]
        pid, code, output = cgroup.run(*command)
        assert code == 0
        own = []

        def is_done_here(rows):
            own[:] = [row for row in rows if row["cgroup_id"] == cgroup.inode]
            return is_done(own)

        collect(recording.source, is_done_here)
        return pid, output, own

    return run_script


def counts_of(rows):
    """Answers by response code."""
    counts: Counter[str] = Counter()
    for row in rows:
        if row["event_name"] == "dns.answers":
            counts[row["dns.response_code"]] += row["count"]
    return counts


def named(rows, event):
    """(name, type, code) of single queries."""
    return [
        (row["dns.question.name"], row["dns.question.type"], row["dns.response_code"])
        for row in rows
        if row["event_name"] == event
    ]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_every_answer_is_counted_and_what_goes_wrong_is_told_with_its_name(run, collect, host, transport) -> None:
    # GIVEN a server that answers, denies, fails, is late, and says nothing
    script = f"""
for number in range(50): ask({host!r}, {transport!r}, "fine.test", number)
ask({host!r}, {transport!r}, "first.svc.test", 60, is_split=True)
ask({host!r}, {transport!r}, "missing.SVC.test"); ask({host!r}, {transport!r}, "broken.test")
ask({host!r}, {transport!r}, "refused.test"); ask({host!r}, {transport!r}, "late.test")
ask({host!r}, {transport!r}, "silent.test")
"""

    # WHEN
    pid, _output, rows = run(script, collect, lambda rows: len(named(rows, "dns.unanswered")) == 1)

    # THEN
    assert counts_of(rows) == {"NOERROR": 52, "NXDOMAIN": 1, "SERVFAIL": 1, "REFUSED": 1}
    assert named(rows, "dns.failed") == [
        ("missing.svc.test", "A", "NXDOMAIN"),
        ("broken.test", "A", "SERVFAIL"),
        ("refused.test", "A", "REFUSED"),
    ]
    assert named(rows, "dns.slow") == [("late.test", "A", "NOERROR")]
    assert named(rows, "dns.unanswered") == [("silent.test", "A", None)]
    single = [row for row in rows if row["event_name"] != "dns.answers"]
    assert {row["process.pid"] for row in single} == {pid}
    assert all(row["process.command"].startswith("python") for row in single)
    assert {(row["network.peer.address"], row["network.transport"]) for row in rows} == {(host, transport)}
    assert all(row["first_boot_time_ns"] <= row["boot_time_ns"] for row in rows)
    (late,) = (row for row in rows if row["event_name"] == "dns.slow")
    assert 300_000_000 <= late["dns.at_least_ns"] < 2_000_000_000
    (silent,) = (row for row in rows if row["event_name"] == "dns.unanswered")
    assert silent["dns.retries"] == 1
    assert silent["dns.at_least_ns"] >= 1_000_000_000


def test_the_c_library_tries_suffixes_and_the_one_that_is_found_ends_the_search(run, collect) -> None:
    # GIVEN
    script = r"""
resolve_with("nameserver 127.0.0.1\nsearch shop.svc.test svc.test\noptions ndots:5\n")
print(socket.gethostbyname("ledger"))
"""

    # WHEN
    _pid, output, rows = run(script, collect, lambda rows: counts_of(rows)["NOERROR"] >= 1)

    # THEN
    assert output.strip() == "127.0.0.9"
    assert named(rows, "dns.failed") == [("ledger.shop.svc.test", "A", "NXDOMAIN")]
    assert named(rows, "dns.resolved") == [("ledger.svc.test", "A", "NOERROR")]


def test_a_name_of_the_c_library_without_an_answer_is_told_with_its_retries(run, collect) -> None:
    # GIVEN
    script = r"""
resolve_with("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
try: socket.gethostbyname("silent.test.")
except OSError as error: print(error.errno)
"""

    # WHEN
    _pid, output, rows = run(script, collect, lambda rows: bool(named(rows, "dns.unanswered")))

    # THEN
    assert int(output) == socket.EAI_AGAIN
    assert named(rows, "dns.unanswered") == [("silent.test", "A", None)]
    assert counts_of(rows) == {}


def test_a_static_binary_is_seen_as_well(run, collect) -> None:
    # GIVEN a resolver that is no library of the system
    script = r"""
resolve_with("nameserver 127.0.0.1\n")
subprocess.run(["busybox", "nslookup", "missing.test"], capture_output=True)
"""

    # WHEN
    _pid, _output, rows = run(script, collect, lambda rows: len(named(rows, "dns.failed")) >= 1)

    # THEN
    assert named(rows, "dns.failed")[0] == ("missing.test", "A", "NXDOMAIN")
    assert rows[0]["process.command"] == "busybox"


def test_beyond_the_limit_queries_are_counted_without_their_names(own_cgroup, sources, collect) -> None:
    # GIVEN
    source = sources.open(DnsSource(), own_cgroup, max_per_second=1)
    script = 'for number in range(500): ask("127.0.0.1", "udp", "broken.test", number)'

    # WHEN
    own_cgroup.run("unshare", "--net", sys.executable, "-I", "-S", "-c", SERVER + script)
    rows = collect(source, lambda rows: counts_of(rows)["SERVFAIL"] == 500)

    # THEN
    single = len(named(rows, "dns.failed"))
    assert single < 500
    assert source.stats().missing == {LossReason.SAMPLED: 500 - single}


def test_queries_that_find_the_map_full_are_counted(own_cgroup, sources, collect) -> None:
    # GIVEN
    source = sources.open(DnsSource(), own_cgroup, query_entries=2, timeout_s=1)
    script = r"""
clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(5)]
for number, client in enumerate(clients): client.connect(("127.0.0.1", 53)); client.send(query("silent.test", number))
"""

    # WHEN
    own_cgroup.run("unshare", "--net", sys.executable, "-I", "-S", "-c", SERVER + script)
    rows = collect(source, lambda rows: len(named(rows, "dns.unanswered")) == 2)

    # THEN
    assert len(rows) == 2
    assert source.stats().missing == {LossReason.KERNEL_MAP_FULL: 3}


def test_queries_that_wait_when_the_recorder_ends_are_missing(own_cgroup, sources) -> None:
    # GIVEN
    source = sources.open(DnsSource(), own_cgroup)
    script = 'ask("127.0.0.1", "udp", "silent.test")'
    own_cgroup.run("unshare", "--net", sys.executable, "-I", "-S", "-c", SERVER + script)

    # WHEN
    source.close()

    # THEN
    assert source.stats().missing == {LossReason.RECORDER_DOWN: 1}


def test_other_packets_and_the_recorders_own_queries_are_not_recorded(own_cgroup, sources, collect) -> None:
    # GIVEN a source that sees all cgroups, and a query of this process
    source = sources.open(DnsSource(), None, timeout_s=1)
    question = struct.pack("!HHHHHH", 7, 0x100, 1, 0, 0, 0) + b"\x0brecorder-is\0" + struct.pack("!HH", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(question, ("127.0.0.1", 53))
    script = r"""
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    client.connect(("127.0.0.1", 53))
    for text in (b"", b"x", b"no message of this protocol", query("silent.test", 3)[:11], query("silent.test", 4)[:2] + b"\x80" * 30):
        client.send(text)
    client.connect(("127.0.0.1", 5300)); client.send(query("silent.test", 5))
ask("127.0.0.1", "udp", "silent.test")
"""

    # WHEN
    own_cgroup.run(
        "unshare",
        "--net",
        sys.executable,
        "-I",
        "-S",
        "-c",
        SERVER.replace("reply = answer(message)", "reply = None") + script,
    )
    is_own = lambda row: row["cgroup_id"] == own_cgroup.inode  # noqa: E731
    rows = collect(source, lambda rows: any(map(is_own, rows)))

    # THEN
    assert named(filter(is_own, rows), "dns.unanswered") == [("silent.test", "A", None)]
    assert "recorder-is" not in {row["dns.question.name"] for row in rows}


def test_without_a_cgroup2_tree_it_says_how_to_get_one(sources, tmp_path) -> None:
    context = replace(sources.context(DnsSource(), None), sysfs=tmp_path)
    with pytest.raises(UnavailableError, match="no cgroup2 tree"):
        DnsSource().requests(context)
