"""What the kubelet's `/stats/summary` says of storage, as rows of `storage_usage`: only what changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import msgspec

from formats.rows.kube_json import NAME_CHARACTERS
from formats.text import cut_text

Row: TypeAlias = dict[str, Any]
"""Columns of the table `storage_usage`, all but `boot_time_ns`."""
_KEY = ("storage.kind", "k8s.pod.uid", "k8s.container.name", "k8s.volume.name")
_INT64 = 2**63


class _FsStats(msgspec.Struct, rename="camel"):
    """What the kubelet tells of a file system, or of a part of one. Absent: not known."""

    available_bytes: int | None = None
    capacity_bytes: int | None = None
    used_bytes: int | None = None
    inodes: int | None = None
    inodes_used: int | None = None


class _ClaimReference(msgspec.Struct):
    name: str = ""


class _VolumeStats(_FsStats, rename="camel"):
    name: str = ""
    pvc_ref: _ClaimReference | None = None


class _ContainerStats(msgspec.Struct):
    name: str = ""
    rootfs: _FsStats | None = None
    logs: _FsStats | None = None


class _PodReference(msgspec.Struct):
    name: str = ""
    namespace: str = ""
    uid: str = ""


class _PodStats(msgspec.Struct):
    pod: _PodReference = msgspec.field(name="podRef", default_factory=_PodReference)
    containers: list[_ContainerStats] | None = None
    volumes: list[_VolumeStats] | None = msgspec.field(name="volume", default=None)
    ephemeral: _FsStats | None = msgspec.field(name="ephemeral-storage", default=None)


class _RuntimeStats(msgspec.Struct):
    images: _FsStats | None = msgspec.field(name="imageFs", default=None)


class _NodeStats(msgspec.Struct):
    fs: _FsStats | None = None
    runtime: _RuntimeStats | None = None


class _Summary(msgspec.Struct):
    node: _NodeStats
    pods: list[_PodStats] | None = None


_DECODER = msgspec.json.Decoder(_Summary)
"""Reads the fields that are recorded and skips all others without making objects of them."""


class StorageUsages:
    """Compares each answer with the one before."""

    def __init__(self) -> None:
        self._last: dict[tuple[object, ...], Row] = {}

    def tell(self, answer: bytes) -> list[Row]:
        """The rows of what differs from the answer before.

        Raises:
            ValueError: it is not an answer of `/stats/summary`.
        """
        found = {tuple(row[name] for name in _KEY): row for row in _read_rows(_decode(answer))}
        changed = [row for key, row in found.items() if self._last.get(key) != row]
        self._last = found
        return changed

    def snapshot(self) -> Sequence[Row]:
        """The last reading of everything."""
        return list(self._last.values())


def _decode(answer: bytes) -> _Summary:
    try:
        return _DECODER.decode(answer)
    except (msgspec.DecodeError, RecursionError) as error:  # a ValidationError is one
        raise ValueError("not an answer of /stats/summary") from error


def _read_rows(summary: _Summary) -> Iterator[Row]:
    node = summary.node.fs
    if node is not None:
        yield _row("node", node)
    if summary.node.runtime is not None and summary.node.runtime.images is not None:
        yield _row("images", summary.node.runtime.images)
    for pod in summary.pods or ():
        yield from _read_pod(pod, node)


def _read_pod(pod: _PodStats, node: _FsStats | None) -> Iterator[Row]:
    if not pod.pod.uid:
        return
    of_pod = {
        "k8s.namespace.name": _name(pod.pod.namespace),
        "k8s.pod.name": _name(pod.pod.name),
        "k8s.pod.uid": _name(pod.pod.uid),
    }
    if pod.ephemeral is not None:
        yield _row("pod", pod.ephemeral, is_part=True) | of_pod
    for container in pod.containers or ():
        for kind, usage in (("rootfs", container.rootfs), ("logs", container.logs)):
            if usage is not None:
                yield _row(kind, usage, is_part=True) | of_pod | {"k8s.container.name": _name(container.name)}
    for volume in pod.volumes or ():
        # A directory on the node's disk: that one's room would change in every answer, for every volume.
        is_part = volume.pvc_ref is None and node is not None and volume.capacity_bytes == node.capacity_bytes
        yield (
            _row("volume", volume, is_part=is_part)
            | of_pod
            | {
                "k8s.volume.name": _name(volume.name),
                "k8s.persistentvolumeclaim.name": _name(volume.pvc_ref.name) if volume.pvc_ref else None,
            }
        )


def _row(kind: str, usage: _FsStats, *, is_part: bool = False) -> Row:
    return {
        "event_name": "storage.sample",
        "storage.kind": kind,
        "k8s.namespace.name": None,
        "k8s.pod.name": None,
        "k8s.pod.uid": None,
        "k8s.container.name": None,
        "k8s.volume.name": None,
        "k8s.persistentvolumeclaim.name": None,
        "storage.used_bytes": _figure(usage.used_bytes),
        "storage.available_bytes": None if is_part else _figure(usage.available_bytes),
        "storage.capacity_bytes": None if is_part else _figure(usage.capacity_bytes),
        "storage.inodes_used": _figure(usage.inodes_used),
        "storage.inodes": None if is_part else _figure(usage.inodes) or None,
    }


def _figure(value: int | None) -> int | None:
    """None for what cannot be: a kubelet that subtracts too much tells nearly 2**64."""
    return value if value is not None and 0 <= value < _INT64 else None


def _name(text: str) -> str:
    return cut_text(text, NAME_CHARACTERS)
