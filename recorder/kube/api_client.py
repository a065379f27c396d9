"""HTTP with an API server: one request, one answer, or one answer that goes on line by line. Raw JSON, no typed models.

Typed clients refuse real Events whose `eventTime` is null, and cost more memory than all that is recorded.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

from formats.errors import UnavailableError
from formats.rows.kube_json import Json, parse_object
from recorder.kube.cluster_access import ClusterAccess

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 120.0
"""Longest time for an answer that is read whole, however steadily its bytes drip."""
ANSWER_BYTES = 64 << 20
"""Largest answer that is read. Why: a page of a list has at most some hundred objects of at most 1.5 MiB."""
LINE_BYTES = 8 << 20
"""Longest line of a watch. Why: etcd refuses objects above 1.5 MiB; JSON of the watch may escape every character."""
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
_READ_BYTES = 64 << 10
_USER_AGENT = "tapio-recorder"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer.

    Attributes:
        status: HTTP status.
        content: the JSON object; None if the body was none.
        retry_after_s: what the server asks to wait; None if it does not.
    """

    status: int
    content: Json | None
    retry_after_s: float | None


class ApiClient:
    """Talks to one API server; every request has its own connection, so threads do not share any.

    Args:
        load: how to get in; called again when the server does not let us in any more.
        peer: who is talked to, for messages.

    Raises:
        UnavailableError: what `load` raises.
    """

    def __init__(self, load: Callable[[], ClusterAccess], peer: str = "the API server") -> None:
        self._load = load
        self._peer = peer
        self._access = load()
        self._lock = threading.Lock()
        self.generation = 0
        """Goes up with every `reload`."""

    @property
    def address(self) -> str:
        """URL of the API server, for messages."""
        return self._access.address

    def reload(self, generation: int) -> None:
        """Read the credentials again, unless somebody else has since `generation`.

        Raises:
            UnavailableError: they cannot be read.
        """
        with self._lock:
            if self.generation == generation:
                self._access = self._load()
                self.generation += 1

    def get(
        self, path: str, query: dict[str, str] | None = None, *, timeout_s: float = 30.0, accept: str = JSON
    ) -> Reply:
        """One answer, read whole.

        Args:
            path: below the server's own prefix.
            query: parameters.
            timeout_s: maximum time without data from the server.
            accept: media types of the answer.

        Raises:
            UnavailableError: it cannot be reached, or the answer broke off.
        """
        with self.stream(path, query or {}, timeout_s=timeout_s, accept=accept) as stream:
            return stream.reply()

    def post(self, path: str, content: Json, *, timeout_s: float = 30.0) -> Reply:
        """Create an object; as `get`."""
        with self._request("POST", path, timeout_s=timeout_s, content_type=JSON, content=content) as stream:
            return stream.reply()

    def put(self, path: str, content: Json, *, timeout_s: float = 30.0) -> Reply:
        """Replace an object, if its `resourceVersion` is still that of `content`; as `get`."""
        with self._request("PUT", path, timeout_s=timeout_s, content_type=JSON, content=content) as stream:
            return stream.reply()

    def merge_patch(self, path: str, patch: Json) -> Reply:
        """Change an object by a JSON merge patch (RFC 7386); as `get`."""
        with self._request("PATCH", path, content_type=MERGE_PATCH, content=patch) as stream:
            return stream.reply()

    def stream(self, path: str, query: dict[str, str], *, timeout_s: float, accept: str = JSON) -> Stream:
        """An answer that is read line by line.

        Args:
            path: below the server's own prefix.
            query: parameters.
            timeout_s: maximum time without data from the server.
            accept: media types of the answer.

        Raises:
            UnavailableError: it cannot be reached, or does not answer.
        """
        return self._request("GET", path, query, timeout_s=timeout_s, accept=accept)

    def _request(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        *,
        timeout_s: float = 30.0,
        accept: str = JSON,
        content_type: str = "",
        content: Json | None = None,
    ) -> Stream:
        access = self._access
        target = f"{access.path_prefix}{quote(path)}{'?' if query else ''}{urlencode(query or {})}"
        headers = {"Accept": accept, "User-Agent": _USER_AGENT}
        body = None if content is None else json.dumps(content).encode()
        if body is not None:
            headers["Content-Type"] = content_type
        authorization = access.authorization()
        if authorization is not None:
            headers["Authorization"] = authorization
        connection = _connection(access, min(CONNECT_TIMEOUT_S, timeout_s))
        try:
            connection.connect()
            _keep_alive(connection.sock)
            connection.sock.settimeout(timeout_s)
            connection.request(method, target, body, headers)
            return Stream(connection, connection.getresponse(), access.address, self._peer)
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            raise _lost(access.address, self._peer, error) from error


