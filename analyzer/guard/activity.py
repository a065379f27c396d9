"""What a command is working on, in memory that it shares with the process that watches it.

A rule of somebody else's knowledge may take all memory or never end, inside of a library where no Python code runs.
The watching process ends the command then, and still knows which rule it was.
"""

from __future__ import annotations

import mmap
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager

_HEADER = struct.Struct("<qH")
"""Monotonic ns at which the work began (0 = no work is named), and bytes of its name."""

_PAGE_BYTES = 4096


class Activity:
    """One page of shared memory: the child writes the name of its work, the parent reads it."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, _PAGE_BYTES)

    def begin(self, what: str) -> None:
        """Names the work that begins now."""
        name = what.encode("utf-8", "replace")[: _PAGE_BYTES - _HEADER.size]
        self._page[_HEADER.size : _HEADER.size + len(name)] = name
        _HEADER.pack_into(self._page, 0, time.monotonic_ns(), len(name))

    def end(self) -> None:
        """No work is named from now on."""
        _HEADER.pack_into(self._page, 0, 0, 0)

    def read(self) -> tuple[str, int] | None:
        """The name of the work and for how many ns it has been going on; None if no work is named."""
        began_ns, size = _HEADER.unpack_from(self._page)
        if not began_ns:
            return None
        name = self._page[_HEADER.size : _HEADER.size + size].decode("utf-8", "replace")
        return name, time.monotonic_ns() - began_ns


_watched: Activity | None = None


def report_to(activity: Activity) -> None:
    """From now on `working_on` of this process writes there."""
    global _watched  # noqa: PLW0603 - one process has one watcher
    _watched = activity


def is_watched() -> bool:
    """Whether this process is a guarded child."""
    return _watched is not None


@contextmanager
def working_on(what: str) -> Iterator[None]:
    """Names the work inside; it is counted against the time of one rule.

    Args:
        what: for a message, such as "symptom `x` in own.yaml:3:1".
    """
    if _watched is None:
        yield
        return
    _watched.begin(what)
    try:
        yield
    finally:
        _watched.end()
