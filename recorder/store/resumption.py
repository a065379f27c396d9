"""The newest recorded position of a source: in the journals that were not sealed yet, else in the newest segments."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import pyarrow as pa

from formats.errors import TapioError
from formats.journal.reading import open_journal
from formats.segment.reading import open_segment
from recorder.store.layout import DataDirectory
from recorder.store.recovery import Recovered

MAX_SEGMENTS = 16
"""Segments that are looked into. Each has the position that was known when it began."""


def find_positions(directory: DataDirectory, recovered: Recovered, columns: Mapping[str, str]) -> dict[str, str]:
    """The newest position of each table that has one.

    Args:
        directory: of the recorder.
        recovered: what the run before has left; nothing of it is sealed or removed yet.
        columns: by table, the column that has the position, or null.
    """
    found = {table: _find(directory, recovered, table, column) for table, column in columns.items()}
    return {table: position for table, position in found.items() if position}


def _find(directory: DataDirectory, recovered: Recovered, table: str, column: str) -> str:
    for batches in _newest_first(directory, recovered, table):
        # The rows of a segment are in the order of time, those of a journal in that of writing.
        told = [value for batch in batches for value in batch.column(column).drop_null().to_pylist()]
        if told:
            return str(told[-1])
    return ""


def _newest_first(directory: DataDirectory, recovered: Recovered, table: str) -> Iterator[list[pa.RecordBatch]]:
    for journal in reversed(recovered.journals):
        with contextlib.suppress(TapioError):
            yield list(open_journal(journal.path).batches(table))
    for segment in recovered.segments[: -MAX_SEGMENTS - 1 : -1]:
        with contextlib.suppress(TapioError):
            opened = open_segment(directory.ring / str(segment.name))
            yield [batch for batch in opened.batches(table) if isinstance(batch, pa.RecordBatch)]
