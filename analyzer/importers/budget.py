"""What an import may cost: 300 kB of zstd can stand for a line, a document or a file without end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from formats.errors import FormatError
from formats.units import format_bytes, format_duration


@dataclass(frozen=True, slots=True)
class ImportLimits:
    """Limits of one import, each raised by an option of `tapio import`.

    Attributes:
        line_bytes: of one line. Why so many: a LIST of a whole large cluster is one line.
        document_bytes: of what kubectl prints, which is one document over many lines and so is held as a whole.
        total_bytes: of all files after decompression.
        time_ns: from the begin of the import.
    """

    line_bytes: int = 128 << 20
    document_bytes: int = 256 << 20
    total_bytes: int = 32 << 30
    time_ns: int = 1_800_000_000_000


class ImportBudget:
    """What one import has used of its limits. Every file is read twice; each of the two passes has the total.

    Args:
        limits: what it may use.
        now_ns: a monotonic clock.
    """

    def __init__(self, limits: ImportLimits | None = None, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self.limits = limits or ImportLimits()
        self._now_ns = now_ns
        self._end_ns = now_ns() + self.limits.time_ns
        self._read_bytes = 0

    def begin_pass(self) -> None:
        """The files are read from the first one on."""
        self._read_bytes = 0

    def spend(self, expanded_bytes: int, path: Path) -> None:
        """Counts bytes of a file after decompression, and looks at the clock.

        Raises:
            FormatError: the total, or the time, is spent.
        """
        self._read_bytes += expanded_bytes
        if self._read_bytes > self.limits.total_bytes:
            raise _spent("the input has", "total", self.limits.total_bytes, path)
        if self._now_ns() > self._end_ns:
            raise FormatError(
                f"the import took more than {format_duration(self.limits.time_ns)}",
                where=str(path),
                next_step="if you trust the input, raise the limit with --max-time",
            )

    def check_line(self, line_bytes: int, path: Path) -> None:
        """Raises FormatError if a line is too long, before the rest of it is read."""
        if line_bytes > self.limits.line_bytes:
            raise _spent("a line has", "line", self.limits.line_bytes, path)

    def check_document(self, document_bytes: int, path: Path) -> None:
        """Raises FormatError if a document is too large, before the rest of it is read."""
        if document_bytes > self.limits.document_bytes:
            raise _spent("the document has", "document", self.limits.document_bytes, path)


def _spent(what: str, option: str, limit: int, path: Path) -> FormatError:
    return FormatError(
        f"{what} more than {format_bytes(limit)}",
        where=str(path),
        next_step=f"if you trust the input, raise the limit with --max-{option}",
    )
