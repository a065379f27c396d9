"""The captures of a directory or a folder of a store: which there are, and what identifies each.

Files are not opened as captures here: they are hostile, and this process can start programs and reach the network.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from analyzer.capture_places import CAPTURE_SUFFIX
from analyzer.remote.reader import Reader
from formats.errors import MissingInputError
from formats.journal.layout import DIGEST_BYTES
from formats.times import format_time

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """What a directory and those below it contain.

    Attributes:
        paths: of files that are named like captures, below the directory, sorted.
        others: how many other files there are.
    """

    paths: tuple[str, ...]
    others: int


def list_captures(directory: Path) -> FoundFiles:
    """All files of a directory and of those below it; links and names that begin with a dot are passed over.

    Raises:
        MissingInputError: it is no directory, or it cannot be read.
    """
    try:
        found = sorted(_walk(directory))
    except OSError as error:
        raise MissingInputError(
            f"the directory cannot be read ({error.strerror})", where=str(directory), next_step="check the path"
        ) from None
    paths = tuple(str(path.relative_to(directory)) for path in found if path.suffix == CAPTURE_SUFFIX)
    return FoundFiles(paths, len(found) - len(paths))


@dataclass(frozen=True, slots=True)
class FoundCapture:
    """An object of a store that is named like a capture.

    Attributes:
        path: below the folder.
        size: in bytes.
        modified: when it was written; None if the store does not say.
    """

    path: str
    size: int
    modified: str | None


def list_objects(folder: str) -> list[FoundCapture]:
    """All captures in a folder of a store and in those below it, sorted by path. None of them is read.

    Raises:
        MissingInputError: it is no folder.
        TapioError: the store cannot be asked.
    """
    reader = Reader()
    try:
        reply = reader.look(folder, is_deep=True)
    finally:
        reader.close()
    if not reply.is_folder:
        raise MissingInputError("it is an object and not a folder", where=folder, next_step="give a folder of captures")
    return [
        FoundCapture(one.path, one.size, None if one.modified_ns is None else format_time(one.modified_ns))
        for one in reply.objects
    ]


def place_in(folder: str, path: str) -> str:
    """The URI of what has a path in a folder of a store."""
    begin, mark, options = folder.partition("?")
    return f"{begin.rstrip('/')}/{path}{mark}{options}"


def digest_file(path: Path) -> str:
    """The digest of a file's bytes.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _walk(directory: Path) -> Iterator[Path]:
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.is_symlink():
                continue
            if entry.is_dir():
                yield from _walk(Path(entry.path))
            elif entry.is_file():
                yield Path(entry.path)
