"""The document of a capture, kept between runs: the second question about one capture does not analyze it again.

The key is all that decides what the document says: the bytes of the capture, the window, the knowledge and the verdicts
on it, the code and the versions of the libraries. The bytes of a capture in an object store are not read for that: its
URI, size and time are in the key, and its first bytes, which contain a digest of everything that was sealed.
`analyzer.cache` says what is trusted; TAPIO_CACHE=off keeps nothing.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

import analyzer
import formats
from analyzer.cache import DIGEST_BYTES, is_off, keep_entry, read_entry
from analyzer.capture_places import RemotePath, members_of
from analyzer.knowledge.files import find_feedback, read_knowledge_files, shipped_files
from analyzer.model.named_entities import Names
from formats.postmortem.document import Document

if TYPE_CHECKING:
    from analyzer.model.segment_reading import Window

Kept = TypeVar("Kept")

SUFFIX = ".analysis"
NAMES_SUFFIX = ".names"
LIBRARIES = ("duckdb", "msgspec", "networkx", "numpy", "pyarrow")
"""Whose version may change what a document says."""

MAX_CAPTURE_BYTES = 1 << 30
"""Captures above this size are not hashed; neither are directories, which may be a live recorder's."""

_CHUNK_BYTES = 1 << 20
_BEGIN_BYTES = 64 << 10
"""Of a capture in an object store."""


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
    question = _Question(capture, knowledge, feedback, window)
    return question.read(SUFFIX, Document) or question.answer()[0]


def analyze_file_with_names(
    capture: Path,
    *,
    knowledge: Sequence[Path] = (),
    feedback: Path | None = None,
    window: Window = (None, None),
) -> tuple[Document, Names]:
    """As `analyze_file`, with everything that a question about the capture can name."""
    question = _Question(capture, knowledge, feedback, window)
    document, names = question.read(SUFFIX, Document), question.read(NAMES_SUFFIX, Names)
    return question.answer() if document is None or names is None else (document, names)


class _Question:
    """What is asked of a capture, and the key of the answer if it can be kept."""

    def __init__(self, capture: Path, knowledge: Sequence[Path], feedback: Path | None, window: Window) -> None:
        self._capture, self._knowledge, self._feedback, self._window = capture, knowledge, feedback, window
        self._identity = None if is_off() else _identify(capture)
        self._key = None if self._identity is None else _key(capture, knowledge, feedback, window)

    def read(self, suffix: str, kind: type[Kept]) -> Kept | None:
        """What an earlier run kept; None if it kept nothing that can be read."""
        payload = None if self._key is None else read_entry(self._key, suffix)
        with suppress(msgspec.MsgspecError):
            return None if payload is None else msgspec.json.decode(payload, type=kind)
        return None

    def answer(self) -> tuple[Document, Names]:
        """Analyzes the capture, and keeps the answer if nobody wrote to the capture meanwhile."""
        # DuckDB and Arrow, which a kept document does not need.
        from analyzer.analyze import analyze_with_names  # noqa: PLC0415
        from analyzer.guard.opening import open_capture  # noqa: PLC0415
        from analyzer.knowledge.shipped import read_knowledge  # noqa: PLC0415

        rules = read_knowledge(self._knowledge, self._feedback)
        document, names = analyze_with_names(open_capture(self._capture), rules, window=self._window)
        if self._key is not None and _identify(self._capture, again=True) == self._identity:
            keep_entry(self._key, SUFFIX, msgspec.json.encode(document))
            keep_entry(self._key, NAMES_SUFFIX, msgspec.json.encode(names))
        return document, names


def _identify(capture: Path, *, again: bool = False) -> list[tuple[int, ...]] | None:
    """What changes if somebody writes to a file; None for what is not kept.

    Args:
        capture: one, or several that are one.
        again: object stores are asked again.
    """
    found: list[tuple[int, ...]] = []
    for member in members_of(capture):
        if isinstance(member, RemotePath):
            seen = member.object.look_again() if again else member.object.found
            if seen.modified_ns is None:
                return None
            found.append((seen.size, seen.modified_ns))
            continue
        try:
            status = member.stat()
        except OSError:
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        found.append((status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns))
    local = (identity[2] for identity in found if len(identity) > 2)
    return found if sum(local) <= MAX_CAPTURE_BYTES else None


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
        for member in members_of(capture):
            for chunk in _bytes_of(member):
                digest.update(chunk)
    except OSError:
        return None
    return digest.hexdigest()


def _bytes_of(capture: Path) -> Iterator[bytes]:
    """What decides what a capture contains.

    Raises:
        OSError: it cannot be read.
    """
    if isinstance(capture, RemotePath):
        found = capture.object.found
        yield f"{capture.object.uri} {found.size} {found.modified_ns} ".encode("utf-8", "surrogateescape")
        yield bytes(capture.bytes.read(0, _BEGIN_BYTES))
        return
    with capture.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


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
