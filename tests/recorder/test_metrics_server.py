"""What the recorder serves to Prometheus and the kubelet, also when somebody else holds connections open."""

from __future__ import annotations

import dataclasses
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
