"""The cgroups of the node: where their hierarchies are mounted, which ones there are, and their ids."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recorder.source import SourceContext

_SEARCH_DEPTH = 4
"""kubepods lies at the root, or below a node's own cgroup: `/docker/<id>/kubelet/kubepods` with kind."""

_LEAF_LINKS = 2
"""A directory has one link from its parent, one from itself, and one from each child (kernfs and most file systems)."""


_FILES_V1 = {
    "memory": "memory.usage_in_bytes",
    "cpu": "cpu.cfs_period_us",
    "cpuacct": "cpuacct.usage",
    "freezer": "cgroup.procs",
}
"""A file of each cgroup v1 controller: a directory of its name may also be empty."""


@dataclass(frozen=True, slots=True)
class CgroupHierarchies:
    """Where the cgroup trees are mounted.

    Attributes:
        unified: the cgroup2 tree, whose inode numbers are the cgroup ids; None if there is none.
        v1: the mounts of the cgroup v1 controllers `memory`, `cpu`, `cpuacct` and `freezer`; without those that
            the cgroup2 tree controls, or that do not exist.
    """

    unified: Path | None
    v1: Mapping[str, Path]

    def find_tree(self, controller: str) -> tuple[Path, int] | None:
        """The tree with the files of a controller, and its cgroup version; None if no tree has them."""
        if controller in self.v1:
            return self.v1[controller], 1
        if self.unified is not None and controller in read_text(self.unified / "cgroup.controllers").split():
            return self.unified, 2
        return None


def find_hierarchies(sysfs: Path) -> CgroupHierarchies:
    """The cgroup trees below a /sys: v2 alone, v1 alone, or hybrid (v1 controllers and `unified`)."""
    mounts = sysfs / "fs" / "cgroup"
    unified = next((tree for tree in (mounts, mounts / "unified") if (tree / "cgroup.controllers").is_file()), None)
    v1 = {name: mounts / name for name, file in _FILES_V1.items() if (mounts / name / file).is_file()}
    return CgroupHierarchies(unified, v1)


def find_kubepods(hierarchy: Path) -> tuple[str, ...]:
    """The cgroups that kubelets keep their pods in, `kubepods` or `…kubepods.slice`, wherever they are nested."""
    found: list[str] = []
    waiting = [("", 0)]
    while waiting:
        path, depth = waiting.pop()
        for child in _children(hierarchy, path):
            name = child.rpartition("/")[2]
            if name == "kubepods" or name.endswith("kubepods.slice"):
                found.append(child)
            elif depth + 1 < _SEARCH_DEPTH:
                waiting.append((child, depth + 1))
    return tuple(sorted(found))


def list_cgroups(hierarchy: Path, roots: Sequence[str], *, limit: int) -> tuple[list[str], bool]:
    """The cgroups at and below some roots.

    Args:
        hierarchy: where the tree is mounted.
        roots: paths below it; `/` is the whole tree. Those that do not exist are omitted.
        limit: most paths that are listed.

    Returns:
        Paths that begin with `/`, parents before children, and whether that is all of them.
    """
    paths: list[str] = []
    waiting = [root.rstrip("/") for root in reversed(roots) if (hierarchy / root.strip("/")).is_dir()]
    seen = set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        if len(paths) >= limit:
            return paths, False
        seen.add(path)
        paths.append(path or "/")
        waiting.extend(sorted(_children(hierarchy, path), reverse=True))
    return paths, True


def list_recorded_cgroups(hierarchy: Path, context: SourceContext) -> tuple[list[str], str]:
    """The cgroups that a source looks at: those of `--cgroup`, else of its option `roots`, else the pods'.

    Args:
        hierarchy: where the tree is mounted.
        context: of the source, with its options `roots` and `max_cgroups`.

    Returns:
        Paths as `list_cgroups` gives them, and a sentence for the status if that is not all of them, else "".
    """
    roots = context.cgroup_paths or tuple(context.options["roots"]) or find_kubepods(hierarchy)
    limit = int(context.options["max_cgroups"])
    paths, complete = list_cgroups(hierarchy, roots, limit=limit)
    return paths, "" if complete else f"only the first {limit} cgroups are read: raise max_cgroups or narrow roots"


def read_cgroup_id(unified: Path | None, path: str) -> int:
    """The cgroup's id: the inode of its directory in the cgroup2 tree; 0 if it has none."""
    if unified is None:
        return 0
    try:
        return (unified / path.lstrip("/")).stat().st_ino
    except OSError:
        return 0


def is_frozen(unified: Path, path: str) -> bool:
    """Whether all tasks of a cgroup of the cgroup2 tree are frozen, by its own freezer or by that of one above it."""
    return "frozen 1" in read_text(f"{unified}{path}/cgroup.events").splitlines()


def is_frozen_v1(freezer: Path, path: str) -> bool:
    """The same in the cgroup v1 freezer hierarchy."""
    return read_text(f"{freezer}{path}/freezer.state") == "FROZEN\n"


def read_cgroup_id_by_pid(unified: Path | None, roots: Sequence[str], *, limit: int) -> dict[int, int]:
    """The cgroup id of every process at and below some cgroups; empty without a cgroup2 tree.

    From the cgroups' lists of processes, not from /proc/PID/cgroup: in a cgroup namespace of its own, as in a
    container, the recorder would read paths there that are relative to its own cgroup.
    """
    if unified is None:
        return {}
    ids: dict[int, int] = {}
    for path in list_cgroups(unified, roots, limit=limit)[0]:
        cgroup_id = read_cgroup_id(unified, path)
        for pid in read_text(f"{unified}/{path.lstrip('/')}/cgroup.procs").split():
            ids[int(pid)] = cgroup_id
    return ids


def read_text(path: Path | str) -> str:
    """A small file of the kernel as text; empty if it is gone or may not be read."""
    try:
        return read_text_or_raise(path)
    except OSError:
        return ""


def read_text_or_raise(path: Path | str) -> str:
    """Like `read_text`, but raises the error. Bytes that are not UTF-8 are replaced.

    Raises:
        OSError: it is gone (ENOENT, ENODEV), or may not be read.
    """
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - some files per cgroup and poll; Path costs twice as much
        parts = []
        while part := file.read(65_536):
            parts.append(part)
    return b"".join(parts).decode("utf-8", "replace")


def _children(hierarchy: Path, path: str) -> Iterator[str]:
    directory = f"{hierarchy}{path}"
    try:
        if os.stat(directory).st_nlink == _LEAF_LINKS:  # noqa: PTH116 - once per cgroup and poll; Path costs twice as much
            return  # saves reading a directory of some forty files only to find that none is a directory
        with os.scandir(directory) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return  # it has gone meanwhile
    for name in names:
        yield f"{path}/{name}"
