"""Real files of a systemd journal, which systemd's own program makes of a text."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MAKER = Path("/lib/systemd/systemd-journal-remote")
MACHINE = "0123456789abcdef0123456789abcdef"
BOOT = "fedcba9876543210fedcba9876543210"
BEGIN_US = 1_700_000_000_000_000


@dataclass(frozen=True)
class Line:
    """An entry that is to be made; `at` in seconds after `BEGIN_US`."""

    at: float
    message: bytes
    unit: str = "kubelet.service"


def missing() -> str:
    """Why no journal can be made here; empty if one can."""
    return "" if MAKER.exists() else "systemd-journal-remote is not installed: deploy/setup.sh test"


class MadeJournal:
    """A directory that looks like /var/log/journal; each `write` makes one more file, as a rotation does."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.machine = directory / MACHINE
        self.machine.mkdir(parents=True)
        self._files = 0

    def write(self, lines: Iterable[Line]) -> Path:
        """A file with these lines, which appears at once as a whole."""
        self._files += 1
        made = self.directory.parent / f"made-{self._files}.journal"
        subprocess.run([MAKER, "-o", made, "-"], input=b"".join(map(_export, lines)), check=True, capture_output=True)
        name = self.machine / f"system@{self._files:04}.journal"
        shutil.move(made, name)
        return name


def _export(line: Line) -> bytes:
    """Source: systemd's Journal Export Formats."""
    realtime = BEGIN_US + round(line.at * 1e6)
    fields = [
        f"__REALTIME_TIMESTAMP={realtime}".encode(),
        f"__MONOTONIC_TIMESTAMP={round(line.at * 1e6) + 1_000_000}".encode(),
        f"_BOOT_ID={BOOT}".encode(),
        f"_MACHINE_ID={MACHINE}".encode(),
        f"_SYSTEMD_UNIT={line.unit}".encode(),
        b"PRIORITY=6",
        b"MESSAGE\n" + len(line.message).to_bytes(8, "little") + line.message,
    ]
    return b"\n".join(fields) + b"\n\n"
