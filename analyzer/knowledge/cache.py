"""Checked knowledge kept between runs: reading and checking the YAML files again would be a third of a start.

`docs/adr/0020-start-up.md` has the figures. A cache is only an offer: whatever is not exactly as this module leaves it
(missing, damaged, somebody else's, writable by others, a symbolic link) is not read, and that it cannot be written is
no error. It holds data, never code.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import msgspec

import analyzer.knowledge
import formats
from analyzer.knowledge.files import KnowledgeFile
from analyzer.knowledge.rules import Knowledge

SWITCH = "TAPIO_CACHE"
"""Environment variable; `off` = neither read nor write a cache."""

MAX_ENTRY_BYTES = 64 << 20
"""Maximum size of a cache entry. Why: the shipped knowledge has 120 kB, and `limits.YAML_BYTES` limits the input."""

MAX_ENTRIES = 16
"""Entries that are kept, the newest: one for each set of `--knowledge` that is in use."""

_DIGEST_BYTES = 32
_SUFFIX = ".knowledge"
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def knowledge_key(files: Iterable[KnowledgeFile], facts: Mapping[str, Mapping[str, str]]) -> str:
    """Names one state of everything that decides what the rules are and whether they pass the checks.

    That is the YAML text, the columns of the facts, and the code that reads and checks: its own text, because a
    checkout changes without changing its version; DuckDB and Python by version.

    Args:
        files: the shipped and the added ones.
        facts: DuckDB type by column by fact.
    """
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)

    def add(part: bytes) -> None:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)

    for file in files:
        add(file.name.encode("utf-8", "surrogatepass"))
        add(file.text.encode("utf-8", "surrogatepass"))
    add(repr({fact: dict(columns) for fact, columns in facts.items()}).encode())
    for folder in (analyzer.knowledge, formats):
        for path in sorted(Path(folder.__path__[0]).glob("*.py")):
            add(path.name.encode())
            add(path.read_bytes())
    add(f"{duckdb.__version__} {sys.version} {msgspec.__version__}".encode())
    return digest.hexdigest()


def read_cached(key: str) -> Knowledge | None:
    """The knowledge that was kept under a key; None if there is none that can be trusted."""
    if _is_off():
        return None
    with suppress(OSError, msgspec.MsgspecError), _open_directory() as directory:
        descriptor = os.open(
            key + _SUFFIX, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=directory
        )
        with os.fdopen(descriptor, "rb") as file:
            if not _is_ours_alone(os.fstat(descriptor)):
                return None
            content = file.read(MAX_ENTRY_BYTES)
        digest, payload = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if secrets.compare_digest(digest, _digest(payload)):
            return msgspec.json.decode(payload, type=Knowledge)
    return None


def keep_cached(key: str, knowledge: Knowledge) -> None:
    """Keeps checked knowledge under its key, wholly or not at all; does nothing where that is not possible."""
    if _is_off():
        return
    payload = msgspec.json.encode(knowledge)
    temporary = f".{secrets.token_hex(8)}"
    with suppress(OSError):
        _cache_directory().mkdir(mode=0o700, parents=True, exist_ok=True)
        with _open_directory() as directory:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(temporary, flags, 0o600, dir_fd=directory)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(_digest(payload) + payload)
                os.rename(temporary, key + _SUFFIX, src_dir_fd=directory, dst_dir_fd=directory)
            except OSError:
                os.unlink(temporary, dir_fd=directory)
                raise
            _remove_old(directory)


def _is_off() -> bool:
    return os.environ.get(SWITCH, "").lower() == "off"


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


def _digest(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=_DIGEST_BYTES).digest()


def _remove_old(directory: int) -> None:
    entries = [name for name in os.listdir(directory) if name.endswith(_SUFFIX)]
    ages = {name: os.stat(name, dir_fd=directory, follow_symlinks=False).st_mtime_ns for name in entries}
    for name in sorted(entries, key=lambda name: (ages[name], name))[:-MAX_ENTRIES]:
        os.unlink(name, dir_fd=directory)
