"""Says on a terminal how far the analysis of a large capture is; nothing, if it takes less than two seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SILENT_S = 2.0
"""Seconds after which a reader begins to wonder."""

_CLEAR_LINE = "\r\x1b[K"


@contextmanager
def show_progress(
    from_ns: int,
    to_ns: int,
    *,
    write: Callable[[str], object] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Callable[[int], None]]:
    """A function that is told up to which time the recording was looked at.

    Args:
        from_ns: begin of what is looked at, unix ns.
        to_ns: its end.
        write: prints to the terminal; None = to standard error, if it is one. The line is cleared at the end.
        clock: seconds.
    """
    if write is None:
        write = _write if sys.stderr.isatty() else None
    began, is_shown = clock(), False

    def advance(at_ns: int) -> None:
        nonlocal is_shown
        if write is not None and clock() - began >= SILENT_S:
            share = (at_ns - from_ns) / max(to_ns - from_ns, 1)
            write(f"{_CLEAR_LINE}analyzing: {min(max(share, 0), 1):.0%} of the recording")
            is_shown = True

    try:
        yield advance
    finally:
        if write is not None and is_shown:
            write(_CLEAR_LINE)


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
