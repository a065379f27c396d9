"""Where the captures of a command lie, if not in one file of this machine: in an object store, or in several places.

Commands take paths. These are paths that no file of this machine has: opening one as a file fails, and
`analyzer.guard.opening` knows how to read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analyzer.remote.fetched_bytes import FetchedBytes
    from analyzer.remote.reader import RemoteObject


CAPTURE_SUFFIX = ".tapio"
"""What names of captures in a folder end with."""


class RemotePath(PosixPath):
    """A capture in an object store. As text it is its URI, its name is that of the object.

    Attributes:
        object: that was found.
    """

    object: RemoteObject

    def __str__(self) -> str:
        return self.object.uri

    @cached_property
    def bytes(self) -> FetchedBytes:
        """Its bytes, fetched when they are read, and once however often it is opened."""
        from analyzer.remote.fetched_bytes import FetchedBytes  # noqa: PLC0415 - Arrow, which a kept document does without

        return FetchedBytes(self.object.found.size, self.object.fetch, where=self.object.uri)


class JoinedPath(PosixPath):
    """Several captures that are read as one. As text it is what the user gave.

    Attributes:
        members: where each lies.
        text: as the user named them.
    """

    members: tuple[Path, ...]
    text: str

    def __str__(self) -> str:
        return self.text


def remote_path(found: RemoteObject) -> RemotePath:
    """The path of an object."""
    path = RemotePath(found.uri.partition("?")[0])
    path.object = found
    return path


def joined_path(members: Sequence[Path], text: str) -> JoinedPath:
    """The path of several captures."""
    path = JoinedPath(text)
    path.members, path.text = tuple(members), text
    return path


def members_of(path: Path) -> tuple[Path, ...]:
    """Where each of several captures lies; the path itself if it is one."""
    return path.members if isinstance(path, JoinedPath) else (path,)
