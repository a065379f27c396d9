"""What is kept between runs in `~/.cache/tapio`: bytes under a key, each sort with a suffix of its own.

A cache is only an offer: whatever is not exactly as this module leaves it (missing, damaged, somebody else's, writable
by others, a symbolic link) is not read, and that it cannot be written is no error. It holds data, never code.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SWITCH = "TAPIO_CACHE"
"""Environment variable; `off` = neither read nor write a cache."""

MAX_ENTRY_BYTES = 64 << 20
"""Maximum size of a cache entry. Why: the shipped knowledge has 300 kB, and `limits.YAML_BYTES` limits the input."""

MAX_ENTRIES = 16
"""Entries of one sort that are kept, the newest."""

DIGEST_BYTES = 32
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def is_off() -> bool:
    """Whether the user wants no cache."""
    return os.environ.get(SWITCH, "").lower() == "off"


def read_entry(key: str, suffix: str) -> bytes | None:
    """What was kept under a key; None if there is nothing that can be trusted.

    Args:
        key: hexadecimal digits.
        suffix: of the sort of entry, with its dot.
    """
    if is_off():
        return None
    with suppress(OSError), _open_directory() as directory:
        descriptor = os.open(key + suffix, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=directory)
        with os.fdopen(descriptor, "rb") as file:
            if not _is_ours_alone(os.fstat(descriptor)):
                return None
            content = file.read(MAX_ENTRY_BYTES)
        digest, payload = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
        if secrets.compare_digest(digest, digest_of_entry(payload)):
            return payload
    return None


def keep_entry(key: str, suffix: str, payload: bytes) -> None:
    """Keeps bytes under a key, wholly or not at all; does nothing where that is not possible.

    Args:
        key: hexadecimal digits.
        suffix: of the sort of entry, with its dot; of each sort the newest `MAX_ENTRIES` stay.
        payload: what is kept; nothing is if it is longer than `MAX_ENTRY_BYTES`.
    """
    if is_off() or len(payload) > MAX_ENTRY_BYTES - DIGEST_BYTES:
        return
    temporary = f".{secrets.token_hex(8)}"
    with suppress(OSError):
        _cache_directory().mkdir(mode=0o700, parents=True, exist_ok=True)
        with _open_directory() as directory:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(temporary, flags, 0o600, dir_fd=directory)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(digest_of_entry(payload) + payload)
                os.rename(temporary, key + suffix, src_dir_fd=directory, dst_dir_fd=directory)
            except OSError:
                os.unlink(temporary, dir_fd=directory)
                raise
            _remove_old(directory, suffix)


def digest_of_entry(payload: bytes) -> bytes:
    """What stands before the payload of an entry."""
    return hashlib.blake2b(payload, digest_size=DIGEST_BYTES).digest()


def _cache_directory() -> Path:
    """Defined by the XDG Base Directory Specification: a relative path is ignored.

    Raises:
        OSError: the environment names neither a cache nor a home.
    """
    for base in (os.environ.get("XDG_CACHE_HOME", ""), os.path.expanduser("~/.cache")):  # noqa: PTH111 - raises nothing
        if Path(base).is_absolute():
            return Path(base) / "tapio"
    raise FileNotFoundError


@contextmanager
def _open_directory() -> Iterator[int]:
    """The directory of the cache, if no other user can write to it.

    Raises:
        OSError: it is missing, a symbolic link, somebody else's, or writable by others.
    """
    descriptor = os.open(_cache_directory(), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not _is_ours_alone(os.fstat(descriptor)):
            raise PermissionError
        yield descriptor
    finally:
        os.close(descriptor)


def _is_ours_alone(status: os.stat_result) -> bool:
    return status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_MAY_WRITE


def _remove_old(directory: int, suffix: str) -> None:
    entries = [name for name in os.listdir(directory) if name.endswith(suffix)]
    ages = {name: os.stat(name, dir_fd=directory, follow_symlinks=False).st_mtime_ns for name in entries}
    for name in sorted(entries, key=lambda name: (ages[name], name))[:-MAX_ENTRIES]:
        os.unlink(name, dir_fd=directory)
