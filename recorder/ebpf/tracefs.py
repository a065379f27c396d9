"""What tracefs says about tracepoints."""

from __future__ import annotations

import re
from pathlib import Path

from formats.errors import UnavailableError

_FIELD = re.compile(r"^\tfield:[^;]*?(\w+)(?:\[[^\]]*\])?;", re.MULTILINE)
TRACEPOINT_NAME = re.compile(r"^([a-z0-9_]+):([a-z0-9_]+)$", re.IGNORECASE)
"""`group:name`: what a tracepoint can be called."""


def events_folder(sysfs: Path) -> Path:
    """The folder of all tracepoints.

    Raises:
        UnavailableError: tracefs is not mounted, or may not be read.
    """
    folder = sysfs / "kernel/tracing/events"
    try:
        is_mounted = folder.is_dir()
    except PermissionError as error:
        raise UnavailableError(
            "no permission to read tracefs", where=str(folder.parent), next_step="run the recorder as root"
        ) from error
    if not is_mounted:
        raise UnavailableError(
            "tracefs is not mounted",
            where=str(folder.parent),
            next_step=f"run `mount -t tracefs tracefs {folder.parent}` or `tapio-recorder doctor --fix`, as root",
        )
    return folder


def tracepoint_fields(sysfs: Path, group: str, name: str) -> tuple[str, ...]:
    """The names of a tracepoint's fields in order, the common ones too.

    Raises:
        UnavailableError: tracefs is not mounted, or the kernel has no such tracepoint.
    """
    file = events_folder(sysfs) / group / name / "format"
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UnavailableError(
            f"this kernel has no tracepoint {group}:{name} ({error.strerror})",
            where=str(file),
            next_step="choose one listed in /sys/kernel/tracing/available_events",
        ) from error
    return tuple(_FIELD.findall(text))
