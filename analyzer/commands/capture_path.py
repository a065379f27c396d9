"""The arguments that name captures: a path, a URI, a folder of captures, or - for standard input."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.capture_places import CAPTURE_SUFFIX, joined_path, members_of, remote_path
from formats.errors import MissingInputError, UsageError

if TYPE_CHECKING:
    from analyzer.remote.reader import Reader
    from formats.object_store.uri import ObjectUri

_HAS_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
STANDARD_INPUT = "-"
SPOOLED_NAME = "standard-input"
"""Name of the file that has what standard input gave."""


class CapturePath(click.Path):
    """Where a capture lies: a path of this machine, or one of `analyzer.capture_places` for a URI or a folder.

    For `-`, a file with everything that standard input gives; it is removed when the command ends. Why a file: any part
    of a capture may be read at any time.
    """

    def __init__(self) -> None:
        super().__init__(path_type=Path, allow_dash=True)

    def convert(self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """As `click.Path`."""
        text = os.fspath(value)
        if text != STANDARD_INPUT:
            super().convert(value, param, ctx)
            return _find_uri(text, ctx) if _HAS_SCHEME.match(text) else _find_folder(Path(value))
        if sys.stdin.isatty():
            raise MissingInputError("standard input is a terminal", next_step="give a path, or pipe a capture in")
        directory = Path(tempfile.mkdtemp(prefix="tapio-input-"))
        if ctx is not None:
            ctx.call_on_close(lambda: shutil.rmtree(directory, ignore_errors=True))
        path = directory / SPOOLED_NAME
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        return path


class FolderPlace(click.Path):
    """A directory of this machine, or the URI of a folder of a store as text."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, file_okay=False)

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | str:
        """As `click.Path`; a URI that cannot be one is refused as by `CapturePath`."""
        text = os.fspath(value)
        if not _HAS_SCHEME.match(text):
            super().convert(value, param, ctx)
            return Path(value)
        uri = _parse_uri(text)
        return Path(uri.path) if uri.is_mounted else text


def as_one_capture(paths: Sequence[Path]) -> Path:
    """The only path, or one of all of them, which are read as one capture."""
    if len(paths) == 1:
        return paths[0]
    check_standard_input(paths)
    return joined_path(list_members(paths), " ".join(str(path) for path in paths))


def list_members(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Every capture, those of folders one by one."""
    return tuple(member for path in paths for member in members_of(path))


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


def _find_folder(path: Path) -> Path:
    """The captures of a directory that has some but no segments; else the path itself."""
    try:
        with os.scandir(path) as entries:
            names = [entry.name for entry in entries if not entry.name.startswith(".")]
    except OSError:
        return path
    captures = [path / name for name in sorted(names) if name.endswith(CAPTURE_SUFFIX)]
    if not captures:
        return path
    from formats.segment.manifest import MANIFEST_COPY_NAME, MANIFEST_NAME  # noqa: PLC0415 - for folders

    has_segments = {MANIFEST_NAME, MANIFEST_COPY_NAME} & set(names) or any(
        (path / name / MANIFEST_NAME).exists() for name in names if not name.endswith(CAPTURE_SUFFIX)
    )
    return path if has_segments else joined_path(captures, str(path))


def _find_uri(text: str, context: click.Context | None) -> Path:
    """What is there under a URI: an object, or the captures directly in a folder.

    Raises:
        UsageError: it is not a URI that can be read; with a sentence that never repeats what may be a credential.
        TapioError: there is nothing, or it cannot be known.
    """
    from analyzer.remote.reader import RemoteObject  # noqa: PLC0415 - for those who give a URI

    uri = _parse_uri(text)
    if uri.is_mounted:
        return _find_folder(Path(uri.path))
    reader = _reader_of(context)
    reply = reader.look(text)
    if not reply.is_folder:
        return remote_path(RemoteObject(reader, text, reply.objects[0]))
    folder, _, options = text.partition("?")
    members = [
        remote_path(RemoteObject(reader, f"{folder.rstrip('/')}/{found.path}{'?' if options else ''}{options}", found))
        for found in reply.objects
    ]
    if not members:
        raise MissingInputError("the folder contains no captures", where=text, next_step="check the path")
    return joined_path(members, text)


def _parse_uri(text: str) -> ObjectUri:
    """A URI that may be read; the path of a file as it is in the file system.

    Raises:
        UsageError: it is none; with a sentence that never repeats what may be a credential.
    """
    from urllib.parse import unquote  # noqa: PLC0415 - for those who give a URI

    from formats.object_store.uri import parse_object_uri  # noqa: PLC0415 - same

    try:
        uri = parse_object_uri(text)
    except ValueError as error:
        raise UsageError(f"{error}", where=f"{text.partition('://')[0][:16]}://…") from None
    return replace(uri, path=unquote(uri.path)) if uri.is_mounted else uri


def _reader_of(context: click.Context | None) -> Reader:
    """One for all captures of a command."""
    from analyzer.guard.opening import before_cut_off  # noqa: PLC0415 - for those who give a URI
    from analyzer.remote.reader import Reader  # noqa: PLC0415 - same

    context = context or click.Context(click.Command(None))
    reader = context.meta.get(__name__)
    if not isinstance(reader, Reader):
        reader = context.meta[__name__] = Reader()
        context.find_root().call_on_close(reader.close)
        before_cut_off(reader.seal)
    return reader
