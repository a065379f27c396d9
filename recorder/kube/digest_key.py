"""The key of the digests of what is not recorded: made once per node, so that digests stay comparable over restarts."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

KEY_FILE = "kube-digest.key"
KEY_BYTES = 32


def load_digest_key(state_directory: Path | None) -> bytes:
    """The node's key; a new one, kept in a file that only its owner can read, if there is none yet.

    Args:
        state_directory: None = nothing can be kept, so the key lasts as long as the recorder.
    """
    if state_directory is None:
        return secrets.token_bytes(KEY_BYTES)
    path = state_directory / KEY_FILE
    key = _read(path)
    if key is None:
        key = secrets.token_bytes(KEY_BYTES)
        temporary = state_directory / f".{KEY_FILE}"
        # A disk that refuses the key costs only that digests do not outlast this run.
        with contextlib.suppress(OSError):
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(key)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(path)
    return key


def _read(path: Path) -> bytes | None:
    try:
        key = path.read_bytes()
    except OSError:
        return None
    return key if len(key) == KEY_BYTES else None
