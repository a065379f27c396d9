"""A container runtime that does as a test says, behind a real gRPC server. `tests/cluster` compares it with containerd."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc

from recorder.cri.messages import MESSAGES

NAMESPACE, POD, UID = "shop", "api-1", "65a6e55d-b724-4ec3-8525-4d21ee11553c"
SECOND = 1_000_000_000
BORN = 1_795_000_000 * SECOND


@dataclass(frozen=True)
class FakeContainer:
    """One container of the fake runtime; the numbers of the states are those of api.proto."""

    container_id: str
    sandbox_id: str = "s1"
    name: str = "api"
    attempt: int = 0
    state: int = 1
    created_at: int = BORN
    started_at: int = BORN + SECOND
    finished_at: int = 0
    exit_code: int = 0
    reason: str = ""
    log_path: str = ""


class FakeRuntime:
    """A server at a socket.

    Args:
        socket: where it listens.
        version: of the interface that it speaks.
        has_events: whether it has GetContainerEvents.
    """

    def __init__(self, socket: Path, *, version: str = "v1", has_events: bool = True) -> None:
        self.socket = socket
        self.version = version
        self.has_events = has_events
        self.containers: dict[str, FakeContainer] = {}
        self.sandboxes: dict[str, str] = {"s1": POD}
        self.calls: list[str] = []
        self.extra = b""
        """Bytes after every message: fields that the recorder does not know."""
        self.answers: dict[str, bytes] = {}
        """Bytes that are sent for a method in place of its answer."""
        self.held = threading.Event()
        """Answers wait until it is set."""
        self.held.set()
        self._event = threading.Condition()
        self._events = 0
        self._has_stopped = False
        self._subscribers = threading.Semaphore(0)
        self._server: grpc.Server | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen."""
        self._has_stopped = False
        self._server = grpc.server(ThreadPoolExecutor(4))
        self._server.add_generic_rpc_handlers((_Handler(self),))
        self._server.add_insecure_port(f"unix:{self.socket}")
        self._server.start()

    def stop(self) -> None:
        """Close all connections and the socket."""
        self.held.set()
        with self._event:
            self._has_stopped = True
            self._event.notify_all()
        if self._server is not None:
            self._server.stop(0).wait()
            self._server = None
        self.socket.unlink(missing_ok=True)

    def put(self, container: FakeContainer) -> None:
        """Add or replace a container, and tell who listens."""
        self.containers[container.container_id] = container
        self.tell()

    def crash(self, container_id: str, *, exit_code: int = 1, seconds: int = 2) -> None:
        """Let a container exit."""
        one = self.containers[container_id]
        finished = one.started_at + seconds * SECOND
        self.put(replace(one, state=2, finished_at=finished, exit_code=exit_code, reason="Error"))

    def remove(self, container_id: str) -> None:
        """Remove a container."""
        del self.containers[container_id]
        self.tell()

    def tell(self) -> None:
        """Send an event."""
        with self._event:
            self._events += 1
            self._event.notify_all()

    def await_subscriber(self) -> None:
        """Wait until somebody listens to events."""
        assert self._subscribers.acquire(timeout=20)

    def answer(self, method: str, request: bytes) -> bytes:
        """The answer to one call."""
        self.calls.append(method)
        self.held.wait(20)
        if method in self.answers:
            return self.answers[method]
        made = {
            "Version": self._version_response,
            "ListContainers": self._containers_response,
            "ListPodSandbox": self._sandboxes_response,
            "ContainerStatus": self._status_response,
        }
        return made[method](request).SerializeToString() + self.extra

    def stream_events(self) -> Iterator[bytes]:
        """An event for each call of `tell`."""
        with self._event:
            told = self._events
            self._subscribers.release()
            while not self._has_stopped:
                self._event.wait(1)
                if self._events > told:
                    told = self._events
                    yield b"\x0a\x02c1"

    def _version_response(self, _: bytes):
        return MESSAGES["VersionResponse"](runtime_name="fake", runtime_version="1.0")

    def _containers_response(self, _: bytes):
        answer = MESSAGES["ListContainersResponse"]()
        for one in self.containers.values():
            told = answer.containers.add(
                id=one.container_id, pod_sandbox_id=one.sandbox_id, state=one.state, created_at=one.created_at
            )
            told.metadata.name, told.metadata.attempt = one.name, one.attempt
        return answer

    def _sandboxes_response(self, _: bytes):
        answer = MESSAGES["ListPodSandboxResponse"]()
        for sandbox_id, pod in self.sandboxes.items():
            told = answer.items.add(id=sandbox_id, created_at=BORN)
            told.metadata.name, told.metadata.uid, told.metadata.namespace = pod, UID, NAMESPACE
        return answer

    def _status_response(self, request: bytes):
        one = self.containers[MESSAGES["ContainerStatusRequest"].FromString(request).container_id]
        answer = MESSAGES["ContainerStatusResponse"]()
        status = answer.status
        status.id, status.state, status.created_at = one.container_id, one.state, one.created_at
        status.started_at, status.finished_at, status.exit_code = one.started_at, one.finished_at, one.exit_code
        status.reason, status.log_path = one.reason, one.log_path
        status.metadata.name, status.metadata.attempt = one.name, one.attempt
        status.image.image, status.image_ref = "registry.test/api:1.0", "sha256:abc"
        return answer


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, runtime: FakeRuntime) -> None:
        self._runtime = runtime

    def service(self, details):
        package, _, method = details.method.strip("/").partition(".RuntimeService/")
        if package != f"runtime.{self._runtime.version}":
            return None
        if method == "GetContainerEvents":
            return grpc.unary_stream_rpc_method_handler(self._stream) if self._runtime.has_events else None
        return grpc.unary_unary_rpc_method_handler(self._answer(method))

    def _answer(self, method: str) -> Callable[[bytes, grpc.ServicerContext], bytes]:
        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            try:
                return self._runtime.answer(method, request)
            except KeyError:
                context.abort(grpc.StatusCode.NOT_FOUND, "no such container")
                raise

        return answer

    def _stream(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        return self._runtime.stream_events()
