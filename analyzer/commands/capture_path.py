"""The arguments that name captures: a path, or - for standard input, kept in a file while the command runs."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from formats.errors import MissingInputError

STANDARD_INPUT = "-"
SPOOLED_NAME = "standard-input"
"""Name of the file that has what standard input gave."""


class CapturePath(click.Path):
    """A path. For `-`, that of a file with everything that standard input gives; it is removed when the command ends.

    Why a file: a capture is read from its end.
    """

    def __init__(self) -> None:
        super().__init__(path_type=Path, allow_dash=True)

    def convert(self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """As `click.Path`."""
        if os.fspath(value) != STANDARD_INPUT:
            super().convert(value, param, ctx)
            return Path(value)
        if sys.stdin.isatty():
            raise MissingInputError("standard input is a terminal", next_step="give a path, or pipe a capture in")
        directory = Path(tempfile.mkdtemp(prefix="tapio-input-"))
        if ctx is not None:
            ctx.call_on_close(lambda: shutil.rmtree(directory, ignore_errors=True))
        path = directory / SPOOLED_NAME
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        return path


def as_one_capture(paths: Sequence[Path], context: click.Context) -> Path:
    """The only path, or that of a capture merged from all of them, which is removed when the command ends."""
    if len(paths) == 1:
        return paths[0]
    check_standard_input(paths)
    from analyzer.guard.opening import open_capture  # noqa: PLC0415 - Arrow, which a kept document does not need
    from formats.capture.merging import merge_captures  # noqa: PLC0415 - same

    directory = Path(tempfile.mkdtemp(prefix="tapio-input-"))
    context.call_on_close(lambda: shutil.rmtree(directory, ignore_errors=True))
    merged = directory / "merged.tapio"
    merge_captures(merged, [open_capture(path) for path in paths], created_by="tapio")
    return merged


def check_standard_input(paths: Iterable[Path]) -> None:
    """Refuse `-` if it is given more than once: the second one would be empty.

    Raises:
        UsageError: of click.
    """
    if sum(is_spooled(path) for path in paths) > 1:
        raise click.UsageError("standard input can be given only once")


def is_spooled(path: Path) -> bool:
    """Whether a path is that of what standard input gave: nobody else can name it."""
    return path.name == SPOOLED_NAME and path.parent.name.startswith("tapio-input-")
