"""Writes the output of a command whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from formats.errors import OutputError, explain_unwritten

force_option = click.option("--force", is_flag=True, help="Replace the file given with -o if it exists.")


def write_output(path: Path, text: str) -> None:
    """Writes a text file in UTF-8; what was at `path` before is replaced only once the new text is on the disk.

    Raises:
        OutputError, StorageError: it cannot be written; nothing has changed then.
    """
    temporary: str | None = None
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o644 & ~_umask())
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise explain_unwritten(
            error, "the output", where=str(path), next_step="choose another path with -o"
        ) from error


@contextmanager
def open_place(path: Path, *, may_replace: bool) -> Iterator[Path]:
    """Where to write a new capture: at `path`, or beside it if a file there is replaced once the new one is whole.

    Why captures are not replaced as reports are: a recording cannot be made again.

    Raises:
        OutputError: there is a file, which may not be replaced.
    """
    if not path.exists():
        yield path
        return
    if not may_replace:
        raise OutputError(
            "the file already exists", where=str(path), next_step="choose another path with -o, or give --force"
        )
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
