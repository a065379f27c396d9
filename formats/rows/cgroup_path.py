"""Whose cgroup it is: pod uid and container id from a cgroup path, as kubelets and container runtimes build it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_POD = re.compile(
    r"(?:^|[-:])pod(?P<uid>[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?(?=$|:)", re.ASCII
)
_CONTAINER = re.compile(r"(?:^|[-:])(?P<id>[0-9a-f]{32,64})(?:\.scope)?$", re.ASCII)
_MONITOR = "-conmon-"
"""`crio-conmon-ID.scope` and `libpod-conmon-ID.scope` hold the container's monitor, not the container."""
_WHOLE_ID = 64


@dataclass(frozen=True, slots=True)
class CgroupOwner:
    """Who a cgroup belongs to.

    Attributes:
        pod_uid: as the API server spells it, with dashes; a static pod's is the hash of its file; None if no pod's.
        container_id: without `containerd://`; None if no container's.
    """

    pod_uid: str | None
    container_id: str | None


NOBODY = CgroupOwner(None, None)


def read_cgroup_path(path: str) -> CgroupOwner:
    """Pod uid and container id of a cgroup path.

    Below a pod the container is the nearest id, so what a container nests (systemd, Docker in Docker, a whole
    cluster) still belongs to it. Without a pod only full ids of 64 digits count.

    Args:
        path: path in any hierarchy, e.g. `/kubepods/burstable/pod<uid>/<id>`, whatever it is nested in.

    Source: kubelet `cgroup_manager_linux.go` (cgroupfs and systemd drivers), containerd `cri-containerd-ID.scope`,
        CRI-O `crio-ID.scope`, Docker `docker-ID.scope`, podman `libpod-ID.scope`; `SLICE:cri-containerd:ID` is what
        containerd makes of a systemd path without its systemd driver.
    """
    pod_uid: str | None = None
    container_id: str | None = None
    for component in path.split("/"):
        if pod_uid is None and (pod := _POD.search(component)) is not None:
            pod_uid = pod["uid"].replace("_", "-")
            container_id = None
            if ":" not in component:
                continue
        if pod_uid is not None and container_id is not None:
            break
        container = _CONTAINER.search(component)
        if container is None or _MONITOR in component:
            continue
        if pod_uid is not None or len(container["id"]) == _WHOLE_ID:
            container_id = container["id"]
    return CgroupOwner(pod_uid, container_id) if pod_uid or container_id else NOBODY
