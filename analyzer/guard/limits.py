"""What a command may use, by how much input it was given. Each limit can be raised by an environment variable."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from formats.errors import ConfigurationError

MEMORY_VARIABLE = "TAPIO_MAX_MEMORY"
"""Environment variable: bytes (`8GiB`), or `none`."""

CPU_VARIABLE = "TAPIO_MAX_CPU"
"""Environment variable: CPU time (`2h`), or `none`."""

RULE_VARIABLE = "TAPIO_MAX_RULE_TIME"
"""Environment variable: time of one rule of --knowledge (`5m`), or `none`."""

MEMORY_BYTES = 384 << 20
"""Memory of a command, whatever its input. Why: an analysis of any shipped recording needs 190 MiB."""

MEMORY_FACTOR = 384
"""Bytes of memory for each byte of input. Why: what kubectl lists of 6,000 pods, 1.1 MB, needs 150 for each."""

OPEN_MEMORY_BYTES = 4 << 30
"""Memory of a command whose input is not a file of this machine (`OPEN_ENDED`, standard input, or a URI)."""

RESERVED_BYTES = 4 << 30
"""Address space beyond the memory that is used. Why: Arrow's allocator reserves 1 GiB, and each thread a stack."""

CPU_NS = 900_000_000_000
"""CPU time of a command, whatever its input."""

CPU_NS_PER_MIB = 30_000_000_000
"""CPU time for each MiB of input. Why: a MiB has about 20,000 events, which need 2 s."""

RULE_NS = 60_000_000_000
"""Time of one rule of --knowledge on one part of a capture. Why: shipped rules need a tenth of a second."""

FILE_BYTES = 16 << 30
"""Largest file that a command writes. Why: what does not fit into memory is written to files, too."""

FILE_FACTOR = 16
"""Bytes of a file for each byte of input."""

OPEN_ENDED = frozenset({"import", "pattern", "sql", "test"})
"""Commands that read more than what the command line names, files that expand, or that answer any query."""

ENDLESS = frozenset({"predict", "sql"})
"""Commands that follow a recorder or wait for questions: their CPU time is not limited."""

_MAX_FILES = 20_000
"""Files of a directory that are counted."""


@dataclass(frozen=True, slots=True)
class CommandLimits:
    """What a command may use; None = no limit.

    Attributes:
        memory_bytes: memory in use that no file backs.
        cpu_ns: CPU time of all threads.
        rule_ns: time of one rule of --knowledge.
        file_bytes: size of any one file that it writes.
        inputs: the paths of the command line, for messages.
    """

    memory_bytes: int | None
    cpu_ns: int | None
    rule_ns: int | None
    file_bytes: int
    inputs: tuple[str, ...]


def choose_limits(arguments: Sequence[str], environment: Mapping[str, str]) -> CommandLimits:
    """The limits for a command line.

    Args:
        arguments: the command and its arguments; those that name files or directories are its input.
        environment: may raise limits, see the variables above.

    Raises:
        ConfigurationError: a variable is neither an amount nor `none`.
    """
    command = arguments[0] if arguments else ""
    sizes = {path: _size_of(path) for path in arguments[1:] if not path.startswith("-")}
    inputs = {path: size for path, size in sizes.items() if size is not None}
    total = sum(inputs.values())
    is_open = command in OPEN_ENDED or "-" in arguments or any("://" in argument for argument in arguments)
    memory = OPEN_MEMORY_BYTES if is_open else MEMORY_BYTES
    cpu_ns = None if command in ENDLESS else CPU_NS + CPU_NS_PER_MIB * (total >> 20)
    return CommandLimits(
        memory_bytes=_amount(MEMORY_VARIABLE, memory + MEMORY_FACTOR * total, environment),
        cpu_ns=_amount(CPU_VARIABLE, cpu_ns, environment),
        rule_ns=_amount(RULE_VARIABLE, RULE_NS, environment),
        file_bytes=max(FILE_BYTES, FILE_FACTOR * total),
        inputs=tuple(inputs),
    )


def _amount(variable: str, default: int | None, environment: Mapping[str, str]) -> int | None:
    text = environment.get(variable, "")
    if not text:
        return default
    if text.lower() == "none":
        return None
    from formats.units import parse_bytes, parse_duration  # noqa: PLC0415 - not for a command without such a variable

    try:
        return parse_bytes(text) if variable == MEMORY_VARIABLE else parse_duration(text)
    except ValueError as error:
        raise ConfigurationError(f"{error}, or none", where=f"environment variable {variable}") from error


def _size_of(path: str) -> int | None:
    """Bytes of a file, or of the files of a directory and of its directories; None if there is nothing."""
    try:
        if not os.path.isdir(path):  # noqa: PTH112 - pathlib is slower to import than all of this takes
            return os.stat(path).st_size  # noqa: PTH116 - same
        entries = [entry for entry in _list(path) if not entry.is_symlink()]
        nested = [child for entry in entries if entry.is_dir() for child in _list(entry.path)]
        files = [entry for entry in (*entries, *nested)[:_MAX_FILES] if entry.is_file(follow_symlinks=False)]
        return sum(entry.stat(follow_symlinks=False).st_size for entry in files)
    except (OSError, ValueError):
        return None


def _list(path: str) -> list[os.DirEntry[str]]:
    with os.scandir(path) as entries:
        return list(entries)
