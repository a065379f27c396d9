"""A container runtime: where its socket is, which version of the interface it speaks, and what it tells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from formats.errors import UnavailableError
from formats.rows.container import Container, ContainerState, Listing, Sandbox
from recorder.cri.grpc_connection import NOT_FOUND, UNIMPLEMENTED, GrpcConnection, GrpcStatusError
from recorder.cri.messages import MESSAGES
from recorder.host_files import find_on_host

SOCKETS = (
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/k3s/containerd/containerd.sock",
    "/run/cri-dockerd.sock",
)
"""Where runtimes listen if nobody said otherwise: containerd, CRI-O, k3s and RKE2, cri-dockerd."""
VERSIONS = ("v1", "v1alpha2")
"""Versions of the interface, the newest first. Kubernetes asks for v1 since 1.23, and for nothing else since 1.26."""
_STATES = {0: ContainerState.CREATED, 1: ContainerState.RUNNING, 2: ContainerState.EXITED}
_READY = 0


def find_sockets(configured: str, proc: Path) -> list[Path]:
    """Where a runtime may listen, as this program sees it, the most likely first.

    Args:
        configured: the option `socket`; empty: the usual places.
        proc: the host's /proc.
    """
    return [path for place in ([configured] if configured else SOCKETS) for path in find_on_host(place, proc)]


class Runtime:
    """A connection to a runtime.

    Args:
        sockets: where it may listen; the first that answers is taken.
        timeout_s: longest time for one call.

    Raises:
        UnavailableError: there is none, or it speaks no version that is known.

    Attributes:
        socket: where it listens.
        version: of the interface.
        name: what it calls itself, with its version.
    """

    def __init__(self, sockets: Sequence[Path], timeout_s: float) -> None:
        problem: UnavailableError | None = None
        for place in sockets:
            try:
                if not place.is_socket():
                    continue
            except OSError:  # a place that may not be looked at
                continue
            try:
                self._connection = GrpcConnection(place, timeout_s)
            except UnavailableError as error:
                problem = problem or error
                continue
            self.socket = place
            self.version, self.name = self._negotiate()
            return
        raise problem or UnavailableError(
            "no socket of a container runtime",
            where=str(sockets[0]) if sockets else None,
            next_step="set `socket` of the source `container`, and mount its directory into the recorder's container",
        )

    def list(self) -> Listing:
        """All sandboxes and containers.

        Raises:
            UnavailableError: the runtime is gone, too slow, or answers what cannot be read.
        """
        # Containers first: of a container that is younger than the list of sandboxes, the sandbox would be unknown.
        containers = self._ask("ListContainers", "ListContainersRequest", "ListContainersResponse").containers
        sandboxes = self._ask("ListPodSandbox", "ListPodSandboxRequest", "ListPodSandboxResponse").items
        return Listing([_read_sandbox(one) for one in sandboxes], [_read_container(one) for one in containers])

    def get_status(self, container_id: str) -> Container | None:
        """All about one container; None if it is gone.

        Raises:
            UnavailableError: the runtime is gone, too slow, or answers what cannot be read.
        """
        try:
            answer = self._ask(
                "ContainerStatus", "ContainerStatusRequest", "ContainerStatusResponse", container_id=container_id
            )
        except GrpcStatusError as error:
            if error.code == NOT_FOUND:
                return None
            raise
        return _read_status(answer.status)

    def subscribe(self) -> None:
        """Let the runtime tell when something happens to a container; one that cannot ends the stream."""
        self._connection.subscribe(self._path("GetContainerEvents"), MESSAGES["GetEventsRequest"]().SerializeToString())

    @property
    def is_subscribed(self) -> bool:
        """Whether the runtime tells when something happens."""
        return self._connection.is_subscribed

    def wait(self, seconds: float) -> bool:
        """Wait until the runtime tells that something happened, at most so long; whether it did."""
        return self._connection.wait(seconds)

    def interrupt(self) -> None:
        """End what waits. Any thread may call it."""
        self._connection.interrupt()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _negotiate(self) -> tuple[str, str]:
        """The version of the interface, and the name of the runtime."""
        for version in VERSIONS:
            self.version = version
            try:
                answer = self._ask("Version", "VersionRequest", "VersionResponse")
            except GrpcStatusError as error:
                if error.code == UNIMPLEMENTED:
                    continue
                self.close()
                raise
            except UnavailableError:
                self.close()
                raise
            return version, f"{answer.runtime_name[:64]} {answer.runtime_version[:64]}"
        self.close()
        raise UnavailableError(
            f"the container runtime speaks neither of runtime.{' and runtime.'.join(VERSIONS)}",
            where=str(self.socket),
            next_step="update the container runtime, or turn off the plugin that disables its CRI",
        )

    def _path(self, method: str) -> str:
        return f"/runtime.{self.version}.RuntimeService/{method}"

    def _ask(self, method: str, request: str, answer: str, **fields: str) -> Any:
        data = self._connection.call(self._path(method), MESSAGES[request](**fields).SerializeToString())
        try:
            return MESSAGES[answer].FromString(data)
        except DecodeError as error:
            raise UnavailableError(
                f"the container runtime's answer to {method} cannot be read",
                where=str(self.socket),
                next_step="update the container runtime or the recorder",
            ) from error


def _read_sandbox(told: Any) -> Sandbox:
    return Sandbox(
        sandbox_id=told.id,
        namespace=told.metadata.namespace,
        pod=told.metadata.name,
        pod_uid=told.metadata.uid,
        attempt=told.metadata.attempt,
        is_ready=told.state == _READY,
        created_ns=told.created_at,
    )


def _read_container(told: Any) -> Container:
    return Container(
        container_id=told.id,
        sandbox_id=told.pod_sandbox_id,
        name=told.metadata.name,
        attempt=told.metadata.attempt,
        state=_STATES.get(told.state, ContainerState.UNKNOWN),
        created_ns=told.created_at,
    )


def _read_status(told: Any) -> Container:
    return Container(
        container_id=told.id,
        sandbox_id="",
        name=told.metadata.name,
        attempt=told.metadata.attempt,
        state=_STATES.get(told.state, ContainerState.UNKNOWN),
        created_ns=told.created_at,
        started_ns=told.started_at,
        finished_ns=told.finished_at,
        exit_code=told.exit_code,
        reason=told.reason,
        image=told.image.image,
        image_id=told.image_ref,
        log_path=told.log_path,
    )
