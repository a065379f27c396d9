"""The recorder's directory: which folder holds what, and the names of journals and segments."""

from __future__ import annotations

import fcntl
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from formats.errors import OutputError, PermissionDeniedError, StorageError, UnavailableError

JOURNAL_SUFFIX = ".journal"

_SEGMENT_NAME = re.compile(
    r"(?P<unix>[0-9]{20})-(?P<boot>[0-9a-f]{8})-(?P<begin>[0-9]{1,20})-(?P<end>[0-9]{1,20})-(?P<id>[0-9a-f]{32})"
)


@dataclass(frozen=True, slots=True, order=True)
class SegmentName:
    """What the name of a segment's directory says, so that choosing segments opens none of them.

    Attributes:
        begin_unix_nano: wall clock at its first row.
        boot: first 8 digits of the boot id.
        begin_boot_ns: CLOCK_BOOTTIME of its first row.
        end_boot_ns: CLOCK_BOOTTIME of its last row.
        id: 32 hexadecimal digits: that of its journal and of its manifest.
    """

    begin_unix_nano: int
    boot: str
    begin_boot_ns: int
    end_boot_ns: int
    id: str

    def __str__(self) -> str:
        return f"{self.begin_unix_nano:020d}-{self.boot}-{self.begin_boot_ns}-{self.end_boot_ns}-{self.id}"

    @property
    def end_unix_nano(self) -> int:
        """Wall clock time of its last row, assuming that the clock was not set in between."""
        return self.begin_unix_nano + self.end_boot_ns - self.begin_boot_ns

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The name in a directory's name; None if it is not one that we give."""
        match = _SEGMENT_NAME.fullmatch(text)
        if match is None:
            return None
        return cls(int(match["unix"]), match["boot"], int(match["begin"]), int(match["end"]), match["id"])


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """The folders below `data_dir`, all of them ours alone (mode 0700).

    Attributes:
        root: `data_dir` itself.
    """

    root: Path

    @property
    def journals(self) -> Path:
        """Open journals, and those that wait to be sealed."""
        return self.root / "journal"

    @property
    def ring(self) -> Path:
        """Sealed segments, one directory each."""
        return self.root / "ring"

    @property
    def frozen(self) -> Path:
        """Hard links to the segments of a freeze while its capture is being written; one directory per freeze."""
        return self.root / "frozen"

    @property
    def captures(self) -> Path:
        """Finished captures."""
        return self.root / "captures"

    @property
    def quarantine(self) -> Path:
        """What could not be trusted any more, kept for people."""
        return self.root / "quarantine"

    @property
    def state(self) -> Path:
        """Small files that outlive a restart."""
        return self.root / "state"

    def create(self) -> None:
        """Make every folder that is missing.

        Raises:
            OutputError: one cannot be made.
            PermissionDeniedError: this process may not.
        """
        for path in (self.root, self.journals, self.ring, self.frozen, self.captures, self.quarantine, self.state):
            try:
                path.mkdir(mode=0o700, parents=path == self.root, exist_ok=True)
            except PermissionError as error:
                raise PermissionDeniedError(
                    "the data directory cannot be created", where=str(path), next_step="run as root, or set data_dir"
                ) from error
            except OSError as error:
                raise OutputError(
                    f"the data directory cannot be created ({os.strerror(error.errno or 0)})",
                    where=str(path),
                    next_step="free space, or set data_dir to another path",
                ) from error

    def lock(self) -> int:
        """Take the directory for this process; the lock ends with the process, however it ends.

        Returns:
            The descriptor that holds the lock.

        Raises:
            UnavailableError: another recorder has it.
            StorageError: the file cannot be made.
        """
        path = self.root / "lock"
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StorageError(
                f"the lock file cannot be created ({os.strerror(error.errno or 0)})",
                errno=error.errno or 0,
                where=str(path),
            ) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(fd)
            raise UnavailableError(
                "another recorder is using this directory",
                where=str(self.root),
                next_step="stop it, or set another data_dir for this one",
            ) from error
        return fd


def measure_tree(path: Path) -> int:
    """Bytes on disk of a file, or of a directory's files; what vanishes meanwhile counts nothing."""
    try:
        status = path.lstat()
        if not path.is_dir() or path.is_symlink():
            return status.st_blocks * 512
        return sum(measure_tree(child) for child in path.iterdir())
    except OSError:
        return 0
