"""`/metrics` and `/healthz` over HTTP, on loopback by default, from the newest snapshot."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Final

from formats.errors import ConfigurationError
from recorder.bounded_server import BoundedServer, parse_address
from recorder.metrics import format_metrics
from recorder.status import RecorderStatus

STUCK_NS: Final = 30_000_000_000
"""A main loop that has not turned for so long is stuck: liveness fails, and Kubernetes starts the recorder again."""

MAX_CONNECTIONS: Final = 16
"""Connections at the same time: clients that connect and stay silent cannot lock out the kubelet."""

IDLE_SECONDS: Final = 10
"""A connection on which nothing arrives or leaves for so long is closed."""

_PLAIN: Final = "text/plain; charset=utf-8"


class MetricsServer:
    """Serves both from a thread.

    Args:
        listen: `address:port`.
        read_status: gives the newest snapshot.
        monotonic_ns: reads CLOCK_MONOTONIC; a parameter for tests.
    """

    def __init__(
        self,
        listen: str,
        read_status: Callable[[], RecorderStatus],
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        address = parse_address(listen, where="metrics_listen", example="127.0.0.1:9273")
        try:
            self._server = BoundedServer(address, _handler(read_status, monotonic_ns), MAX_CONNECTIONS)
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {listen} ({error.strerror or error})",
                where="metrics_listen",
                next_step="choose another port, or an empty string to disable metrics",
            ) from error

    @property
    def port(self) -> int:
        """The port that is listened on, which the system chose if 0 was asked for."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Serve in a thread."""
        threading.Thread(target=self._server.serve_forever, args=(5.0,), name="metrics", daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        threading.Thread(target=self._server.shutdown, daemon=True).start()
        self._server.server_close()


def is_live(status: RecorderStatus, monotonic_ns: int) -> bool:
    """Whether the main loop turns."""
    return monotonic_ns - status.heartbeat_ns < STUCK_NS


def _handler(
    read_status: Callable[[], RecorderStatus], monotonic_ns: Callable[[], int]
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version = "tapio-recorder"
        sys_version = ""
        timeout = IDLE_SECONDS

        def do_GET(self) -> None:
            status = read_status()
            if self.path == "/healthz":
                if is_live(status, monotonic_ns()):
                    self._answer(HTTPStatus.OK, b"ok\n")
                else:
                    stuck = f"the main loop has been stuck for {STUCK_NS // 1_000_000_000} s\n"
                    self._answer(HTTPStatus.SERVICE_UNAVAILABLE, stuck.encode())
            elif self.path != "/metrics":
                self._answer(HTTPStatus.NOT_FOUND, b"there are /metrics and /healthz\n")
            else:
                self._answer(HTTPStatus.OK, *format_metrics(status, self.headers.get("Accept", "")))

        def _answer(self, code: HTTPStatus, body: bytes, content_type: str = _PLAIN) -> None:
            self.send_response(code)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: a scrape every 15 s is no news."""

    return Handler
