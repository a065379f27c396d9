"""The document of a capture, kept between runs: the second question about one capture does not analyze it again.

The key is all that decides what the document says: the bytes of the capture, the window, the knowledge and the verdicts
on it, the code and the versions of the libraries. `analyzer.cache` says what is trusted; TAPIO_CACHE=off keeps nothing.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

import analyzer
import formats
from analyzer.cache import DIGEST_BYTES, is_off, keep_entry, read_entry
from analyzer.knowledge.files import find_feedback, read_knowledge_files, shipped_files
from formats.postmortem.document import Document

if TYPE_CHECKING:
    from analyzer.model.segment_reading import Window

SUFFIX = ".analysis"
LIBRARIES = ("duckdb", "msgspec", "networkx", "numpy", "pyarrow")
"""Whose version may change what a document says."""

MAX_CAPTURE_BYTES = 1 << 30
"""Captures above this size are not hashed; neither are directories, which may be a live recorder's."""

_CHUNK_BYTES = 1 << 20


def analyze_file(
    capture: Path,
    *,
    knowledge: Sequence[Path] = (),
    feedback: Path | None = None,
    window: Window = (None, None),
) -> Document:
    """The post-mortem document of the capture at a path, as `analyzer.analyze.analyze_capture` or from an earlier run.

    Args:
        capture: a capture file, or a directory of segments.
        knowledge: additional YAML files and directories.
        feedback: file of verdicts on findings; None = the one beside the additional files, if there is one.
        window: begin and end, unix ns; None = open.

    Raises:
        MissingInputError: a path does not exist.
        FormatError: the capture is none.
        KnowledgeError: for the first mistake in the YAML.
    """
    before = _identify(capture)
    key = None if before is None else _key(capture, knowledge, feedback, window)
    document = None if key is None else _read(key)
    if document is not None:
        return document
    from analyzer.analyze import analyze_capture  # noqa: PLC0415 - DuckDB and Arrow, which a kept document does not need
    from analyzer.knowledge.shipped import read_knowledge  # noqa: PLC0415 - same
    from formats.capture.reading import open_capture  # noqa: PLC0415 - same

    rules = read_knowledge(knowledge, feedback)
    document = analyze_capture(open_capture(capture), rules, window=window)
    if key is not None and _identify(capture) == before:
        keep_entry(key, SUFFIX, msgspec.json.encode(document))
    return document


def _read(key: str) -> Document | None:
    payload = read_entry(key, SUFFIX)
    with suppress(msgspec.MsgspecError):
        return None if payload is None else msgspec.json.decode(payload, type=Document)
    return None


def _identify(capture: Path) -> tuple[int, ...] | None:
    """What changes if somebody writes to a file; None for what is not kept."""
    with suppress(OSError):
        status = capture.stat()
        if stat.S_ISREG(status.st_mode) and status.st_size <= MAX_CAPTURE_BYTES and not is_off():
            return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
    return None


def _key(capture: Path, knowledge: Sequence[Path], feedback: Path | None, window: Window) -> str | None:
    """Names all that decides what the document says; None if the capture cannot be read.

    Raises:
        MissingInputError, KnowledgeError: knowledge or feedback cannot be read.
    """
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for part in _texts(knowledge, feedback, window):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    try:
        with capture.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError:
        return None
    return digest.hexdigest()


def _texts(knowledge: Sequence[Path], feedback: Path | None, window: Window) -> Iterator[bytes]:
    from importlib.metadata import version  # noqa: PLC0415 - not for the list of commands

    yield f"{window} {sys.version} {[version(name) for name in LIBRARIES]}".encode()
    # A checkout changes without changing its version; its files are too many to read each time.
    for folder in (Path(analyzer.__path__[0]), Path(formats.__path__[0])):
        for path in sorted([*folder.rglob("*.py"), *folder.rglob("*.sql")]):
            status = path.stat()
            yield f"{path} {status.st_size} {status.st_mtime_ns}".encode()
    for knowledge_file in (*shipped_files(), *(read_knowledge_files(knowledge) if knowledge else ())):
        yield os.fsencode(knowledge_file.name)
        yield knowledge_file.text.encode("utf-8", "surrogatepass")
    verdicts = feedback or find_feedback(knowledge)
    if verdicts is not None:
        yield os.fsencode(verdicts.name)
        with suppress(OSError):  # it is read again, and the error is told then
            yield verdicts.read_bytes()
