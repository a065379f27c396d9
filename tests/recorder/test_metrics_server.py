"""What the recorder serves to Prometheus and the kubelet, also when somebody else holds connections open."""

from __future__ import annotations

import contextlib
import dataclasses
import random
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from formats.errors import ConfigurationError
from recorder.metrics_server import MAX_CONNECTIONS, STUCK_NS, MetricsServer, is_live
from recorder.status import RecorderStatus
from tests.recorder.recorder_fakes import STATUS


class Recorder:
    """What the server reads."""

    def __init__(self) -> None:
        self.status: RecorderStatus = STATUS
        self.now_ns = STATUS.heartbeat_ns + 1


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def server(recorder: Recorder) -> Iterator[MetricsServer]:
    server = MetricsServer("127.0.0.1:0", lambda: recorder.status, lambda: recorder.now_ns)
    server.start()
    yield server
    server.close()


def get(port: int, place: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{place}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_liveness_fails_when_the_main_loop_is_stuck(server: MetricsServer, recorder: Recorder):
    # GIVEN a recorder whose loop turned
    assert get(server.port, "/healthz") == (200, "ok\n")
    assert get(server.port, "/metrics")[0] == 200
    assert get(server.port, "/etc/passwd")[0] == 404
    # WHEN it has not turned for half a minute THEN liveness fails, and metrics still tell
    recorder.now_ns = STATUS.heartbeat_ns + STUCK_NS
    assert get(server.port, "/healthz")[0] == 503
    assert get(server.port, "/metrics")[0] == 200
    assert not is_live(dataclasses.replace(STATUS, heartbeat_ns=0), STUCK_NS)


@pytest.mark.parametrize("listen", ["9273", "localhost", "127.0.0.1:x", "127.0.0.1:99999", "256.0.0.1:0"])
def test_an_address_that_cannot_be_listened_on_is_told(listen: str):
    with pytest.raises(ConfigurationError):
        MetricsServer(listen, lambda: STATUS)


def test_silent_clients_are_closed_from_the_oldest_and_lock_out_nobody(server: MetricsServer):
    # GIVEN clients that connect and say nothing, more than the server has connections
    silent = [socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(MAX_CONNECTIONS + 3)]
    try:
        # WHEN the kubelet asks THEN it is answered
        assert get(server.port, "/healthz")[0] == 200
        # AND the oldest ones were closed for it, and nobody else
        assert [client.recv(1) for client in silent[:4]] == [b""] * 4
        for client in silent[4:]:
            client.setblocking(False)
            with pytest.raises(BlockingIOError):
                client.recv(1)
    finally:
        for client in silent:
            client.close()


def test_the_content_type_follows_what_the_client_accepts(server: MetricsServer):
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"}
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        assert answer.read().endswith(b"# EOF\n")


HOSTILE_REQUESTS = {
    "no request": b"\x00\xff\xfe\r\n\r\n",
    "a request line without end": b"GET /" + b"a" * 200_000,
    "100,000 headers": b"GET /metrics HTTP/1.1\r\n" + b"a: b\r\n" * 100_000 + b"\r\n",
    "a header of 1 MB": b"GET /metrics HTTP/1.1\r\na: " + b"b" * 1_000_000 + b"\r\n\r\n",
    "no version": b"GET /healthz\r\n",
    "a version without end": b"GET /healthz HTTP/" + b"9" * 5_000 + b"\r\n\r\n",
    "a path out of the tree": b"GET /../../etc/passwd HTTP/1.1\r\n\r\n",
    "another method": b"DELETE /metrics HTTP/1.1\r\n\r\n",
    "a body": b"POST /metrics HTTP/1.1\r\nContent-Length: -5\r\n\r\nx",
    "a line break in the path": b"GET /a%0d%0aSet-Cookie:x=1 HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("name", sorted(HOSTILE_REQUESTS))
def test_a_hostile_request_is_refused_or_hung_up_on_and_the_next_one_is_answered(server: MetricsServer, name: str):
    # GIVEN somebody who sends what no client sends
    answer = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=15) as client, contextlib.suppress(OSError):
        client.sendall(HOSTILE_REQUESTS[name])
        client.shutdown(socket.SHUT_WR)
        while piece := client.recv(65_536):
            answer += piece
    # THEN nothing that was sent becomes a header, no file is read
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"\nSet-Cookie" not in head
    assert b"root:" not in body
    assert len(answer) < 100_000
    # AND the kubelet is answered
    assert get(server.port, "/healthz")[0] == 200


def test_what_a_hundred_random_requests_leave_is_a_server_that_answers(server: MetricsServer):
    chance = random.Random(1)
    for _ in range(100):
        with socket.create_connection(("127.0.0.1", server.port), timeout=15) as client, contextlib.suppress(OSError):
            begin = chance.choice((b"", b"GET ", b"GET /metrics HTTP/1.1\r\n"))
            client.sendall(begin + chance.randbytes(chance.randrange(2_000)))

    assert get(server.port, "/metrics")[0] == 200
