"""What the desk needs of a cluster: the recorders' pods, Captures, output and logs of a pod, and any object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from formats.errors import ConfigurationError

Json = dict[str, Any]


class ConflictError(ConfigurationError):
    """The API server refused a write because of what others wrote, or because the object exists."""


@dataclass(frozen=True, slots=True)
class RecorderPod:
    """One recorder.

    Attributes:
        node: that it records.
        name: of the pod.
        is_ready: whether its probe succeeds; others take part in a Capture when they are back.
        state: the phase of the pod, for people.
    """

    node: str
    name: str
    is_ready: bool
    state: str


class Cluster(Protocol):
    """One namespace of a cluster. Every method raises `TapioError` with a sentence."""

    namespace: str
    address: str
    """URL of the API server, for people."""

    def list_recorders(self) -> list[RecorderPod]:
        """The pods of the DaemonSet, sorted by node."""

    def create_capture(self, content: Mapping[str, Any]) -> Json:
        """Create a Capture; as stored."""

    def read_capture(self, name: str) -> Json:
        """One Capture."""

    def list_captures(self) -> list[Json]:
        """All Captures, the newest first."""

    def delete_capture(self, name: str) -> None:
        """Delete a Capture; the files stay on the nodes."""

    def run(self, pod: RecorderPod, command: Sequence[str]) -> Iterator[bytes]:
        """Standard output of a command in the recorder's container, piece by piece."""

    def read_log(self, pod: RecorderPod, options: Mapping[str, str]) -> Iterator[bytes]:
        """The log of the recorder's container, piece by piece; `options` as the API server names them."""

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        content_type: str = "application/json",
    ) -> Json:
        """One request of JSON for one answer of JSON."""
