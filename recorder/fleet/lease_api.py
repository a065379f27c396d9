"""The requests about the Lease, each one answer; the watch is a conversation of its own."""

from __future__ import annotations

from formats.rows.kube_json import Json
from recorder.fleet.lease_objects import LEASE_NAME, LEASES
from recorder.kube.api_client import ApiClient, Reply
from recorder.kube.watch import Target

ANSWER_S = 3.0
"""Longest wait for an answer. Why so short: a leader must be able to ask twice before its term is over."""


class LeaseApi:
    """The Lease of the recorders of one cluster.

    Args:
        client: the API server.
        namespace: of the Lease.
    """

    def __init__(self, client: ApiClient, namespace: str) -> None:
        self._client = client
        self.namespace = namespace
        self.target = Target(LEASES, namespace, field_selector=f"metadata.name={LEASE_NAME}")
        """What is watched. The selector makes it a request for one object: a role can allow that by `resourceNames`."""

    def list_one(self) -> Reply:
        """A list with the Lease, if there is one, to see whether it can be listed.

        Raises:
            UnavailableError: the API server cannot be reached.
        """
        query = {"fieldSelector": self.target.field_selector}
        return self._client.get(self.target.path, query, timeout_s=5.0)

    def create(self, content: Json) -> Reply:
        """Create the Lease; as `list_one`."""
        reply = self._client.post(self.target.path, content, timeout_s=ANSWER_S)
        if reply.status == 401:
            self._client.reload(self._client.generation)
            reply = self._client.post(self.target.path, content, timeout_s=ANSWER_S)
        return reply

    def update(self, content: Json) -> Reply:
        """Replace the Lease, if nobody else has written since; as `list_one`."""
        path = f"{self.target.path}/{LEASE_NAME}"
        reply = self._client.put(path, content, timeout_s=ANSWER_S)
        if reply.status == 401:
            self._client.reload(self._client.generation)
            reply = self._client.put(path, content, timeout_s=ANSWER_S)
        return reply
