"""What the desk needs of a cluster: the recorders' pods, Captures, and the output of a command in a pod."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Json = dict[str, Any]


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

    def list_recorders(self) -> list[RecorderPod]:
        """The pods of the DaemonSet, sorted by node."""

    def create_capture(self, content: Mapping[str, Any]) -> Json:
        """Create a Capture; as stored."""

    def read_capture(self, name: str) -> Json:
        """One Capture."""

    def list_captures(self) -> list[Json]:
        """All Captures, the newest first."""

    def run(self, pod: RecorderPod, command: Sequence[str]) -> Iterator[bytes]:
        """Standard output of a command in the recorder's container, piece by piece."""
