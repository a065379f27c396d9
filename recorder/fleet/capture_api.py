"""The requests about Captures, each one answer; the watch is a conversation of its own."""

from __future__ import annotations

from pathlib import Path

from formats.rows.kube_json import Json
from recorder.fleet.capture_objects import CAPTURES
from recorder.kube.api_client import ApiClient, Reply
from recorder.kube.cluster_access import SERVICE_ACCOUNT
from recorder.kube.watch import Target

DEFAULT_NAMESPACE = "tapio"


class CaptureApi:
    """The Captures of one namespace.

    Args:
        client: the API server.
        namespace: of the Captures.
    """

    def __init__(self, client: ApiClient, namespace: str) -> None:
        self._client = client
        self.target = Target(CAPTURES, namespace, metadata_only=True)
        """What is watched. Why metadata alone: every entry of a status would go to every recorder, and there are as
        many entries as recorders."""

    def list_one(self) -> Reply:
        """The first Capture of a list, to see whether Captures can be listed.

        Raises:
            UnavailableError: the API server cannot be reached.
        """
        return self._client.get(self.target.path, {"limit": "1"}, timeout_s=5.0, accept=self.target.accept("List"))

    def read(self, name: str) -> Reply:
        """One Capture; as `list_one`."""
        reply = self._client.get(f"{self.target.path}/{name}")
        if reply.status == 401:
            self._client.reload(self._client.generation)
            reply = self._client.get(f"{self.target.path}/{name}")
        return reply

    def create(self, content: Json) -> Reply:
        """Create a Capture; as `list_one`."""
        reply = self._client.post(self.target.path, content)
        if reply.status == 401:
            self._client.reload(self._client.generation)
            reply = self._client.post(self.target.path, content)
        return reply

    def patch_status(self, name: str, patch: Json) -> Reply:
        """Merge into the status of a Capture; the answer is the whole Capture; as `list_one`."""
        return self._client.merge_patch(f"{self.target.path}/{name}/status", patch)


def choose_namespace(configured: str, service_account: Path = SERVICE_ACCOUNT) -> str:
    """The namespace of the recorders: as configured, or that of the pod, or the one of the manifests."""
    if configured:
        return configured
    try:
        return (service_account / "namespace").read_text(encoding="ascii").strip() or DEFAULT_NAMESPACE
    except (OSError, ValueError):
        return DEFAULT_NAMESPACE
