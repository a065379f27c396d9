"""Takes away exactly what `tapio fleet install` made: recorders first, so that they seal what they have recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from analyzer.fleet.cluster_objects import list_managed, name_of, path_of, read_object
from analyzer.fleet.kubernetes_cluster import SELECTOR as PODS
from analyzer.fleet.recorders import Cluster, Json
from formats.capture_kind import GROUP, PLURAL, VERSION
from formats.errors import MissingInputError, PermissionDeniedError, UnavailableError
from formats.rows.kube_json import field, items, text
from formats.text import escape_text

LOOK_S = 1.0
_LAST = ("Namespace",)
_FIRST = ("DaemonSet",)
_LEASE = "tapio-leader"
"""Made by the recorders, and not by install. The same name as in recorder/fleet/lease_objects.py."""
_LOOKED_AT = (
    ("v1", "Pod"),
    ("v1", "Service"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "ServiceAccount"),
    ("v1", "PersistentVolumeClaim"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "Job"),
)
"""Kinds of which a person may have put something into the namespace."""


@dataclass(frozen=True, slots=True)
class Installed:
    """What `tapio fleet install` made and is there.

    Attributes:
        objects: in the order in which they are deleted.
        nodes: that have a recorder, sorted.
        data_path: directory of the nodes with what was recorded; empty if not known.
        captures: how many Captures there are; they are deleted with their definition.
        others: what others have put into the namespace, which is therefore kept.
    """

    objects: tuple[Json, ...]
    nodes: tuple[str, ...]
    data_path: str
    captures: int
    others: tuple[str, ...]


def find_installed(cluster: Cluster, like: Sequence[Json]) -> Installed:
    """What there is to take away.

    Args:
        cluster: that it may be installed on.
        like: the manifests, for their kinds.
    """
    kinds = {content["kind"]: content for content in like}
    found = [content for manifest in kinds.values() for content in list_managed(cluster, manifest)]
    found = [content for content in found if content["kind"] != "Namespace" or _name(content) == cluster.namespace]
    has_namespace = any(content["kind"] == "Namespace" for content in found)
    others = _find_others(cluster, found) if has_namespace else ()
    if others:
        found = [content for content in found if content["kind"] != "Namespace"]
    if others or not has_namespace:
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
        lease["metadata"] = {"name": _LEASE, "namespace": cluster.namespace}  # type: ignore[assignment]
        if found and read_object(cluster, lease) is not None:
            found.append(lease)
    volumes = [
        volume
        for content in found
        if content["kind"] == "DaemonSet"
        for volume in items(field(field(field(content, "spec"), "template"), "spec"), "volumes")
    ]
    data = [text(field(volume, "hostPath"), "path") for volume in volumes if text(volume, "name") == "data"]
    return Installed(
        objects=tuple(sorted(found, key=_order)),
        nodes=tuple(sorted({pod.node for pod in cluster.list_recorders()})),
        data_path=escape_text(data[0], limit=300) if data else "",
        captures=_count_captures(cluster),
        others=others,
    )


def uninstall(
    cluster: Cluster,
    installed: Installed,
    *,
    seconds: float,
    told: Callable[[str], None],
    now: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> list[str]:
    """Delete it, and wait until it is gone.

    Args:
        cluster: that it is installed on.
        installed: of `find_installed`.
        seconds: longest wait for the recorders, and then for the rest.
        told: is called with each line that kubectl would print.
        now: reads a clock, s.
        pause: waits so many seconds.

    Returns:
        Names of what is still there after the wait.
    """
    recorders = [content for content in installed.objects if content["kind"] in _FIRST]
    rest = [content for content in installed.objects if content["kind"] not in _FIRST]
    for content in recorders:
        _delete(cluster, content, told)
    # A recorder that is still there would create the Lease again, and write to Captures.
    _wait(lambda: bool(recorders) and _has_pods(cluster), seconds, now, pause)
    for content in rest:
        _delete(cluster, content, told)
    left = list(installed.objects)

    def is_something_left() -> bool:
        left[:] = [content for content in left if read_object(cluster, content) is not None]
        return bool(left)

    _wait(is_something_left, seconds, now, pause)
    return [name_of(content) for content in left]


def _delete(cluster: Cluster, content: Json, told: Callable[[str], None]) -> None:
    with suppress(MissingInputError):  # somebody else was quicker
        cluster.request("DELETE", path_of(content), query={"propagationPolicy": "Background"})
        told(f"{name_of(content)} deleted")


def _wait(
    is_waiting: Callable[[], bool], seconds: float, now: Callable[[], float], pause: Callable[[float], None]
) -> None:
    deadline = now() + seconds
    while now() < deadline:
        with suppress(UnavailableError):
            if not is_waiting():
                return
        pause(LOOK_S)


def _has_pods(cluster: Cluster) -> bool:
    path = f"/api/v1/namespaces/{cluster.namespace}/pods"
    return bool(items(cluster.request("GET", path, query={"labelSelector": PODS}), "items"))


def _find_others(cluster: Cluster, found: Sequence[Json]) -> tuple[str, ...]:
    """What is in the namespace, and neither of the recorders nor put there by Kubernetes."""
    own = {(content["kind"], _name(content)) for content in found}
    others: list[str] = []
    for api_version, kind in _LOOKED_AT:
        root = "/apis" if "/" in api_version else "/api"
        path = f"{root}/{api_version}/namespaces/{cluster.namespace}/{kind.lower()}s"
        try:
            there = items(cluster.request("GET", path), "items")
        except PermissionDeniedError:
            others.append(f"perhaps {kind}s, which you may not list")
            continue
        others += [
            escape_text(f"{kind.lower()}/{_name(content)}", limit=300)
            for content in there
            if (kind, _name(content)) not in own and not _is_automatic(kind, content)
        ]
    return tuple(others)


def _is_automatic(kind: str, content: Json) -> bool:
    owners = [text(owner, "kind") for owner in items(field(content, "metadata"), "ownerReferences")]
    labels = field(field(content, "metadata"), "labels")
    return (
        (kind == "Pod" and "DaemonSet" in owners and text(labels, "app.kubernetes.io/name") == "tapio-recorder")
        or (kind == "ServiceAccount" and _name(content) == "default")
        or (kind == "ConfigMap" and _name(content) in ("kube-root-ca.crt", "openshift-service-ca.crt"))
        or (kind == "Secret" and text(content, "type") == "kubernetes.io/service-account-token")
    )


def _count_captures(cluster: Cluster) -> int:
    try:
        return len(items(cluster.request("GET", f"/apis/{GROUP}/{VERSION}/{PLURAL}"), "items"))
    except MissingInputError:
        return 0


def _order(content: Json) -> int:
    kind = content["kind"]
    return 0 if kind in _FIRST else 2 if kind in _LAST else 1


def _name(content: object) -> str:
    return text(field(content, "metadata"), "name")
