"""OpenTelemetry over gRPC: the unary call `Export` of the trace service, on a connection of HTTP/2."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field
from urllib.parse import quote

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

from recorder.otlp.intake import IDLE_S, REQUEST_S, Intake, Refusal

MAX_STREAMS = 8
"""Calls on one connection at the same time: exporters make one after the other."""
FREE_EVENTS = 1_000
EVENTS_PER_KIB = 8
EVENTS_PER_CALL = 20
"""How many frames a connection may send: at first, with its data, and with each call. More are a flood."""
_METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_PREFIX = 5
"""Bytes before a message: whether it is compressed, and its length. Source: gRPC over HTTP/2."""
_CHUNK = 64 << 10
_OK, _INVALID_ARGUMENT, _RESOURCE_EXHAUSTED, _UNIMPLEMENTED, _UNAVAILABLE = 0, 3, 8, 12, 14
_CODES = {
    Refusal.MALFORMED: _INVALID_ARGUMENT,
    Refusal.TOO_LARGE: _RESOURCE_EXHAUSTED,
    Refusal.BUSY: _UNAVAILABLE,
}
"""The status codes of gRPC; without details of when to retry, RESOURCE_EXHAUSTED means never."""


@dataclass(slots=True)
class _Call:
    """A call that is being received.

    Attributes:
        path: the method.
        encoding: how a message that is marked as compressed is compressed.
        data: received so far, with the prefix.
        deadline: when it is given up, by the monotonic clock.
    """

    path: str
    encoding: str
    deadline: float
    data: bytearray = field(default_factory=bytearray)


class GrpcHandler:
    """Serves one connection until it ends, or does what it must not.

    Args:
        connection: the socket.
        sender: address of the other end.
        intake: takes the requests.
    """

    def __init__(self, connection: socket.socket, sender: str, intake: Intake) -> None:
        self._socket = connection
        self._sender = sender
        self._intake = intake
        self._http = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8", validate_inbound_headers=True)
        )
        self._calls: dict[int, _Call] = {}
        self._reserved = 0
        self._allowed_events = float(FREE_EVENTS)

    def serve(self) -> None:
        """Serve all calls; returns when the connection is over."""
        try:
            self._http.local_settings = h2.settings.Settings(
                client=False,
                initial_values={
                    h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: MAX_STREAMS,
                    h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: 16 << 10,
                },
            )
            self._http.initiate_connection()
            self._flush()
            while self._receive():
                pass
        except (h2.exceptions.H2Error, OSError, UnicodeError):
            pass  # whoever breaks the protocol, or dribbles, is hung up on
        finally:
            self._intake.release(self._reserved)

    def _receive(self) -> bool:
        """Take what came; False if the connection is over."""
        deadline = min((call.deadline for call in self._calls.values()), default=time.monotonic() + IDLE_S)
        seconds = deadline - time.monotonic()
        if seconds <= 0:
            return False
        self._socket.settimeout(seconds)
        data = self._socket.recv(_CHUNK)
        if not data:
            return False
        for event in self._http.receive_data(data):
            self._allowed_events -= 1
            if self._allowed_events < 0 or isinstance(event, h2.events.ConnectionTerminated):
                return False
            self._take(event)
        self._flush()
        return True

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived) and event.stream_id is not None:
            headers = {str(name): str(value) for name, value in event.headers or ()}
            call = _Call(
                headers.get(":path", ""), headers.get("grpc-encoding", "identity"), time.monotonic() + REQUEST_S
            )
            self._calls[event.stream_id] = call
        elif isinstance(event, h2.events.DataReceived) and event.stream_id is not None:
            self._http.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
            if event.stream_id in self._calls:
                self._add(event.stream_id, self._calls[event.stream_id], event.data or b"")
        elif isinstance(event, h2.events.StreamReset) and event.stream_id is not None:
            self._forget(event.stream_id)
        elif isinstance(event, h2.events.StreamEnded) and event.stream_id in self._calls:
            self._answer(event.stream_id, self._calls[event.stream_id])

    def _add(self, stream: int, call: _Call, data: bytes) -> None:
        self._allowed_events += len(data) * EVENTS_PER_KIB / 1024
        if len(call.data) + len(data) > self._intake.limits.request_bytes + _PREFIX:
            self._end(stream, self._intake.refuse(Refusal.TOO_LARGE))
        elif not self._intake.reserve(len(data)):
            self._end(stream, Refusal.BUSY)
        else:
            self._reserved += len(data)
            call.data += data

    def _answer(self, stream: int, call: _Call) -> None:
        self._allowed_events += EVENTS_PER_CALL
        if call.path != _METHOD:
            self._end_with(stream, _UNIMPLEMENTED, "only traces are recorded")
            return
        length = int.from_bytes(call.data[1:_PREFIX], "big")
        is_compressed = bool(call.data[:1] and call.data[0])
        if len(call.data) != _PREFIX + length:
            self._end(stream, self._intake.refuse(Refusal.MALFORMED))
        elif is_compressed and call.encoding != "gzip":
            self._end_with(stream, _UNIMPLEMENTED, "only gzip is understood as compression")
        else:
            body = bytes(call.data[_PREFIX:])
            outcome = self._intake.take_spans(body, is_gzip=is_compressed, sender=self._sender)
            self._end(stream, outcome)

    def _end(self, stream: int, outcome: bytes | Refusal) -> None:
        if isinstance(outcome, Refusal):
            self._end_with(stream, _CODES[outcome], outcome.value)
            return
        self._http.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
        self._http.send_data(stream, b"\0" + len(outcome).to_bytes(4, "big") + outcome)
        self._http.send_headers(stream, [("grpc-status", str(_OK))], end_stream=True)
        self._forget(stream)

    def _end_with(self, stream: int, code: int, message: str) -> None:
        told = [("grpc-status", str(code)), ("grpc-message", quote(message, safe=" ;,.:"))]
        self._http.send_headers(
            stream, [(":status", "200"), ("content-type", "application/grpc"), *told], end_stream=True
        )
        self._forget(stream)

    def _forget(self, stream: int) -> None:
        call = self._calls.pop(stream, None)
        if call is not None:
            self._intake.release(len(call.data))
            self._reserved -= len(call.data)

    def _flush(self) -> None:
        data = self._http.data_to_send()
        if data:
            self._socket.settimeout(REQUEST_S)
            self._socket.sendall(data)
