"""Writing a journal: batches are appended as frames and synced (docs/format.md, section Journal)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import zstandard

from formats.batches import full_schema, split_batch
from formats.catalog import TABLE_BY_NAME
from formats.columns import BOOT_TIME_NS, EVENT_SEQ, TIME_UNIX_NANO
from formats.errors import FormatError, StorageError
from formats.journal.layout import FrameHeader, JournalHeader, digest_of, pack_frame_header, pack_header
from formats.journal.packing import pack_columns
from formats.journal.payload import serialize_batch

_DEFAULT_LEVEL = 1


class JournalWriter:
    """Appends frames to a new journal file. Not for several threads.

    Args:
        path: must not exist yet.
        header: who writes it, and when it begins.
        level: of zstd.

    Raises:
        StorageError: the disk refuses. After that the file must be set aside and a new one begun: a failed sync is
            never tried again, as the kernel has dropped the pages that it could not write (PostgreSQL, 2018).
    """

    def __init__(self, path: Path, header: JournalHeader, *, level: int = _DEFAULT_LEVEL) -> None:
        self.path = path
        self.header = header
        self.size = 0
        """Bytes written so far."""
        self._number = 0
        self._compressor = zstandard.ZstdCompressor(level=level)
        packed = pack_header(header)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
            self._fd = os.open(path, flags, 0o600)
        except OSError as error:
            raise _storage_error("the journal cannot be created", path, error) from error
        self._write([packed])

    def append(self, batches: Sequence[pa.RecordBatch]) -> int:
        """Write batches of tables' full schemas, each as one frame or more; they are safe only after `sync`.

        A batch belongs to the table whose schema it has; tables of equal schemas do not exist (a law).

        Returns:
            Bytes written.

        Raises:
            FormatError: a batch has the schema of no table.
            LimitError: a row is larger than a frame; nothing of this call was written then.
            StorageError: the disk failed or is full; what this call wrote is incomplete.
        """
        parts: list[bytes | memoryview] = []
        for batch in batches:
            name = _table_of(batch.schema)
            for piece in split_batch(batch):
                parts.extend(self._frame(name, piece))
        return self._write(parts) if parts else 0

    def sync(self) -> None:
        """Return when everything appended is on the disk."""
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            raise _storage_error("the journal cannot be synced", self.path, error) from error

    def close(self) -> None:
        """Close the file without syncing. Closing twice does nothing."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            try:
                os.close(fd)
            except OSError as error:
                raise _storage_error("the journal cannot be closed", self.path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _frame(self, table: str, batch: pa.RecordBatch) -> tuple[bytes, bytes, bytes]:
        boot = batch.column(BOOT_TIME_NS.name).to_numpy()
        seq = batch.column(EVENT_SEQ.name).to_numpy()
        first, lowest = int(seq.min()), int(boot.min())
        unix = batch.column(TIME_UNIX_NANO.name).to_numpy()
        offset = int((unix[:1] - boot[:1])[0])  # of arrays, as they wrap where hostile times overflow
        packed, flags = pack_columns(batch, first_seq=first, min_boot_ns=lowest, unix_minus_boot_ns=offset)
        expanded = serialize_batch(packed)
        stored = self._compressor.compress(expanded)
        header = pack_frame_header(
            FrameHeader(
                self.header.id,
                self._number,
                len(stored),
                expanded.size,
                len(boot),
                flags,
                first,
                int(seq.max()),
                lowest,
                int(boot.max()),
                offset,
                table,
            )
        )
        self._number += 1
        return header, stored, digest_of(header, stored)

    def _write(self, parts: Sequence[bytes | memoryview]) -> int:
        view = memoryview(b"".join(parts))
        written = 0
        try:
            while written < len(view):
                written += os.write(self._fd, view[written:])
        except OSError as error:
            raise _storage_error("the journal cannot be written", self.path, error) from error
        finally:
            self.size += written
        return written


_TABLE_BY_SCHEMA = {tuple(full_schema(table)): name for name, table in TABLE_BY_NAME.items()}


def _table_of(schema: pa.Schema) -> str:
    name = _TABLE_BY_SCHEMA.get(tuple(schema))
    if name is None:
        raise FormatError(
            "a batch has the schema of no table",
            next_step="complete it with `formats.batches.complete_batch`; this is a defect of the source",
        )
    return name


def _storage_error(problem: str, path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{problem} ({os.strerror(error.errno or 0)})",
        errno=error.errno or 0,
        where=str(path),
        next_step="free space or check the disk",
    )
