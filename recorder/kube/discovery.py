"""Under which names a cluster serves a resource: clusters of ten years differ."""

from __future__ import annotations

from formats.errors import UnavailableError
from formats.rows.kube_json import Json, items, text
from formats.rows.kube_resources import Resource, Served
from recorder.kube.api_client import ApiClient, status_message


class Discovery:
    """Asks an API server what it serves, each group and version once.

    Args:
        client: the server.
    """

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._served: dict[str, frozenset[str] | None] = {}

    def find(self, resource: Resource) -> Served | None:
        """The preferred way in which a resource is served; None if it is not.

        Raises:
            UnavailableError: the server cannot be reached, or does not let us in.
        """
        for served in resource.served:
            plurals = self._plurals(served)
            if plurals is None or served.plural in plurals:
                return served
        return None

    def _plurals(self, served: Served) -> frozenset[str] | None:
        """Resources of a group and version that can be listed and watched; None if we may not ask."""
        path = served.group_path
        if path not in self._served:
            reply = self._client.get(path, timeout_s=5.0)
            if reply.status == 401:
                self._client.reload(self._client.generation)
                reply = self._client.get(path, timeout_s=5.0)
            if reply.status == 403:
                self._served[path] = None
            elif reply.status == 404:
                self._served[path] = frozenset()
            elif reply.status == 200 and reply.content is not None:
                self._served[path] = _watchable(reply.content)
            else:
                told = status_message(reply.content)
                raise UnavailableError(
                    f"the API server returned {reply.status} to API discovery{f' ({told})' if told else ''}",
                    where=f"{self._client.address}{path}",
                    next_step="check the credentials and the server's health",
                )
        return self._served[path]


def _watchable(listed: Json) -> frozenset[str]:
    return frozenset(
        text(resource, "name")
        for resource in items(listed, "resources")
        if {"list", "watch"} <= {verb for verb in items(resource, "verbs") if isinstance(verb, str)}
    )
