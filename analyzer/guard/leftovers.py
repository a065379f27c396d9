"""What a child that was killed leaves in the directory for temporary files."""

from __future__ import annotations

import glob
import shutil
import tempfile
from pathlib import Path


def spill_prefix(process: int) -> str:
    """Begin of the names of directories in which a process keeps what does not fit into memory."""
    return f"tapio-{process}-"


def remove_leftovers(process: int) -> None:
    """Removes these directories of a process that has ended."""
    for left in Path(tempfile.gettempdir()).glob(f"{glob.escape(spill_prefix(process))}*"):
        shutil.rmtree(left, ignore_errors=True)
