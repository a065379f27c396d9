"""Tells that directories came or went below watched directories: inotify, used as a bell and nothing more."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterable
from pathlib import Path

from recorder.linux.libc import LIBC

_IN_CREATE = 0x00000100
_IN_DELETE = 0x00000200
_IN_ONLYDIR = 0x01000000
_IN_IGNORED = 0x00008000
_IN_CLOEXEC = 0o2000000
_IN_NONBLOCK = 0o4000
"""Source: inotify(7), include/uapi/linux/inotify.h."""

_HEADER_BYTES = 16
"""struct inotify_event: wd, mask, cookie, len, then `len` bytes of name."""


class DirectoryWatch:
    """Rings when a directory is made or removed in any watched directory.

    What happened is not read from the events: they can overflow, and a listing is always complete. Where inotify
    is not available, nothing is signalled and `is_complete` is False.
    """

    def __init__(self) -> None:
        self._fd = int(LIBC.inotify_init1(_IN_CLOEXEC | _IN_NONBLOCK))
        self._path_by_watch: dict[int, str] = {}
        self._watched: set[str] = set()
        self.is_complete = self._fd >= 0

    def fds(self) -> tuple[int, ...]:
        """What becomes readable when it rings."""
        return (self._fd,) if self._fd >= 0 else ()

    def watch(self, directories: Iterable[Path]) -> None:
        """Watches these too; those that are watched already cost nothing, those that have gone are left out."""
        if self._fd < 0:
            return
        complete = True
        for directory in directories:
            path = os.fspath(directory)
            if path in self._watched:
                continue
            number = LIBC.inotify_add_watch(self._fd, os.fsencode(path), _IN_CREATE | _IN_DELETE | _IN_ONLYDIR)
            if number >= 0:
                self._path_by_watch[number] = path
                self._watched.add(path)
            elif ctypes.get_errno() not in (errno.ENOENT, errno.ENOTDIR):
                complete = False
        self.is_complete = complete

    def has_changes(self) -> bool:
        """Whether anything happened since the last call."""
        if self._fd < 0:
            return False
        changed = False
        while True:
            try:
                events = os.read(self._fd, 65_536)
            except BlockingIOError:
                return changed
            changed = True
            self._forget_removed(events)

    def close(self) -> None:
        """Ends the watch; twice does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
        self._path_by_watch.clear()
        self._watched.clear()

    def _forget_removed(self, events: bytes) -> None:
        offset = 0
        while offset + _HEADER_BYTES <= len(events):
            number = int.from_bytes(events[offset : offset + 4], "little", signed=True)
            mask = int.from_bytes(events[offset + 4 : offset + 8], "little")
            length = int.from_bytes(events[offset + 12 : offset + 16], "little")
            if mask & _IN_IGNORED:
                self._watched.discard(self._path_by_watch.pop(number, ""))
            offset += _HEADER_BYTES + length
