"""Requests over HTTP/1.1: those of exporters are taken, those of nobody who is well-behaved cost little."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator

import pytest
from google.rpc.status_pb2 import Status

from recorder.bounded_server import BoundedServer
from recorder.otlp import http_handler
from recorder.otlp.http_handler import make_handler
from recorder.otlp.intake import Intake, IntakeLimits
from tests.formats.rows.otlp_spans import request, span
from tests.recorder.otlp.conftest import PATIENCE_S, serve

PROTOBUF = {"Content-Type": "application/x-protobuf"}


@pytest.fixture
def intake() -> Intake:
    return Intake(IntakeLimits(request_bytes=100_000, waiting_bytes=150_000))


@pytest.fixture
def port(intake: Intake) -> Iterator[int]:
    with serve(BoundedServer(("127.0.0.1", 0), make_handler(intake), 4)) as port:
        yield port


def post(port: int, body: bytes, path: str = "/v1/traces", headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("POST", path, body, PROTOBUF if headers is None else headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_requests_come_one_after_the_other_over_one_connection(port: int, intake: Intake):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    for size in (1, 500, 3):  # with a body that comes in the same packet as its head, and one that does not
        connection.request("POST", "/v1/traces", request(*[span()] * size), PROTOBUF)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
    connection.close()
    assert [(row["count"], row["client.address"]) for row in intake.take_rows()] == [(504, "127.0.0.1")]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v1/metrics", PROTOBUF, 404),
        ("/", PROTOBUF, 404),
        ("/v1/traces", {"Content-Type": "application/json"}, 415),
        ("/v1/traces", {}, 415),
        ("/v1/traces", {**PROTOBUF, "Content-Encoding": "zstd"}, 415),
        ("/v1/traces", {**PROTOBUF, "Content-Encoding": "gzip"}, 400),
        ("/v1/traces", {**PROTOBUF, "Content-Length": "-1"}, 411),
        ("/v1/traces", {**PROTOBUF, "Content-Length": "100001"}, 413),
        ("/v1/traces", {**PROTOBUF, "Content-Length": "9" * 400}, 413),
    ],
)
def test_what_is_not_understood_is_refused_with_a_sentence(
    port: int, intake: Intake, path: str, headers: dict[str, str], status: int
):
    found, body = post(port, request(span()), path, headers)
    assert found == status
    assert len(Status.FromString(body).message) > 10
    assert intake.take_rows() == []


def test_a_sender_that_is_told_to_wait_is_told_how_long(port: int, intake: Intake):
    assert intake.reserve(150_000)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.request("POST", "/v1/traces", request(span()), PROTOBUF)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
    connection.close()


def test_what_was_reserved_is_given_back_whatever_becomes_of_a_request(port: int, intake: Intake):
    for body, headers in (
        (request(span()), PROTOBUF),
        (b"\xff", PROTOBUF),
        (b"x", {**PROTOBUF, "Content-Encoding": "gzip"}),
    ):
        post(port, body, headers=headers)
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
        connection.sendall(
            b"POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: 9\r\n\r\nab"
        )
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1000) == b""
    assert intake.reserve(150_000)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"P",
        b"POST /v1/traces HTTP/1.1\r\nContent-",
        b"POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: 9\r\n\r\nab",
    ],
)
def test_a_sender_that_dribbles_is_closed(port: int, monkeypatch: pytest.MonkeyPatch, sent: bytes):
    monkeypatch.setattr(http_handler, "IDLE_S", 0.1)
    monkeypatch.setattr(http_handler, "REQUEST_S", 0.1)
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
        connection.sendall(sent)
        assert connection.recv(1000) == b""


def test_headers_are_not_read_without_an_end(port: int):
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
        line = b"X-A: " + b"a" * 1000 + b"\r\n"
        connection.sendall(b"POST /v1/traces HTTP/1.1\r\n" + line * (http_handler.HEAD_BYTES // len(line) + 2))
        answer = b""
        while chunk := _receive(connection):
            answer += chunk
        assert b" 200 " not in answer.partition(b"\r\n")[0]


def _receive(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1000)
    except ConnectionResetError:
        return b""
