"""The captures in the data directory: their names, and the room that automatic ones may take."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path

from formats.capture.reading import open_capture
from formats.errors import OutputError, UsageError
from formats.text import escape_text
from recorder.store.layout import measure_tree

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_SUFFIX = ".tapio"
AUTOMATIC = "auto-"
"""Names of captures that a trigger made begin with it: only these are ever deleted."""


def capture_path(captures: Path, name: str) -> Path:
    """Where the capture of that name is, or will be."""
    return captures / f"{name}{_SUFFIX}"


def check_capture_name(captures: Path, name: str, pending: Container[str]) -> str:
    """The name of a new capture, without the suffix. It is never a path: callers choose names, not places.

    Args:
        captures: their directory.
        name: as somebody typed it, with the suffix or without.
        pending: names of captures that are not written yet.

    Raises:
        UsageError: the name is not allowed.
        OutputError: there is such a capture, or will be.
    """
    bare = name.removesuffix(_SUFFIX)
    if _NAME.fullmatch(bare) is None:
        raise UsageError(
            f"`{escape_text(name, limit=80)}` is not a valid capture name",
            next_step="use letters, digits, `.`, `_` and `-`; the directory is always captures/ of the recorder",
        )
    if bare in pending or capture_path(captures, bare).exists():
        raise OutputError("a capture of that name already exists", where=bare, next_step="choose another")
    return bare


@dataclass(frozen=True, slots=True)
class CaptureFigures:
    """What a finished capture amounts to.

    Attributes:
        events: rows of all tables.
        losses: events that are known to be missing.
        from_unix_nano: begin of what it holds; `to_unix_nano` is its end.
        sha256: of the file, hexadecimal.
    """

    events: int
    losses: int
    from_unix_nano: int
    to_unix_nano: int
    sha256: str


def measure_capture(path: Path) -> CaptureFigures:
    """Read a finished capture once, for its digest.

    Raises:
        TapioError: it is damaged or missing.
        OSError: it cannot be read.
    """
    capture = open_capture(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return CaptureFigures(
        events=capture.events,
        losses=sum(total.count for total in capture.info.loss),
        from_unix_nano=capture.begin_unix_nano,
        to_unix_nano=capture.end_unix_nano,
        sha256=digest.hexdigest(),
    )


def make_room(captures: Path, max_bytes: int, may_delete: Callable[[Path], bool] = lambda _: True) -> bool:
    """Delete the oldest automatic captures until all captures are within the bound; those that people made stay.

    Args:
        captures: their directory.
        max_bytes: of all captures together.
        may_delete: whether a capture need not stay until it is uploaded.

    Returns:
        Whether they are within the bound now.
    """
    by_age = sorted(captures.glob(f"*{_SUFFIX}"), key=lambda path: path.stat().st_mtime_ns)
    used = sum(measure_tree(path) for path in by_age)
    for path in by_age:
        if used < max_bytes:
            break
        if path.name.startswith(AUTOMATIC) and may_delete(path):
            used -= measure_tree(path)
            with contextlib.suppress(OSError):
                path.unlink()
    return used < max_bytes
