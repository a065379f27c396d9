"""What the rows of a capture depend on beside its bytes: the analyzer's code, its libraries and the knowledge.

The same content has the same digest on every machine, so that a dataset can be continued elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

import analyzer
import formats
from analyzer.analysis_cache import LIBRARIES
from formats.journal.layout import digest_of


@cache
def digest_code() -> str:
    """Of everything that analyzes: Python and SQL files, and the versions of the libraries."""
    return digest_of(*_with_lengths(_parts())).hex()


def digest_rules(knowledge: bytes) -> str:
    """Of the analyzer and of checked knowledge, as JSON."""
    return digest_of(digest_code().encode(), knowledge).hex()


def _parts() -> Iterator[bytes]:
    yield repr([(name, version(name)) for name in LIBRARIES]).encode()
    for folder in (Path(analyzer.__path__[0]), Path(formats.__path__[0])):
        for path in sorted([*folder.rglob("*.py"), *folder.rglob("*.sql")]):
            yield str(path.relative_to(folder)).encode()
            yield path.read_bytes()


def _with_lengths(parts: Iterator[bytes]) -> Iterator[bytes]:
    for part in parts:
        yield len(part).to_bytes(8, "little")
        yield part