class Stream:
    """One answer while it comes.

    Attributes:
        status: HTTP status.
    """

    def __init__(
        self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse, address: str, peer: str
    ) -> None:
        self._connection = connection
        self._socket: socket.socket | None = connection.sock
        self._response = response
        self._address = address
        self._peer = peer
        self.status = response.status

    def reply(self) -> Reply:
        """The answer read whole.

        Raises:
            UnavailableError: it broke off or is too large.
        """
        content = parse_object(self.body())
        return Reply(self.status, content, _seconds(self._response.headers.get("Retry-After")))

    def body(self, max_bytes: int = ANSWER_BYTES) -> bytes:
        """The bytes of the answer.

        Raises:
            UnavailableError: it broke off or has more than `max_bytes`.
        """
        return b"".join(self.pieces(max_bytes))

    def pieces(self, max_bytes: int = ANSWER_BYTES) -> Iterator[bytes]:
        """The bytes of the answer as they come.

        Raises:
            UnavailableError: it broke off or has more than `max_bytes`.
        """
        size = 0
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        while read := self._read():
            size += len(read)
            if size > max_bytes:
                raise self._lost(ValueError(f"the response has more than {max_bytes:,} bytes"))
            if time.monotonic() > deadline:
                raise self._lost(TimeoutError(f"the response took more than {ANSWER_TIMEOUT_S:.0f} s"))
            yield read

    def lines(self, silence_s: float) -> Iterator[bytes]:
        """Every whole line as it comes, without its end; a line longer than `LINE_BYTES` is given empty.

        What comes after the last line end is dropped: it was cut off, and resuming gives it again.

        Args:
            silence_s: maximum time without a whole line. Why in addition to the socket's: a peer that sends a byte now
                and then is not silent, but never completes a line.

        Raises:
            UnavailableError: the connection broke or was silent for too long.
        """
        pending = bytearray()
        is_too_long = False
        deadline = time.monotonic() + silence_s
        while read := self._read():
            *ended, rest = read.split(b"\n")
            now = time.monotonic()
            if ended:
                deadline = now + silence_s
            elif now > deadline:
                raise self._lost(TimeoutError(f"no complete message in {silence_s:.0f} s"))
            for piece in ended:
                pending += piece
                if is_too_long or pending:
                    yield b"" if is_too_long or len(pending) > LINE_BYTES else bytes(pending)
                pending, is_too_long = bytearray(), False
            pending += rest
            if len(pending) > LINE_BYTES:
                pending, is_too_long = bytearray(), True

    def _read(self) -> bytes:
        """What has come; empty at the end."""
        try:
            return self._response.read1(_READ_BYTES)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._lost(error) from error

    def _lost(self, error: Exception) -> UnavailableError:
        return _lost(self._address, self._peer, error)

    def abort(self) -> None:
        """Make whoever reads it stop at once; may be called from another thread."""
        if self._socket is not None:
            # The base class's: that of an SSL socket takes its TLS state away from under the reader.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._response.close()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def status_message(content: Any) -> str:
    """The message of a `Status` object, cut; empty if it is none."""
    message = content.get("message") if isinstance(content, dict) else None
    return message[:200] if isinstance(message, str) else ""


def _connection(access: ClusterAccess, timeout_s: float) -> http.client.HTTPConnection:
    if access.tls is None:
        return http.client.HTTPConnection(access.host, access.port, timeout=timeout_s)
    return _TlsConnection(access, access.tls, timeout_s)


class _OwnedSocket(ssl.SSLSocket):
    """Closes itself: `wrap_socket` loses an open one if the peer resets before the handshake (CPython 3.11)."""

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError, OSError):
            self.close()


class _TlsConnection(http.client.HTTPSConnection):
    """Connects to one host and expects the certificate of the name that the access gives."""

    def __init__(self, access: ClusterAccess, tls: ssl.SSLContext, timeout_s: float) -> None:
        super().__init__(access.host, access.port, timeout=timeout_s, context=tls)
        self._tls = tls
        self._tls.sslsocket_class = _OwnedSocket
        self._server_name = access.tls_server_name or access.host

    def connect(self) -> None:
        plain = socket.create_connection((self.host, self.port), self.timeout)
        try:
            self.sock = self._tls.wrap_socket(plain, server_hostname=self._server_name)
        except OSError:
            plain.close()
            raise


def _keep_alive(sock: socket.socket) -> None:
    """Notice a peer that has vanished within a minute, also while nothing happens in the cluster."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)


def _seconds(header: str | None) -> float | None:
    """Retry-After in seconds; API servers never send a date."""
    return float(header) if header is not None and header.isascii() and header.isdigit() and len(header) < 6 else None


def _lost(address: str, peer: str, error: Exception) -> UnavailableError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
    return UnavailableError(
        f"cannot connect to {peer} ({reason})",
        where=address,
        next_step=f"check the address and that {peer} is running",
    )
