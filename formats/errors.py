"""The one exception family of Tapio: one sentence, with the place and the next step, and a sysexits code.

Damage inside a recording is data (see `formats.loss.Damage`), never an exception: these are raised only when nothing
useful can be returned at all.
"""

from __future__ import annotations

import errno
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of commands. Source: sysexits.h, and 1 for a negative result as with grep, diff and promtool."""

    OK = 0
    """The command succeeded."""
    NEGATIVE = 1
    """The command succeeded, with a negative result: damage found, a pattern test failed, a mistake in a
    pattern, an object not found."""
    USAGE = 64
    """The command line is wrong."""
    DATA = 65
    """The input is not valid, or needs more memory or time than it may have."""
    NO_INPUT = 66
    """The input does not exist or cannot be opened."""
    UNAVAILABLE = 69
    """A peer (API server, Neo4j, recorder) or a kernel feature is not available."""
    SOFTWARE = 70
    """A defect of Tapio itself, or of a library that the input made crash."""
    CANNOT_CREATE = 73
    """The output cannot be written."""
    INPUT_OUTPUT = 74
    """A disk or pipe failed."""
    NO_PERMISSION = 77
    """This process lacks a permission."""
    CONFIGURATION = 78
    """The configuration file is wrong."""


class TapioError(Exception):
    """Base of every error that a user can meet.

    Args:
        problem: what is wrong, with numbers, in one clause and without a final stop.
        where: the place: path, path:line:column, path at byte offset, URL, table and column.
        next_step: what the reader can do now.
    """

    exit_code: ExitCode = ExitCode.SOFTWARE

    def __init__(self, problem: str, *, where: str | None = None, next_step: str | None = None) -> None:
        super().__init__(problem, where, next_step)
        self.problem = problem
        self.where = where
        self.next_step = next_step

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        step = f"; {self.next_step}" if self.next_step else ""
        return f"{place}{self.problem}{step}"


class UsageError(TapioError):
    """The command line asks for something that does not exist."""

    exit_code = ExitCode.USAGE


class FormatError(TapioError):
    """A file is not a capture, a segment or a journal at all."""

    exit_code = ExitCode.DATA


class VersionError(FormatError):
    """A file was written by a version that this one cannot read."""


class LimitError(FormatError):
    """A file needs more than `formats.limits` allows.

    Args:
        what: the limited thing, as named in `formats.limits`.
        value: what the file needs.
        limit: what is allowed.
    """

    def __init__(self, what: str, value: int, limit: int, *, where: str | None = None) -> None:
        super().__init__(
            f"{what} is {value:,}, more than the limit of {limit:,}",
            where=where,
            next_step="the file is hostile or damaged; run `tapio verify` on it",
        )
        self.what = what
        self.value = value
        self.limit = limit


class MissingInputError(TapioError):
    """A file or directory does not exist or cannot be opened."""

    exit_code = ExitCode.NO_INPUT


class KnowledgeError(TapioError):
    """A YAML file of symptoms, causes or patterns is wrong; `where` is file:line:column."""

    exit_code = ExitCode.DATA


class DeclarationError(TapioError):
    """An SQL file of Tapio's own is not declared as it must be; `where` is file:line. A defect of Tapio."""


class ConfigurationError(TapioError):
    """The recorder's configuration file is wrong; `where` is file:line."""

    exit_code = ExitCode.CONFIGURATION


class UnavailableError(TapioError):
    """A peer or a kernel feature is not available. An unavailable answer is never an empty answer."""

    exit_code = ExitCode.UNAVAILABLE


class PermissionDeniedError(TapioError):
    """This process lacks a permission."""

    exit_code = ExitCode.NO_PERMISSION


class OutputError(TapioError):
    """An output cannot be created or written."""

    exit_code = ExitCode.CANNOT_CREATE


class StorageError(TapioError):
    """A disk failed.

    Args:
        errno: the number that the kernel gave.
    """

    exit_code = ExitCode.INPUT_OUTPUT

    def __init__(self, problem: str, *, errno: int, where: str | None = None, next_step: str | None = None) -> None:
        super().__init__(problem, where=where, next_step=next_step)
        self.errno = errno


_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS})


def is_disk_error(error: OSError) -> bool:
    """Whether a disk failed or is full, and not the path that somebody chose."""
    return error.errno in _DISK_ERRORS


def explain_unwritten(
    error: OSError,
    what: str,
    *,
    where: str,
    next_step: str,
    disk_step: str = "free space, or choose another path with -o",
) -> TapioError:
    """The error for an output that could not be written: of the disk, or of the path.

    Args:
        error: what the kernel said.
        what: the output, as the subject of the sentence: "the capture".
        where: its path.
        next_step: for a path that does not serve.
        disk_step: for a disk that failed or is full.
    """
    problem = f"{what} cannot be written ({error.strerror})"
    if is_disk_error(error):
        return StorageError(problem, errno=error.errno or 0, where=where, next_step=disk_step)
    return OutputError(problem, where=where, next_step=next_step)
