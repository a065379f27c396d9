"""A server with a thread for each connection, of which there is a maximum."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from formats.errors import ConfigurationError


def parse_address(listen: str, *, where: str, example: str) -> tuple[str, int]:
    """Host and port of `address:port`.

    Args:
        listen: the text.
        where: the key of the configuration.
        example: what it could be.

    Raises:
        ConfigurationError: it has another form.
    """
    address, _, port = listen.rpartition(":")
    if not address or not port.isdecimal() or int(port) > 65_535:
        raise ConfigurationError(
            f"`{listen}` is not a valid listen address", where=where, next_step=f"such as {example}"
        )
    return address.strip("[]"), int(port)


class BoundedServer(ThreadingHTTPServer):
    """Serves each connection in a thread. A new one beyond the maximum closes the oldest one.

    Args:
        address: host and port to listen on.
        handler: serves one connection.
        max_connections: at the same time.
    """

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], max_connections: int) -> None:
        self._max_connections = max_connections
        self._open: dict[socket.socket, None] = {}
        """In the order in which they came."""
        self._lock = threading.Lock()
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind without asking a name server for a name, as `HTTPServer` does."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection, after closing the oldest one if there are too many."""
        with self._lock:
            while len(self._open) >= self._max_connections:
                oldest = next(iter(self._open))
                del self._open[oldest]
                with contextlib.suppress(OSError):  # the client was faster
                    oldest.shutdown(socket.SHUT_RDWR)  # its thread wakes up, finds the end, and closes it
            self._open[request] = None
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a client that hangs up is no news."""

    def close_all(self) -> None:
        """Stop listening, and close every connection."""
        self.shutdown()
        self.server_close()
        with self._lock:
            still_open = list(self._open)
        for connection in still_open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
