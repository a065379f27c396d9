"""Objects of a cluster by their manifests: where they are, how people read their names, and how they are applied."""

from __future__ import annotations

from typing import Final

from analyzer.fleet.manifests import is_cluster_wide
from analyzer.fleet.recorders import Cluster, Json
from formats.errors import MissingInputError
from formats.rows.kube_json import field, items, text
from formats.text import escape_text

MANAGER: Final = "tapio-fleet"
"""The field manager, and the value of `MANAGED_BY` on what `tapio fleet install` made."""
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
SELECTOR: Final = f"{MANAGED_BY}={MANAGER}"
_SERVER_METADATA = frozenset({"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"})


def collection_path(api_version: str, kind: str, namespace: str) -> str:
    """The URL path of all objects of a kind; in that namespace, if they are in one."""
    root = "/apis" if "/" in api_version else "/api"
    place = "" if is_cluster_wide(kind) else f"/namespaces/{namespace}"
    return f"{root}/{api_version}{place}/{kind.lower()}s"


def path_of(content: Json) -> str:
    """The URL path of an object."""
    metadata = content["metadata"]
    collection = collection_path(content["apiVersion"], content["kind"], metadata.get("namespace", ""))
    return f"{collection}/{metadata['name']}"


def name_of(content: Json) -> str:
    """An object as kubectl prints it, such as `daemonset.apps/tapio-recorder`."""
    group = content["apiVersion"].rpartition("/")[0]
    kind = f"{content['kind'].lower()}.{group}" if group else content["kind"].lower()
    return escape_text(f"{kind}/{content['metadata']['name']}", limit=300)


def label_of(content: Json | None, label: str) -> str:
    """The value of a label; empty if there is none."""
    return text(field(field(content, "metadata"), "labels"), label)


def read_object(cluster: Cluster, content: Json) -> Json | None:
    """The object of a manifest as the cluster has it; None if it has none."""
    try:
        return cluster.request("GET", path_of(content))
    except MissingInputError:
        return None


def list_managed(cluster: Cluster, like: Json) -> list[Json]:
    """The objects of a manifest's kind that `tapio fleet install` made."""
    api_version, kind = like["apiVersion"], like["kind"]
    path = collection_path(api_version, kind, cluster.namespace)
    answer = cluster.request("GET", path, query={"labelSelector": SELECTOR})
    return [
        {**found, "apiVersion": api_version, "kind": kind}
        for found in items(answer, "items")
        if isinstance(found, dict)
    ]


def apply_object(cluster: Cluster, content: Json, *, force: bool, dry_run: bool) -> Json:
    """Apply a manifest on the server's side (Kubernetes: Server-Side Apply); the object as it is then.

    Raises:
        ConflictError: another manager set a field to another value, and `force` is not given.
    """
    query = {"fieldManager": MANAGER, "force": "true" if force else "false", **({"dryRun": "All"} if dry_run else {})}
    return cluster.request(
        "PATCH", path_of(content), query=query, body=content, content_type="application/apply-patch+yaml"
    )


def is_same(before: Json, after: Json) -> bool:
    """Whether a write changed nothing that a person would call a change."""
    return _essence(before) == _essence(after)


def _essence(content: Json) -> Json:
    kept = {key: value for key, value in content.items() if key != "status"}
    metadata = {key: value for key, value in field(content, "metadata").items() if key not in _SERVER_METADATA}
    annotations = field(metadata, "annotations")
    # A counter that the DaemonSet's strategy keeps.
    annotations = {key: value for key, value in annotations.items() if not key.startswith("deprecated.daemonset.")}
    return {**kept, "metadata": {**metadata, "annotations": annotations}}
