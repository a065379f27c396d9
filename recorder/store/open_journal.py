"""The journal that is written to, and how much of it is safe on the disk."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from formats.catalog import CATALOG_VERSION
from formats.errors import StorageError
from formats.journal.reading import JournalHeader, JournalWriter
from formats.segment.sealing import sync_directory
from recorder.ledger import LossEntry
from recorder.store.layout import JOURNAL_SUFFIX, DataDirectory, SegmentName
from recorder.store.node import Node
from recorder.store.sequences import write_sequences


@dataclass(slots=True)
class Extent:
    """How many rows lie between two moments of CLOCK_BOOTTIME, ns."""

    rows: int
    from_boot_ns: int
    to_boot_ns: int

    def add(self, other: Extent) -> None:
        """Make it as large as both."""
        self.rows += other.rows
        self.from_boot_ns = min(self.from_boot_ns, other.from_boot_ns)
        self.to_boot_ns = max(self.to_boot_ns, other.to_boot_ns)


class OpenJournal:
    """One journal from its header to its end. `create` makes it.

    Args:
        writer: of the file, whose header is written.
        journal_id: 32 hexadecimal digits.
        begun_boot_ns: when it was made.
    """

    def __init__(self, writer: JournalWriter, journal_id: str, begun_boot_ns: int) -> None:
        self._writer = writer
        self._id = journal_id
        self._synced_bytes = 0
        self.begun_boot_ns = begun_boot_ns
        """When it was made, CLOCK_BOOTTIME in ns."""
        self.extent: Extent | None = None
        """Extent of all rows in the journal; None if there are no rows yet."""
        self.unsynced: dict[str, Extent] = {}
        """Rows that are not safe yet, by table."""
        self.unsynced_losses: list[LossEntry] = []
        """Losses that are written and not safe yet."""

    @classmethod
    def create(
        cls,
        directory: DataDirectory,
        node: Node,
        *,
        now_boot_ns: int,
        unix_minus_boot_ns: int,
        first_numbers: Mapping[str, int],
    ) -> OpenJournal:
        """Make a journal: first the numbers that it begins with, then the file, then its name are on the disk.

        Raises:
            OSError, StorageError: the disk refuses; there is no such journal then.
        """
        created = now_boot_ns + unix_minus_boot_ns
        journal_id = secrets.token_bytes(16)
        name = f"{created:020d}-{journal_id.hex()}"
        header = JournalHeader(journal_id, node.name, node.boot_id, created, now_boot_ns, CATALOG_VERSION)
        path = directory.journals / f"{name}{JOURNAL_SUFFIX}"
        writer = None
        try:
            write_sequences(directory, name, first_numbers)
            writer = JournalWriter(path, header)
            sync_directory(directory.journals)
        except (OSError, StorageError):
            if writer is not None:
                _close_quietly(writer)
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            raise
        return cls(writer, journal_id.hex(), now_boot_ns)

    @property
    def path(self) -> Path:
        """Path of the journal file."""
        return self._writer.path

    @property
    def size(self) -> int:
        """Bytes that are written."""
        return self._writer.size

    @property
    def rows(self) -> int:
        """Rows that are written."""
        return self.extent.rows if self.extent else 0

    def append(self, batches: Sequence[pa.RecordBatch]) -> int:
        """Write batches; gives the bytes that they take.

        Raises:
            StorageError: the disk refuses; a torn part may be at the end of the file.
            LimitError, FormatError: a row fits no frame; nothing was written.
        """
        return self._writer.append(batches)

    def note_written(self, table: str, extent: Extent) -> None:
        """These rows were written, and are not safe yet."""
        empty = dataclasses.replace(extent, rows=0)
        self.unsynced.setdefault(table, empty).add(extent)
        if self.extent is None:
            self.extent = dataclasses.replace(empty)
        self.extent.add(extent)

    def sync(self) -> None:
        """What was written is safe.

        Raises:
            StorageError: the disk failed: this journal must never be synced again.
        """
        self._writer.sync()
        self._synced_bytes = self._writer.size
        self.unsynced.clear()
        self.unsynced_losses.clear()

    def cut(self, size: int) -> None:
        """Cut a torn write off and make the rest safe.

        Raises:
            OSError, StorageError: the disk failed: this journal must never be synced again.
        """
        os.truncate(self.path, size)
        self._writer.sync()

    def close(self) -> None:
        """Nothing is written to it any more."""
        _close_quietly(self._writer)

    def quarantine(self, directory: DataDirectory) -> bool:
        """Move the file, which is closed, to the quarantine, and leave a copy of what was synced of it in its place.

        Returns:
            Whether there is such a copy.

        Raises:
            OSError: neither moved nor copied.
        """
        quarantined = directory.quarantine / self.path.name
        self.path.rename(quarantined)
        if self._synced_bytes:
            _copy_prefix(quarantined, self.path, self._synced_bytes)
        return bool(self._synced_bytes)

    def name_segment(self, node: Node, unix_minus_boot_ns: int) -> SegmentName | None:
        """The segment that it becomes; None if it has no rows."""
        if self.extent is None:
            return None
        begin, end = self.extent.from_boot_ns, self.extent.to_boot_ns
        return SegmentName(begin + unix_minus_boot_ns, node.short_boot_id, begin, end, self._id)


def _copy_prefix(source: Path, target: Path, size: int) -> None:
    with source.open("rb") as reader, target.open("xb") as writer:
        left = size
        while left and (part := reader.read(min(left, 1 << 20))):
            writer.write(part)
            left -= len(part)
        writer.flush()
        os.fsync(writer.fileno())
    shutil.copymode(source, target)
    sync_directory(target.parent)


def _close_quietly(writer: JournalWriter) -> None:
    with contextlib.suppress(StorageError):
        writer.close()
