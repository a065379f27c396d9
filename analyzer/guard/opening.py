"""The one place where commands open captures: from there on they are confined, unless they need the network."""

from __future__ import annotations

import os
from pathlib import Path

from analyzer.guard.activity import is_watched
from formats.capture.reading import Capture
from formats.capture.reading import open_capture as read_capture

_needs_network = False
_is_confined = False


def allow_network() -> None:
    """This command sends its result to a server: opening a capture does not cut it off."""
    global _needs_network  # noqa: PLW0603 - a property of the process
    _needs_network = True


def cut_off() -> None:
    """A guarded child has neither network nor programs from here on, unless it needs the network."""
    global _is_confined  # noqa: PLW0603 - a property of the process
    if is_watched() and not (_needs_network or _is_confined):
        from analyzer.guard.confinement import confine  # noqa: PLC0415 - ctypes, which help and kept analyses do without

        confine(parent=os.getppid())
        _is_confined = True


def open_capture(path: Path) -> Capture:
    """As `formats.capture.reading.open_capture`, after `cut_off`."""
    cut_off()
    return read_capture(path)
