"""Writes the output of a command whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from formats.errors import explain_unwritten


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


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
