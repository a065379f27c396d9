"""Calls over gRPC: those of exporters are taken, those of nobody who is well-behaved cost little."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator

import grpc
import h2.connection
import pytest

from recorder.bounded_server import BoundedServer
from recorder.otlp import grpc_handler, protocols
from recorder.otlp.intake import Intake, IntakeLimits
from tests.formats.rows.otlp_spans import request, span
from tests.recorder.otlp.conftest import PATIENCE_S, serve

METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@pytest.fixture
def intake() -> Intake:
    return Intake(IntakeLimits(request_bytes=200_000, waiting_bytes=300_000))


@pytest.fixture
def port(intake: Intake) -> Iterator[int]:
    with serve(BoundedServer(("127.0.0.1", 0), protocols.make_handler(intake), 4)) as port:
        yield port


@pytest.fixture
def channel(port: int) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel


def call(channel: grpc.Channel, body: bytes, method: str = METHOD, **options: object) -> tuple[grpc.StatusCode, str]:
    try:
        channel.unary_unary(method)(body, timeout=PATIENCE_S, **options)
    except grpc.RpcError as error:
        return error.code(), error.details()
    return grpc.StatusCode.OK, ""


def test_calls_come_one_after_the_other_and_larger_than_a_window(channel: grpc.Channel, intake: Intake):
    for size in (1, 3_000, 2):
        assert call(channel, request(*[span()] * size))[0] is grpc.StatusCode.OK
    assert call(channel, request(span()), compression=grpc.Compression.Gzip)[0] is grpc.StatusCode.OK
    assert [(row["count"], row["client.address"]) for row in intake.take_rows()] == [(3_004, "127.0.0.1")]


@pytest.mark.parametrize(
    ("body", "how", "code"),
    [
        (b"", {"method": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"}, "UNIMPLEMENTED"),
        (b"", {"compression": grpc.Compression.Deflate}, "OK"),  # what is empty is not compressed
        (b"a" * 500, {"compression": grpc.Compression.Deflate}, "UNIMPLEMENTED"),
        (b"\xff", {}, "INVALID_ARGUMENT"),
        (b"a" * 250_000, {}, "RESOURCE_EXHAUSTED"),
        (b"\x0a\x00" * 150_000, {"compression": grpc.Compression.Gzip}, "RESOURCE_EXHAUSTED"),
    ],
)
def test_what_is_not_understood_is_refused_with_a_sentence(channel: grpc.Channel, intake: Intake, body, how, code):
    found, details = call(channel, body, **how)
    assert found is grpc.StatusCode[code]
    assert len(details) > 10 or code == "OK"
    assert intake.take_rows() == []
    assert intake.reserve(300_000), "what was received is given back"
    intake.release(300_000)
    assert call(channel, request(span()))[0] is grpc.StatusCode.OK


def test_a_sender_is_told_to_come_again_when_too_much_is_being_received(channel: grpc.Channel, intake: Intake):
    assert intake.reserve(300_000)
    assert call(channel, request(span()))[0] is grpc.StatusCode.UNAVAILABLE


def test_a_message_of_another_length_than_it_says_is_refused(port: int, intake: Intake):
    with speak(port) as (connection, http):
        http.send_headers(1, [(":method", "POST"), (":scheme", "http"), (":path", METHOD), (":authority", "a")])
        http.send_data(1, b"\0\0\0\0\x09ab", end_stream=True)
        connection.sendall(http.data_to_send())
        answer = b""
        while b"HEADERS" not in answer and (chunk := connection.recv(1000)):
            answer = b"".join(
                [answer, *(b"HEADERS" for event in http.receive_data(chunk) if "Response" in type(event).__name__)]
            )
    assert intake.rejected == 1


class speak:  # noqa: N801 - a context manager
    """A client that says what it likes."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self._http = h2.connection.H2Connection()

    def __enter__(self) -> tuple[socket.socket, h2.connection.H2Connection]:
        self._http.initiate_connection()
        self._socket.sendall(self._http.data_to_send())
        return self._socket, self._http

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def is_closed(connection: socket.socket) -> bool:
    try:
        while connection.recv(100_000):
            pass
    except ConnectionResetError:
        pass
    return True


def test_a_flood_of_frames_closes_the_connection(port: int):
    with speak(port) as (connection, http):
        try:
            for _ in range(grpc_handler.FREE_EVENTS + 100):
                http.ping(b"12345678")
                connection.sendall(http.data_to_send())
        except ConnectionError:
            return
        assert is_closed(connection)


@pytest.mark.parametrize("is_calling", [False, True])
def test_a_sender_that_dribbles_is_closed(port: int, intake: Intake, monkeypatch: pytest.MonkeyPatch, is_calling: bool):
    monkeypatch.setattr(grpc_handler, "IDLE_S", 0.1 if not is_calling else PATIENCE_S)
    monkeypatch.setattr(grpc_handler, "REQUEST_S", 0.1)
    with speak(port) as (connection, http):
        if is_calling:
            http.send_headers(1, [(":method", "POST"), (":scheme", "http"), (":path", METHOD), (":authority", "a")])
            http.send_data(1, b"\0\0\0\0\x09ab")
            connection.sendall(http.data_to_send())
        assert is_closed(connection)
    assert intake.reserve(300_000)


@pytest.mark.parametrize(
    "sent", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 40, b"PRI nothing", b"PR", gzip.compress(b"a")]
)
def test_whoever_breaks_the_protocol_is_closed(port: int, sent: bytes):
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        assert is_closed(connection)
