"""The one place where commands open captures: from there on they are confined, unless they need the network."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from analyzer.capture_places import JoinedPath, RemotePath
from analyzer.guard.activity import is_watched
from formats.capture.reading import Capture, begins_as_capture, open_bytes
from formats.capture.reading import open_capture as read_capture
from formats.errors import FormatError

_needs_network = False
_is_confined = False
_last_words: list[Callable[[], None]] = []


def allow_network() -> None:
    """This command sends its result to a server: opening a capture does not cut it off."""
    global _needs_network  # noqa: PLW0603 - a property of the process
    _needs_network = True


def before_cut_off(act: Callable[[], None]) -> None:
    """Called once, before the first capture is opened."""
    _last_words.append(act)


def cut_off() -> None:
    """A guarded child has neither network nor programs from here on, unless it needs the network."""
    global _is_confined  # noqa: PLW0603 - a property of the process
    while _last_words:
        _last_words.pop()()
    if is_watched() and not (_needs_network or _is_confined):
        from analyzer.guard.confinement import confine  # noqa: PLC0415 - ctypes, which help and kept analyses do without

        confine(parent=os.getppid())
        _is_confined = True


def open_capture(path: Path) -> Capture:
    """As `formats.capture.reading.open_capture`, after `cut_off`; also what lies elsewhere, and several as one.

    Raises:
        TapioError: as there; and what lies elsewhere cannot be read, or several contradict each other.
    """
    cut_off()
    if isinstance(path, JoinedPath):
        from formats.capture.merging import join_captures  # noqa: PLC0415 - most commands have one capture

        return join_captures(path, [open_capture(member) for member in path.members], created_by="tapio")
    if not isinstance(path, RemotePath):
        return read_capture(path)
    if not begins_as_capture(path.bytes):
        raise FormatError(
            "the object is not a Tapio capture" if path.bytes.size else "the object is empty",
            where=str(path),
            next_step="give one that was uploaded by a recorder, or download it and run `tapio verify` on it",
        )
    return open_bytes(path, path.bytes)
