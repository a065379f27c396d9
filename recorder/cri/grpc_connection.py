"""Calls of a gRPC server behind a Unix socket: one connection, one thread, no call that waits without a limit."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from formats.errors import UnavailableError

MAX_MESSAGE = 16 << 20
"""Bytes of one answer: what the kubelet takes as well."""
_CHUNK = 65536
_PREFIX = 5
"""Bytes before a message: whether it is compressed, and its length. Source: gRPC over HTTP/2."""
OK, NOT_FOUND, UNIMPLEMENTED = 0, 5, 12
"""Status codes of gRPC that mean something here."""


class GrpcStatusError(UnavailableError):
    """The server answered a call with a status other than OK.

    Args:
        code: of gRPC.
        problem: what the server says.
        where: the method.
    """

    def __init__(self, code: int, problem: str, *, where: str) -> None:
        super().__init__(problem, where=where, next_step="see the log of the container runtime")
        self.code = code


@dataclass(slots=True)
class _Reply:
    """An answer that is being received.

    Attributes:
        method: that was called.
        data: received so far, with the prefix.
        headers: of the response and its end.
        has_ended: whether nothing more will come.
    """

    method: str
    data: bytearray = field(default_factory=bytearray)
    headers: dict[str, str] = field(default_factory=dict)
    has_ended: bool = False


class GrpcConnection:
    """One connection. All methods but `interrupt` are called by one thread.

    Args:
        path: of the socket.
        timeout_s: longest time for one call.

    Raises:
        UnavailableError: nobody listens there.
    """

    def __init__(self, path: Path, timeout_s: float) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._replies: dict[int, _Reply] = {}
        self._subscription: int | None = None
        self._is_subscribed = False
        self._has_news = False
        self._bell, self._striker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._bell, select.POLLIN)
        self._poll.register(self._socket, select.POLLIN)
        self._http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        try:
            self._socket.settimeout(timeout_s)
            self._socket.connect(os.fspath(path))
            self._http.initiate_connection()
            self._flush()
        except OSError as error:
            self.close()
            raise self._lost(error.strerror or str(error)) from error

    @property
    def is_subscribed(self) -> bool:
        """Whether the stream of `subscribe` is open."""
        return self._is_subscribed

    def call(self, method: str, message: bytes) -> bytes:
        """The answer to one message.

        Raises:
            GrpcStatusError: the server refuses.
            UnavailableError: the server is gone, is too slow, or answers with something that is not gRPC.
        """
        deadline = time.monotonic() + self._timeout_s
        reply = self._replies[self._send(method, message)]
        while not reply.has_ended:
            if not self._receive(deadline - time.monotonic()):
                raise self._lost(f"no answer within {self._timeout_s:g} s")
        return self._read(reply)

    def subscribe(self, method: str, message: bytes) -> None:
        """Open a stream of messages. What is in them is not looked at: `wait` says that some came."""
        self._subscription = self._send(method, message)
        self._is_subscribed = True

    def wait(self, seconds: float) -> bool:
        """Wait until something came on the stream of `subscribe`, or it ended, at most so long; whether something came.

        Raises:
            UnavailableError: the server is gone.
        """
        deadline = time.monotonic() + seconds
        was_subscribed = self._is_subscribed
        while not self._has_news and self._is_subscribed == was_subscribed:
            if not self._receive(deadline - time.monotonic()):
                break
        has_news, self._has_news = self._has_news, False
        return has_news

    def interrupt(self) -> None:
        """End what waits, and everything after it. Any thread may call it."""
        with contextlib.suppress(OSError):
            os.write(self._striker, b".")

    def close(self) -> None:
        """Close the connection; twice does nothing."""
        self._socket.close()
        for descriptor in (self._bell, self._striker):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._bell = self._striker = -1

    def _send(self, method: str, message: bytes) -> int:
        """Send a request; the number of its stream."""
        try:
            stream = self._http.get_next_available_stream_id()
            headers = [
                (":method", "POST"),
                (":scheme", "http"),
                (":path", method),
                (":authority", "localhost"),
                ("te", "trailers"),
                ("content-type", "application/grpc"),
                ("user-agent", "tapio-recorder"),
            ]
            self._http.send_headers(stream, headers)
            self._http.send_data(stream, b"\0" + len(message).to_bytes(4, "big") + message, end_stream=True)
            self._replies[stream] = _Reply(method)
            self._flush()
        except (h2.exceptions.ProtocolError, OSError) as error:
            raise self._lost(str(error)) from error
        return stream

    def _receive(self, seconds: float) -> bool:
        """Take what came within that time; False if nothing did.

        Raises:
            UnavailableError: the server is gone, or the connection was interrupted.
        """
        try:
            ready = self._poll.poll(max(seconds, 0.0) * 1000)
            if not ready:
                return False
            if any(descriptor == self._bell for descriptor, _ in ready):
                raise self._lost("the recorder closes the source")
            data = self._socket.recv(_CHUNK)
            if not data:
                raise self._lost("it closed the connection")
            for event in self._http.receive_data(data):
                self._take(event)
            self._flush()
        except (h2.exceptions.ProtocolError, OSError, ValueError) as error:
            raise self._lost(str(error)) from error
        return True

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ConnectionTerminated):
            raise self._lost("it closed the connection")
        stream = getattr(event, "stream_id", None)
        reply = self._replies.get(stream) if stream is not None else None
        if reply is None or stream is None:
            return
        if isinstance(event, h2.events.DataReceived):
            self._http.acknowledge_received_data(event.flow_controlled_length, stream)
            if stream == self._subscription:
                self._has_news = True
            else:
                reply.data += event.data
                if len(reply.data) > MAX_MESSAGE + _PREFIX:
                    raise self._lost(f"an answer has more than {MAX_MESSAGE >> 20} MiB")
        elif isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
            reply.headers.update((str(name), str(value)) for name, value in event.headers or ())
        elif isinstance(event, h2.events.StreamEnded | h2.events.StreamReset):
            reply.has_ended = True
            del self._replies[stream]
            if stream == self._subscription:
                self._subscription, self._is_subscribed = None, False

    def _read(self, reply: _Reply) -> bytes:
        """The message of an answer that has ended."""
        status = reply.headers.get("grpc-status", "")
        if status != str(OK):
            code = int(status) if status.isascii() and status.isdecimal() and len(status) < 4 else -1
            said = (
                unquote(reply.headers.get("grpc-message", "")) or f"HTTP status {reply.headers.get(':status', 'none')}"
            )
            raise GrpcStatusError(code, f"the container runtime answered: {said[:200]}", where=reply.method)
        length = int.from_bytes(reply.data[1:_PREFIX], "big")
        if len(reply.data) != _PREFIX + length or reply.data[0]:
            raise self._lost("an answer is not a message of gRPC")
        return bytes(reply.data[_PREFIX:])

    def _flush(self) -> None:
        data = self._http.data_to_send()
        if data:
            self._socket.sendall(data)

    def _lost(self, why: str) -> UnavailableError:
        return UnavailableError(
            f"the container runtime cannot be reached ({why})",
            where=str(self._path),
            next_step="check that the runtime runs and that this socket is mounted; it is tried again",
        )
