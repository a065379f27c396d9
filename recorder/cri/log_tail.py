"""The last lines of a container's log: a bounded read, whatever is in the file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from formats.rows.cri_log import join_messages
from recorder.host_files import find_on_host

TAIL_BYTES = 65536
"""Read from the end of a log, in all of its files."""
TAIL_LINES = 100
_MAX_SIBLINGS = 64


def read_last_messages(log_path: str, proc: Path) -> list[str]:
    """The last messages of a log, oldest first; none if it is gone.

    Args:
        log_path: as the runtime tells it, on the node.
        proc: the host's /proc.
    """
    if not log_path.startswith("/") or "\0" in log_path or ".." in log_path.split("/"):
        return []
    for path in find_on_host(log_path, proc):
        data = _read_tail(path, TAIL_BYTES)
        if data is not None:
            # The kubelet may have begun a new file right before the end; what was written before is in the last one.
            if len(data) < TAIL_BYTES and (rotated := _find_rotated(path)) is not None:
                data = (_read_tail(rotated, TAIL_BYTES - len(data)) or b"") + data
            lines = data.decode("utf-8", "replace").split("\n")
            return join_messages(line for line in lines[-2 * TAIL_LINES :] if line)[-TAIL_LINES:]
    return []


def _read_tail(path: Path, size: int) -> bytes | None:
    """The last bytes of a regular file, from the start of a line on; None if it cannot be read.

    A container that can write below /var/log may have put something else in place of its log: no link is followed, and
    nothing is opened that would wait.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        offset = max(status.st_size - size, 0)
        data = os.pread(descriptor, size, offset)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return data if offset == 0 else data.partition(b"\n")[2]


def _find_rotated(path: Path) -> Path | None:
    """The file of the same log before this one: the kubelet adds the time to its name, and compresses older ones."""
    return max(_list_rotated(path), default=None)


def _list_rotated(path: Path) -> Iterator[Path]:
    try:
        with os.scandir(path.parent) as entries:
            for number, entry in enumerate(entries):
                if number >= _MAX_SIBLINGS:
                    return
                suffix = entry.name.removeprefix(f"{path.name}.")
                if suffix != entry.name and suffix.replace("-", "").isdecimal():
                    yield Path(entry.path)
    except OSError:
        return
