"""What `tapio import` reads: the files that were named, those of a folder, or standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from analyzer.importers.budget import ImportBudget, ImportLimits
from formats.errors import FormatError, MissingInputError

STDIN = Path("-")
MAX_FILES = 100_000
"""Files of one folder. Why: a must-gather of a large cluster has some ten thousand."""

_ENDINGS = frozenset({".json", ".yaml", ".yml", ".jsonl", ".log"})
_COMPRESSED = frozenset({".gz", ".zst"})

_COPIED_BYTES = 1 << 20


def list_files(given: Iterable[Path], spool: Path, limits: ImportLimits | None = None) -> list[Path]:
    """The files to read, those of a folder in the order of their paths.

    Args:
        given: files, folders, and `-` for standard input.
        spool: a directory for what standard input holds, which is read twice.
        limits: of the import; None = the ordinary ones.

    Raises:
        MissingInputError: one does not exist, or nothing is given.
        FormatError: a folder has no file of a kind that could be read, or too many; standard input is too long.
    """
    files: list[Path] = []
    for path in dict.fromkeys(given):
        if path == STDIN:
            files.append(_keep_standard_input(spool / "stdin", ImportBudget(limits)))
        elif path.is_dir():
            files += _list_folder(path)
        else:
            files.append(path)
    return files


def _keep_standard_input(kept: Path, budget: ImportBudget) -> Path:
    if sys.stdin.isatty():
        raise MissingInputError(
            "standard input is a terminal", where="-", next_step="pipe a file to it, or give the path of one"
        )
    with kept.open("wb") as file:
        while chunk := sys.stdin.buffer.read(_COPIED_BYTES):
            budget.spend(len(chunk), STDIN)
            file.write(chunk)
    return kept


def _list_folder(folder: Path) -> list[Path]:
    files = sorted(_walk(folder))
    if not files:
        raise FormatError(
            "the folder has no file that ends in .json, .yaml, .jsonl or .log",
            where=str(folder),
            next_step="give the folder of a must-gather, of `kubectl cluster-info dump`, or of audit logs",
        )
    return files


def _walk(folder: Path) -> Iterator[Path]:
    """Regular files that may hold objects. Links are not followed: they may lead out of what was given."""
    found = 0
    for directory, _, names in os.walk(folder):
        for name in names:
            path = Path(directory, name)
            ending = Path(path.stem).suffix if path.suffix in _COMPRESSED else path.suffix
            if ending in _ENDINGS and path.is_file() and not path.is_symlink():
                found += 1
                if found > MAX_FILES:
                    raise FormatError(
                        f"the folder has more than {MAX_FILES:,} files",
                        where=str(folder),
                        next_step="give a part of it",
                    )
                yield path
