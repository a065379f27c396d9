"""Named stretches of bytes that a segment is read from: files of a directory or members of a container."""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from formats.errors import FormatError, MissingInputError

Range = tuple[int, int]
"""Offset and length of a stretch of bytes."""


class Bytes(Protocol):
    """The bytes of a capture, wherever they lie. Only what is read of them needs to be there."""

    @property
    def size(self) -> int:
        """How many there are."""

    def read(self, offset: int, length: int, following: Iterable[Range] = ()) -> pa.Buffer:
        """A stretch of them, not copied; shorter where they end.

        Args:
            offset: of the first byte.
            length: how many.
            following: what will probably be read next, in that order: what lies elsewhere may be fetched with it.

        Raises:
            TapioError: they lie elsewhere and cannot be fetched.
        """


class MappedBytes:
    """The bytes of a mapped file."""

    def __init__(self, data: pa.Buffer) -> None:
        self._data = data
        self.size = data.size

    def read(self, offset: int, length: int, following: Iterable[Range] = ()) -> pa.Buffer:  # noqa: ARG002 - the interface's
        """See `Bytes.read`."""
        offset = min(offset, self.size)
        return self._data.slice(offset, min(length, self.size - offset))


class StoredFile:
    """One file of a segment: a stretch of bytes."""

    def __init__(self, data: Bytes, offset: int, size: int) -> None:
        self._data = data
        self._offset = min(offset, data.size)
        self.size = min(size, data.size - self._offset)

    def read(self, offset: int, length: int, following: Iterable[Range] = ()) -> pa.Buffer:
        """A stretch of it; see `Bytes.read`."""
        offset = min(offset, self.size)
        places = ((self._offset + begin, size) for begin, size in following)
        return self._data.read(self._offset + offset, min(length, self.size - offset), places)

    def read_all(self) -> pa.Buffer:
        """All of it."""
        return self.read(0, self.size)


class StoredFiles(Protocol):
    """The files of one segment."""

    names: tuple[str, ...]
    """Every name there is, sorted."""

    def find(self, name: str) -> StoredFile | None:
        """One file; None if it does not exist or is not a regular file."""

    def label(self, name: str) -> str:
        """What to call the file in front of people."""


def map_file(fd: int) -> pa.Buffer:
    """The bytes of an open regular file, mapped; the mapping lives as long as the buffer."""
    size = os.fstat(fd).st_size
    return pa.py_buffer(mmap.mmap(fd, size, access=mmap.ACCESS_READ)) if size else pa.py_buffer(b"")


def open_regular(path: Path | str, *, dir_fd: int | None = None) -> int | None:
    """A read-only descriptor of a regular file; None if there is none. Links, pipes and devices are not followed."""
    try:
        # Why non-blocking: opening a pipe that somebody left there would wait for its writer.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=dir_fd)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        return None
    return fd


class DirectoryFiles:
    """The regular files of one directory.

    Args:
        path: of the directory; a symbolic link is refused unless `follow`, which is for a path that the user gave.

    Raises:
        MissingInputError: it cannot be opened.
        FormatError: it is no directory.
    """

    def __init__(self, path: Path, *, follow: bool = True) -> None:
        self.path = path
        try:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
            fd = os.open(path, flags)
        except NotADirectoryError as error:
            raise FormatError("it is not a directory", where=str(path)) from error
        except OSError as error:
            raise MissingInputError(
                f"the directory cannot be opened ({os.strerror(error.errno or 0)})",
                where=str(path),
                next_step="check the path",
            ) from error
        try:
            self.names = tuple(sorted(os.listdir(fd)))  # noqa: PTH208 - of the opened directory, whatever the path is now
            self._files: dict[str, StoredFile | None] = {name: self._map(name, fd) for name in self.names}
        finally:
            os.close(fd)

    @staticmethod
    def _map(name: str, dir_fd: int) -> StoredFile | None:
        fd = open_regular(name, dir_fd=dir_fd)
        if fd is None:
            return None
        try:
            data = MappedBytes(map_file(fd))
        finally:
            os.close(fd)
        return StoredFile(data, 0, data.size)

    def find(self, name: str) -> StoredFile | None:
        """See `StoredFiles.find`."""
        return self._files.get(name)

    def label(self, name: str) -> str:
        """See `StoredFiles.label`."""
        return f"{self.path.name}/{name}"


class MemberFiles:
    """The members of one segment in a container.

    Args:
        container: name of the container for people.
        data: the whole container.
        members: member name and (offset, length) of its bytes, by the segment's own file name.
    """

    def __init__(self, container: str, data: Bytes, members: Mapping[str, tuple[str, int, int]]) -> None:
        self._container = container
        self._data = data
        self._members = members
        self.names = tuple(sorted(members))

    def find(self, name: str) -> StoredFile | None:
        """See `StoredFiles.find`; of a member that is cut short, what there is of it."""
        if name not in self._members:
            return None
        _, offset, length = self._members[name]
        return StoredFile(self._data, offset, length)

    def label(self, name: str) -> str:
        """See `StoredFiles.label`."""
        return f"{self._container}:{self._members[name][0]}" if name in self._members else f"{self._container}:{name}"
