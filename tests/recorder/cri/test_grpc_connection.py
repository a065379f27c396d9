"""Calls over a Unix socket, to a real gRPC server and to servers that are none."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import pytest

from formats.errors import UnavailableError
from recorder.cri.grpc_connection import MAX_MESSAGE, NOT_FOUND, UNIMPLEMENTED, GrpcConnection, GrpcStatusError
from recorder.cri.messages import MESSAGES
from tests.recorder.cri.fake_runtime import FakeContainer, FakeRuntime

LIST = "/runtime.v1.RuntimeService/ListContainers"
EVENTS = "/runtime.v1.RuntimeService/GetContainerEvents"


@contextmanager
def connected(path: Path, timeout_s: float = 20.0) -> Iterator[GrpcConnection]:
    connection = GrpcConnection(path, timeout_s)
    try:
        yield connection
    finally:
        connection.close()


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[FakeRuntime]:
    with FakeRuntime(tmp_path / "s.sock") as running:
        yield running


@contextmanager
def serving(path: Path, behave: Callable[[socket.socket], None]) -> Iterator[None]:
    """A server that does with its one connection what a test says."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1)

    def serve() -> None:
        accepted, _ = listener.accept()
        with accepted:
            behave(accepted)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        listener.close()
        thread.join(20)


def test_answers_of_any_size_arrive(runtime: FakeRuntime) -> None:
    runtime.containers = {str(number): FakeContainer(str(number), name="n" * 200) for number in range(5000)}
    with connected(runtime.socket) as connection:
        for _ in range(3):  # more than the window of a connection, which must be opened again
            answer = MESSAGES["ListContainersResponse"].FromString(connection.call(LIST, b""))
            assert len(answer.containers) == 5000


def test_what_the_server_refuses_has_its_code(runtime: FakeRuntime) -> None:
    with connected(runtime.socket) as connection:
        status = MESSAGES["ContainerStatusRequest"](container_id="gone").SerializeToString()
        with pytest.raises(GrpcStatusError, match="no such container") as caught:
            connection.call("/runtime.v1.RuntimeService/ContainerStatus", status)
        assert caught.value.code == NOT_FOUND
        with pytest.raises(GrpcStatusError) as caught:
            connection.call("/runtime.v9.RuntimeService/Version", b"")
        assert caught.value.code == UNIMPLEMENTED
        assert connection.call(LIST, b"") == b"", "the connection goes on"


def test_an_event_is_heard_while_it_waits(runtime: FakeRuntime) -> None:
    with connected(runtime.socket) as connection:
        connection.subscribe(EVENTS, b"")
        runtime.await_subscriber()
        assert not connection.wait(0)
        runtime.tell()
        assert connection.wait(20)
        assert not connection.wait(0)
        assert connection.is_subscribed


def test_an_event_that_comes_during_a_call_is_heard_afterwards(runtime: FakeRuntime) -> None:
    with connected(runtime.socket) as connection:
        connection.subscribe(EVENTS, b"")
        runtime.await_subscriber()
        runtime.tell()
        while not connection._has_news:
            connection.call(LIST, b"")
        assert connection.wait(0)


def test_a_server_without_events_ends_the_stream_at_once(tmp_path: Path) -> None:
    with FakeRuntime(tmp_path / "s.sock", has_events=False) as runtime, connected(runtime.socket) as connection:
        connection.subscribe(EVENTS, b"")
        assert not connection.wait(20)
        assert not connection.is_subscribed
        assert connection.call(LIST, b"") == b""


def test_a_server_that_does_not_answer_in_time_is_given_up(runtime: FakeRuntime) -> None:
    runtime.held.clear()
    with (
        connected(runtime.socket, timeout_s=0.05) as connection,
        pytest.raises(UnavailableError, match="no answer within"),
    ):
        connection.call(LIST, b"")


def test_a_server_that_stops_is_noticed_while_waiting(runtime: FakeRuntime) -> None:
    with connected(runtime.socket) as connection:
        connection.call(LIST, b"")
        runtime.stop()
        with pytest.raises(UnavailableError, match="cannot be reached"):  # noqa: PT012 - it may hear the goodbye first
            while True:
                connection.wait(20)


def test_what_waits_can_be_interrupted_by_another_thread(runtime: FakeRuntime) -> None:
    with connected(runtime.socket) as connection:
        timer = threading.Timer(0.01, connection.interrupt)
        timer.start()
        with pytest.raises(UnavailableError, match="closes the source"):
            connection.wait(20)
        timer.join()


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 100, b""])
def test_a_server_that_is_not_grpc_is_said_so(tmp_path: Path, answer: bytes) -> None:
    def behave(accepted: socket.socket) -> None:
        accepted.recv(1)
        accepted.sendall(answer)

    with serving(tmp_path / "s.sock", behave), pytest.raises(UnavailableError, match="cannot be reached"):  # noqa: SIM117
        with connected(tmp_path / "s.sock") as connection:
            connection.call(LIST, b"")


def answering(data: bytes, *, trailers: bool) -> Callable[[socket.socket], None]:
    """Speaks HTTP/2, and answers with these bytes of data."""

    def behave(accepted: socket.socket) -> None:
        http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        http.initiate_connection()
        left = memoryview(data)
        stream = None
        accepted.sendall(http.data_to_send())
        while received := accepted.recv(65536):
            for event in http.receive_data(received):
                if isinstance(event, h2.events.RequestReceived):
                    stream = event.stream_id
                    http.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
            while stream is not None and left and (room := http.local_flow_control_window(stream)):
                piece = left[: min(room, http.max_outbound_frame_size)]
                http.send_data(stream, bytes(piece))
                left = left[len(piece) :]
            if stream is not None and not left:
                if trailers:
                    http.send_headers(stream, [("grpc-status", "0")], end_stream=True)
                else:
                    http.end_stream(stream)
                stream = None
            try:
                accepted.sendall(http.data_to_send())
            except OSError:
                return

    return behave


@pytest.mark.parametrize(
    ("data", "trailers", "problem"),
    [
        (b"\0\0\0\0\x09short", True, "not a message of gRPC"),
        (b"", True, "not a message of gRPC"),
        (b"\1\0\0\0\0", True, "not a message of gRPC"),  # compressed, which was not asked for
        (b"\0\0\0\0\0", False, "HTTP status 200"),
        (b"\0\xff\xff\xff\xff" + b"x" * (MAX_MESSAGE + 1), True, "more than 16 MiB"),
    ],
    ids=["short", "empty", "compressed", "no-status", "huge"],
)
def test_malformed_answers_are_refused(tmp_path: Path, data: bytes, trailers: bool, problem: str) -> None:
    with serving(tmp_path / "s.sock", answering(data, trailers=trailers)):  # noqa: SIM117
        with connected(tmp_path / "s.sock") as connection, pytest.raises(UnavailableError, match=problem):
            connection.call(LIST, b"")


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot be reached") as caught:
        GrpcConnection(tmp_path / "none.sock", 1.0)
    assert caught.value.next_step
