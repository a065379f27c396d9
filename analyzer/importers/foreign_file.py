"""A foreign recording read line by line: plain, gzip or zstd, and damaged where it is damaged."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import zstandard

from analyzer.importers.budget import ImportBudget
from formats.errors import MissingInputError

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_GZIP_MAGIC = b"\x1f\x8b"
_READ_BYTES = 4 << 10
"""Why so little: 4 KiB of zstd can stand for 128 MiB, and there is no way to ask for less."""
_ZSTD_WINDOW_BYTES = 128 << 20


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


class ForeignFile:
    """The lines of a file. Damage ends the lines and is reported; it never raises.

    Args:
        path: the file; its first bytes say how it is compressed.
        budget: of the import.
        on_progress: called now and then with the bytes of the file that were read.

    Attributes:
        damage: what was wrong with the file below its lines, None if nothing; known when all lines were read.
        digest: BLAKE2b-256 of the file as stored; complete when all lines were read.
    """

    def __init__(self, path: Path, budget: ImportBudget, on_progress: Callable[[int], None] | None = None) -> None:
        self.path = path
        self.damage: str | None = None
        self.digest = hashlib.blake2b(digest_size=32)
        self._budget = budget
        self._on_progress = on_progress

    def lines(self) -> Iterator[bytes]:
        """Every line without its end, also empty ones.

        Raises:
            MissingInputError: the file is missing or cannot be read.
            FormatError: the budget of the import is spent.
        """
        pending: list[bytes] = []
        pending_bytes = 0
        for chunk in self._expanded():
            self._budget.spend(len(chunk), self.path)
            *ended, rest = chunk.split(b"\n")
            for piece in ended:
                self._budget.check_line(pending_bytes + len(piece), self.path)
                pending.append(piece)
                yield b"".join(pending)
                pending, pending_bytes = [], 0
            pending_bytes += len(rest)
            self._budget.check_line(pending_bytes, self.path)
            pending.append(rest)
        if pending_bytes:
            yield b"".join(pending)

    def _expanded(self) -> Iterator[bytes]:
        decompressor: _Decompressor | None = None
        make: Callable[[], _Decompressor] | None = None
        is_first = True
        for stored in self._stored():
            if is_first:
                make = _choose(stored)
                decompressor = make() if make else None
                is_first = False
            if decompressor is None or make is None:
                yield stored
                continue
            data = stored
            try:
                while data:
                    if decompressor.eof:
                        decompressor = make()
                    yield decompressor.decompress(data)
                    data = decompressor.unused_data if decompressor.eof else b""
            except (zstandard.ZstdError, zlib.error) as error:
                self.damage = f"the compressed data is damaged ({error})"
                return
        if decompressor is not None and not decompressor.eof:
            self.damage = "the compressed data is truncated"

    def _stored(self) -> Iterator[bytes]:
        read = 0
        try:
            with self.path.open("rb") as file:
                while data := file.read(_READ_BYTES):
                    self.digest.update(data)
                    read += len(data)
                    if self._on_progress is not None and read % (64 * _READ_BYTES) == 0:
                        self._on_progress(read)
                    yield data
        except OSError as error:
            raise MissingInputError(
                f"the file cannot be read ({error.strerror})",
                where=str(self.path),
                next_step="give the path of an existing file",
            ) from error
        if self._on_progress is not None:
            self._on_progress(read)


def _choose(first: bytes) -> Callable[[], _Decompressor] | None:
    if first.startswith(_ZSTD_MAGIC):
        return lambda: zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES).decompressobj()
    if first.startswith(_GZIP_MAGIC):
        return lambda: zlib.decompressobj(wbits=31)
    return None
