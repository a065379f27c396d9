"""Puts a capture where the person who asked for it wants it: `tapio-recorder freeze -o PATH`.

The recorder writes captures only below its own data directory, whatever it is asked. This code runs in the process of
the person, so the kernel decides what may be read and written there.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from formats.errors import OutputError, PermissionDeniedError, UnavailableError, explain_unwritten
from formats.segment.sealing import sync_directory

_SUFFIX = ".tapio"
_COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a capture is to be put.

    Attributes:
        directory: absolute; it exists and can be written.
        name: of the file, with its suffix; empty: the name that the recorder gave the capture.
        may_replace: whether a file of that name may be replaced.
    """

    directory: Path
    name: str
    may_replace: bool = False


def choose_destination(output: str, *, may_replace: bool = False) -> Destination:
    """The destination that a person means, checked before the recorder is asked for anything.

    Args:
        output: a file, `.tapio` is added if it is missing; or a directory; relative to the current directory.
        may_replace: whether a file that exists may be replaced.

    Raises:
        OutputError: the directory does not exist, or the file exists and may not be replaced.
        PermissionDeniedError: this process may not write there.
    """
    path = Path(output).absolute()
    if path.is_dir() or output.endswith("/"):
        directory, name = path, ""
    else:
        directory, name = path.parent, path.name if path.name.endswith(_SUFFIX) else path.name + _SUFFIX
    if not directory.is_dir():
        raise OutputError(
            "the directory does not exist", where=str(directory), next_step="create it, or choose another path with -o"
        )
    if not os.access(directory, os.W_OK | os.X_OK):
        raise PermissionDeniedError(
            "the directory is not writable", where=str(directory), next_step="choose another path with -o"
        )
    if name:
        _refuse_existing(directory / name, may_replace=may_replace)
    return Destination(directory, name, may_replace)


def find_capture(places: Iterable[Path], size: int) -> Path:
    """The capture that the recorder has written, as this process sees it.

    A recorder in a container names its files as they are in its own mount namespace, so every place is checked by size.

    Args:
        places: where it may be, the most likely first.
        size: of the capture, in bytes, as the recorder said.

    Raises:
        UnavailableError: it is at none of these places, or cannot be read.
    """
    asked = list(dict.fromkeys(places))
    for place in asked:
        try:
            if place.stat().st_size == size and os.access(place, os.R_OK):
                return place
        except OSError:
            continue
    raise UnavailableError(
        "the capture was written, but this process cannot read it",
        where=" or ".join(str(place) for place in asked),
        next_step="copy it as the recorder's user, or from the recorder's container",
    )


def deliver_capture(capture: Path, destination: Destination) -> Path:
    """Put a capture at its destination, whole and on the disk, or not at all.

    On the recorder's own file system it becomes a second name of the same file, which takes no space; elsewhere a copy.
    The recorder's own file stays.

    Returns:
        Where it is.

    Raises:
        OutputError: it cannot be written there, or a file of that name exists; it says where the capture is.
    """
    path = destination.directory / (destination.name or capture.name)
    if path.exists() and path.samefile(capture):
        return path  # the recorder's own directory was asked for
    temporary = path.with_name(f".{path.name}.{os.getpid()}.writing")
    try:
        temporary.unlink(missing_ok=True)  # of a command with the same process id that was killed
        _link_or_copy(capture, temporary)
        _publish(temporary, path, may_replace=destination.may_replace)
        sync_directory(path.parent)
    except OSError as error:
        step = f"copy it from {capture}"
        raise explain_unwritten(error, "the capture", where=str(path), next_step=step, disk_step=step) from error
    except OutputError as error:
        raise OutputError(error.problem, where=error.where, next_step=f"copy it from {capture}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # another file system, one without hard links, or a file of somebody else
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as writer, source.open("rb") as reader:
            shutil.copyfileobj(reader, writer, _COPY_BYTES)
            writer.flush()
            os.fsync(writer.fileno())


def _publish(temporary: Path, path: Path, *, may_replace: bool) -> None:
    """Give the finished file its name. Linking fails if the name is taken, renaming would replace the existing file."""
    if not may_replace:
        try:
            path.hardlink_to(temporary)
        except OSError as error:
            if error.errno != errno.EEXIST and not os.path.lexists(path):
                temporary.rename(path)  # a file system without hard links
                return
            _refuse_existing(path, may_replace=False)
        return
    temporary.replace(path)


def _refuse_existing(path: Path, *, may_replace: bool) -> None:
    if path.is_dir() and not path.is_symlink():
        raise OutputError("a directory of that name exists", where=str(path), next_step="choose another path with -o")
    if os.path.lexists(path) and not may_replace:
        raise OutputError("the file exists", where=str(path), next_step="choose another path with -o, or use --force")
