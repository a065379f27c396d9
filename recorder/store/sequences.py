"""Which number the next event of each table gets: kept for every journal, so that numbers stay dense over restarts."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from formats.errors import TapioError
from formats.segment.reading import open_segment
from recorder.store.layout import JOURNAL_SUFFIX, DataDirectory

_PREFIX = "sequences-"


def write_sequences(directory: DataDirectory, journal: str, next_seq: Mapping[str, int]) -> None:
    """Keep the numbers at which a journal begins, before its first row.

    Raises:
        OSError: the disk refuses.
    """
    path = _path(directory, journal)
    temporary = path.with_suffix(".new")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(dict(sorted(next_seq.items())), file)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


def read_sequences(directory: DataDirectory, journal: str) -> dict[str, int]:
    """The numbers at which a journal began; empty if they are not known."""
    return _read(_path(directory, journal))


def read_newest_sequences(directory: DataDirectory) -> dict[str, int]:
    """The numbers at which the newest journal began; empty if they are not known."""
    for path in sorted(directory.state.glob(f"{_PREFIX}*.json"), reverse=True):
        found = _read(path)
        if found:
            return found
    return {}


def forget_sequences(directory: DataDirectory) -> None:
    """Remove what the journals that are gone began with, but for the newest: it is what a restart goes on from."""
    for path in sorted(directory.state.glob(f"{_PREFIX}*.json"))[:-1]:
        journal = path.stem.removeprefix(_PREFIX)
        if not (directory.journals / f"{journal}{JOURNAL_SUFFIX}").exists():
            path.unlink(missing_ok=True)


def read_segment_sequences(path: Path) -> dict[str, int]:
    """The numbers after the last of each table of a sealed segment; empty if it cannot be read."""
    with contextlib.suppress(TapioError):
        segment = open_segment(path)
        return {
            table: max(batch.max_seq for batch in segment.batch_index(table)) + 1
            for table in segment.tables
            if segment.batch_index(table)
        }
    return {}


def raise_sequences(numbers: dict[str, int], at_least: Mapping[str, int]) -> None:
    """Raise each number to what is known elsewhere."""
    for table, number in at_least.items():
        numbers[table] = max(numbers.get(table, 0), number)


def _path(directory: DataDirectory, journal: str) -> Path:
    return directory.state / f"{_PREFIX}{journal}.json"


def _read(path: Path) -> dict[str, int]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {str(table): number for table, number in content.items() if isinstance(number, int) and number >= 0}
