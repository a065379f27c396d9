"""The captures of a directory: which files there are, and what identifies each. Nothing else finds or hashes them.

Files are not opened as captures here: they are hostile, and this process can start programs and reach the network.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from formats.errors import MissingInputError
from formats.journal.layout import DIGEST_BYTES

SUFFIX = ".tapio"
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
    paths = tuple(str(path.relative_to(directory)) for path in found if path.suffix == SUFFIX)
    return FoundFiles(paths, len(found) - len(paths))


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
