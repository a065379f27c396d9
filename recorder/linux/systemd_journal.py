"""The journal of systemd, read by its own library. Source: sd-journal(3); libsystemd 239 and later."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from formats.errors import UnavailableError
from recorder.linux.libc import LIBC

FIELD_BYTES: Final = 16_384
"""Of a field that is larger, only so much is read."""
_DATA_THRESHOLD: Final = FIELD_BYTES + 256
_LIBRARY: Final = "libsystemd.so.0"


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One entry.

    Attributes:
        realtime_ns: when the journal received it, unix ns by the clock of the node.
        unit: that wrote it; empty if it does not say.
        message: its text; bytes that are not UTF-8 are replaced.
    """

    realtime_ns: int
    unit: str
    message: str


class SystemdJournal:
    """Open files of a journal, and a place in it; what is appended to them is seen. Not for two threads at once.

    Args:
        files: of one journal; files that are no journal are left out.

    Raises:
        UnavailableError: the library or the files are missing, or may not be read.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._directory = files[0].parent
        self._is_unread = False
        self._library = _load()
        self._handle = ctypes.c_void_p()
        code = self._open(files)
        if code < 0:  # one damaged file is enough for that
            whole = [file for file in files if self._can_open(file)]
            code = self._open(whole) if whole else code
        self._check(code, "opened")
        self._check(self._library.sd_journal_set_data_threshold(self._handle, _DATA_THRESHOLD), "read")

    def _open(self, files: Sequence[Path]) -> int:
        paths = (ctypes.c_char_p * (len(files) + 1))(*map(os.fsencode, files), None)
        code: int = self._library.sd_journal_open_files(ctypes.byref(self._handle), paths, 0)
        return code

    def _can_open(self, file: Path) -> bool:
        code = self._open([file])
        self.close()
        return code >= 0

    def match_units(self, units: Sequence[str]) -> None:
        """Give only entries of these units from now on; entries with one of several values of a field are given."""
        for unit in units:
            match = b"_SYSTEMD_UNIT=" + os.fsencode(unit)
            self._check(self._library.sd_journal_add_match(self._handle, match, len(match)), "read")

    def seek_cursor(self, cursor: str) -> bool:
        """Go behind the entry with this cursor; whether it is still there: otherwise to the first one after it."""
        at = cursor.encode("utf-8", "surrogateescape")
        if self._library.sd_journal_seek_cursor(self._handle, at) < 0:  # it is not of the form of a cursor
            return False
        if self._check(self._library.sd_journal_next(self._handle), "read") == 0:
            return False
        is_there = self._check(self._library.sd_journal_test_cursor(self._handle, at), "read") > 0
        self._is_unread = not is_there
        return is_there

    def seek_time(self, realtime_ns: int) -> None:
        """Go before the first entry that is not older than this."""
        at = ctypes.c_uint64(max(realtime_ns, 0) // 1_000)
        self._check(self._library.sd_journal_seek_realtime_usec(self._handle, at), "read")

    def next(self) -> bool:
        """Go to the next entry; whether there is one."""
        if self._is_unread:  # where a seek has led to
            self._is_unread = False
            return True
        return self._check(self._library.sd_journal_next(self._handle), "read") > 0

    def entry(self) -> JournalEntry | None:
        """Where it is; None if the entry was removed meanwhile or is damaged."""
        realtime = ctypes.c_uint64()
        if self._library.sd_journal_get_realtime_usec(self._handle, ctypes.byref(realtime)) < 0:
            return None
        message, unit = self._field("MESSAGE"), self._field("_SYSTEMD_UNIT")
        if message is None or unit is None:
            return None
        return JournalEntry(
            min(realtime.value, 2**53) * 1_000, unit.decode("utf-8", "replace"), message.decode("utf-8", "replace")
        )

    def cursor(self) -> str:
        """The place of the entry where it is; empty if it was removed meanwhile."""
        found = ctypes.c_void_p()
        if self._library.sd_journal_get_cursor(self._handle, ctypes.byref(found)) < 0 or not found.value:
            return ""
        try:
            return ctypes.string_at(found.value).decode("ascii", "replace")
        finally:
            _free(found)

    def close(self) -> None:
        """Close all files. Calling it twice does nothing."""
        if self._handle:
            self._library.sd_journal_close(self._handle)
            self._handle = ctypes.c_void_p()

    def _field(self, name: str) -> bytes | None:
        data, length = ctypes.c_void_p(), ctypes.c_size_t()
        code = self._library.sd_journal_get_data(self._handle, name.encode(), ctypes.byref(data), ctypes.byref(length))
        if code == -errno.ENOENT:
            return b""
        if code < 0 or not data.value:
            return None
        return ctypes.string_at(data.value, min(length.value, _DATA_THRESHOLD))[len(name) + 1 :][:FIELD_BYTES]

    def _check(self, code: int, what: str) -> int:
        if code < 0:
            raise UnavailableError(
                f"the systemd journal cannot be {what} ({os.strerror(-code)})",
                where=str(self._directory),
                next_step="run the recorder as root with the host's /var/log/journal and /run/log/journal mounted",
            )
        return code


def _load() -> Any:
    try:
        library = ctypes.CDLL(_LIBRARY)
        paths = ctypes.POINTER(ctypes.c_char_p)
        library.sd_journal_open_files.argtypes = [ctypes.POINTER(ctypes.c_void_p), paths, ctypes.c_int]
        library.sd_journal_add_match.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
        library.sd_journal_set_data_threshold.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        library.sd_journal_seek_realtime_usec.argtypes = [ctypes.c_void_p, ctypes.c_uint64]
        for name in ("seek_cursor", "test_cursor"):
            getattr(library, f"sd_journal_{name}").argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    except (OSError, AttributeError) as error:
        raise UnavailableError(
            f"the library of systemd cannot be loaded ({error})",
            where=_LIBRARY,
            next_step="install libsystemd0, or turn off the source `journal` on a node without systemd",
        ) from error
    return library


def _free(pointer: ctypes.c_void_p) -> None:
    LIBC.free(pointer)
