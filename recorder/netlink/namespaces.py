"""The network namespaces of the node and of its pods, each with a process that is in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from formats.rows.cgroup_path import read_cgroup_path
from recorder.cgroup_tree import find_hierarchies, list_recorded_cgroups, read_text
from recorder.source import SourceContext


@dataclass(frozen=True, slots=True)
class Namespace:
    """One network namespace.

    Attributes:
        inode: which tells namespaces apart.
        pod_uid: None for that of the node.
        files: `/proc/PID/net` of a process in it.
        handle: `/proc/PID/ns/net` of the same.
    """

    inode: int
    pod_uid: str | None
    files: Path
    handle: Path


def find_node_namespace(context: SourceContext) -> Namespace:
    """That of process 1; what cannot be read of it is as if it were that of this program."""
    for pid in ("1", "self"):
        place = context.proc / pid
        try:
            return Namespace(os.stat(place / "ns/net").st_ino, None, place / "net", place / "ns/net")  # noqa: PTH116 - follows
        except OSError:
            continue
    place = context.proc / "self"
    return Namespace(0, None, place / "net", place / "ns/net")


def find_pod_namespaces(context: SourceContext, node: Namespace, limit: int) -> tuple[list[Namespace], str]:
    """Those of the pods that do not use the node's own.

    Args:
        context: of the source, with its options `roots` and `max_cgroups`.
        node: the node's own.
        limit: maximum number of pods.

    Returns:
        The namespaces in the order of pods, and a sentence for the status if that is not all of them, else "".
    """
    hierarchies = find_hierarchies(context.sysfs)
    tree = hierarchies.v1.get("memory") or hierarchies.unified or hierarchies.v1.get("cpu")
    if tree is None:
        return [], "there is no cgroup hierarchy: which interfaces are whose pods' is not known"
    paths, detail = list_recorded_cgroups(tree, context)
    found: dict[int, Namespace] = {}
    unread = 0
    for uid, pid in sorted(_find_processes(tree, paths).items()):
        place = context.proc / str(pid)
        try:
            inode = os.stat(place / "ns/net").st_ino  # noqa: PTH116 - follows the link of the kernel
        except PermissionError:
            unread += 1
            continue
        except OSError:
            continue  # it has ended
        if inode == node.inode or inode in found:
            continue
        if len(found) >= limit:
            return list(found.values()), f"only the first {limit} pods are followed: raise max_namespaces"
        found[inode] = Namespace(inode, uid, place / "net", place / "ns/net")
    if unread:
        detail = f"the network namespaces of {unread} pods cannot be read: the recorder needs CAP_SYS_PTRACE"
    return list(found.values()), detail


def _find_processes(tree: Path, paths: list[str]) -> dict[str, int]:
    """The process with the least pid of each pod: usually that of its sandbox, which stays to the end."""
    pids: dict[str, int] = {}
    for path in paths:
        uid = read_cgroup_path(path).pod_uid
        if uid is not None:
            for pid in _read_pids(f"{tree}{path}/cgroup.procs"):
                pids[uid] = min(pid, pids.get(uid, pid))
    return pids


def _read_pids(file: str) -> Iterator[int]:
    return (int(pid) for pid in read_text(file).split() if pid.isdecimal() and pid != "0")
