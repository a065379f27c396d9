"""Source `filesystem`: how full the file systems of the node and of its pods' volumes are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from formats.errors import UnavailableError
from formats.loss import LossReason
from formats.rows.mounts import Mount, read_mounts
from formats.tables import filesystem
from recorder.polled_source import PolledSource, Row
from recorder.source import Need, Profile, SourceContext, SourceSpec


class FilesystemSource(PolledSource):
    """Asks every local file system how full it is, in the mount namespace of the node."""

    spec = SourceSpec(
        table=filesystem.TABLE,
        needs=(Need.PROC,),
        profile=Profile.LEAN,
        cost="20 us per file system, 3 ms per 500 mounts and interval; 10 file systems: 3 ms every 15 s",
        loss_reasons=(LossReason.REJECTED,),
        shed_order=57,
        options={"interval_s": 15, "max_filesystems": 1024},
    )
    key = ("filesystem.device",)

    def begin(self, context: SourceContext) -> None:
        """Check that the mounts of the node can be read.

        Raises:
            UnavailableError: they cannot.
        """
        if not (context.proc / "1" / "mountinfo").exists():
            raise UnavailableError(
                "the mounts of the node cannot be read",
                where=str(context.proc / "1" / "mountinfo"),
                next_step="run with hostPID and the host's /proc",
            )

    def rows(self, context: SourceContext) -> Iterator[Row]:
        """The figures of each file system that may fill up."""
        mounts = self.read(read_mounts, f"{context.proc}/1/mountinfo") or []
        limit = int(context.options["max_filesystems"])
        unread = 0
        for mount in mounts[:limit]:
            row = _read_row(context.proc, mount)
            if row is None:
                unread += 1
            else:
                yield row
        self.detail = ""
        if unread:
            self.detail = f"{unread} of {len(mounts)} file systems cannot be read: the recorder needs CAP_SYS_PTRACE"
        if len(mounts) > limit:
            self.detail = f"only the first {limit} of {len(mounts)} file systems are read: raise max_filesystems"


def _read_row(proc: Path, mount: Mount) -> Row | None:
    """None if it is gone or may not be read."""
    found = _ask(f"{proc}/1/root{mount.mount_point}")
    # Without CAP_SYS_PTRACE, a recorder that shares the node's mounts still reaches them by their own path.
    if found is None and _is_on_device(mount.mount_point, mount.device):
        found = _ask(mount.mount_point)
    if found is None:
        return None
    return {
        "k8s.pod.uid": mount.pod_uid,
        "filesystem.device": mount.device,
        "filesystem.type": mount.kind,
        "filesystem.mount_point": mount.mount_point,
        "filesystem.mode": "ro" if mount.is_read_only else "rw",
        "filesystem.size_bytes": found.f_blocks * found.f_frsize,
        "filesystem.used_bytes": (found.f_blocks - found.f_bfree) * found.f_frsize,
        "filesystem.available_bytes": found.f_bavail * found.f_frsize,
        "filesystem.inodes": found.f_files or None,
        "filesystem.inodes_free": found.f_ffree if found.f_files else None,
    }


def _ask(path: str) -> os.statvfs_result | None:
    try:
        return os.statvfs(path)
    except OSError:
        return None


def _is_on_device(path: str, device: str) -> bool:
    """Whether a path leads to a device here, too: in a container, another file system may have the path."""
    try:
        found = os.stat(path).st_dev  # noqa: PTH116 - a path of the node, not of this program
    except OSError:
        return False
    return f"{os.major(found)}:{os.minor(found)}" == device
