"""What was uploaded, on disk: one small file that outlives a restart.

If it is lost, nothing else is: a capture that is at the destination already, with the same digest, is not sent again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from formats.segment.sealing import sync_directory

_FILE = "uploads.json"
_MAX_BYTES = 64 << 20


class UploadedCapture(msgspec.Struct, frozen=True):
    """A capture that is complete at the destination, as reading it back has shown.

    Attributes:
        file: its name in `captures/`.
        size: in bytes.
        modified_ns: when the file was written, unix ns: another one of the same name and size is another capture.
        destination: URI below which it is, without options.
        object: name below the destination.
        sha256: of its content, hexadecimal.
        uploaded_unix_nano: when.
        is_deleted: whether it was deleted there again; then it is remembered while the file is on the node.
    """

    file: str
    size: int
    modified_ns: int
    destination: str
    object: str
    sha256: str
    uploaded_unix_nano: int
    is_deleted: bool = False

    @property
    def uri(self) -> str:
        """Where it is."""
        return f"{self.destination}/{self.object}"


class UploadState(msgspec.Struct, frozen=True):
    """The content of the file.

    Attributes:
        uploaded: the oldest first.
        kept: names of captures that are never uploaded, because a Capture asked for that.
    """

    uploaded: tuple[UploadedCapture, ...] = ()
    kept: tuple[str, ...] = ()


def load_state(directory: Path, log: Callable[[str], None]) -> UploadState:
    """The state of the run before; a file that cannot be read is set aside."""
    path = directory / _FILE
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_MAX_BYTES), type=UploadState)
    except FileNotFoundError:
        return UploadState()
    except (OSError, msgspec.MsgspecError) as error:
        log(f"{path} cannot be read, captures are compared with the destination: {error}")
        return UploadState()


def save_state(directory: Path, state: UploadState) -> None:
    """Write it, so that after a crash the old or the new state is there.

    Raises:
        OSError: it cannot be written.
    """
    temporary = directory / f".{_FILE}"
    with temporary.open("wb") as file:
        file.write(msgspec.json.encode(state))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(directory / _FILE)
    sync_directory(directory)
