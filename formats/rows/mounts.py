"""Which file systems a node and its pods use, from a list of mounts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_POD_VOLUME = re.compile(r"/pods/(?P<uid>[0-9a-f-]{32,36})/volumes/(?P<plugin>[^/]+)/")
_PLUGINS_LEFT_OUT = frozenset(
    {"kubernetes.io~configmap", "kubernetes.io~secret", "kubernetes.io~projected", "kubernetes.io~downward-api"}
)
"""What the kubelet writes itself: nothing of the pod's grows there."""
_ALWAYS_FULL = frozenset({"squashfs", "iso9660", "erofs", "cramfs", "udf"})
"""Images that nobody writes to."""
_REMOTE = frozenset(
    {"9p", "afs", "autofs", "ceph", "cifs", "gfs2", "glusterfs", "lustre", "nfs", "nfs4", "ocfs2", "smb3"}
)
"""A server that does not answer holds up who asks how full they are, and it cannot be interrupted."""
_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One file system and where it can be reached.

    Attributes:
        device: `major:minor`.
        kind: its type, such as ext4.
        mount_point: in the mount namespace of the list.
        pod_uid: of the pod whose volume it is; None: it is the node's.
        is_read_only: whether it cannot be written through this mount, or at all.
    """

    device: str
    kind: str
    mount_point: str
    pod_uid: str | None
    is_read_only: bool


def read_mounts(text: str) -> list[Mount]:
    """The file systems that may fill up, from a /proc/PID/mountinfo: local disks, and volumes of pods in memory.

    Of several mounts of a device the one with the shortest path is listed: a pod's volume that lies on a file system of
    the node is the node's. Left out are images, file systems of the kernel, and all that are not local.

    Raises:
        ValueError: a line has another form.

    Source: kernel Documentation/filesystems/proc.rst, 3.5: id, parent, major:minor, root, mount point, options,
    optional fields, `-`, type, source, options of the file system.
    """
    found: dict[str, Mount] = {}
    for mount in sorted(_list_mounts(text), key=lambda one: (one.pod_uid is not None, len(one.mount_point))):
        found.setdefault(mount.device, mount)
    return sorted(found.values(), key=lambda one: one.mount_point)


def _list_mounts(text: str) -> Iterator[Mount]:
    for line in text.splitlines():
        head, dash, tail = line.partition(" - ")
        fields, rest = head.split(" "), tail.split(" ")
        if not dash or len(fields) < 6 or len(rest) < 3:
            raise ValueError(f"not a line of mountinfo: {line[:80]!r}")
        device, kind = fields[2], rest[0]
        mount_point = _ESCAPE.sub(lambda found: chr(int(found[1], 8)), fields[4])
        volume = _POD_VOLUME.search(mount_point + "/")
        is_in_memory = kind == "tmpfs" and volume is not None
        has_disk = not device.startswith("0:") or kind in {"btrfs", "zfs", "xfs"}
        if kind in _ALWAYS_FULL or kind in _REMOTE or kind.startswith("fuse") or not (has_disk or is_in_memory):
            continue
        if volume is not None and volume["plugin"] in _PLUGINS_LEFT_OUT:
            continue
        options = {*fields[5].split(","), *rest[2].split(",")}
        yield Mount(device, kind, mount_point, volume["uid"] if volume else None, "ro" in options)
