"""Checked knowledge kept between runs: reading and checking the YAML files again would be a third of a start.

`docs/adr/0020-start-up.md` has the figures, `analyzer.cache` what is trusted.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import duckdb
import msgspec

import analyzer.knowledge
import formats
from analyzer.cache import DIGEST_BYTES, keep_entry, read_entry
from analyzer.knowledge.files import KnowledgeFile
from analyzer.knowledge.rules import Knowledge

SUFFIX = ".knowledge"
"""One entry for each set of `--knowledge` that is in use."""


def knowledge_key(files: Iterable[KnowledgeFile], facts: Mapping[str, Mapping[str, str]]) -> str:
    """Names one state of everything that decides what the rules are and whether they pass the checks.

    That is the YAML text, the columns of the facts, and the code that reads and checks: its own text, because a
    checkout changes without changing its version; DuckDB and Python by version.

    Args:
        files: the shipped and the added ones.
        facts: DuckDB type by column by fact.
    """
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)

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
    payload = read_entry(key, SUFFIX)
    with suppress(msgspec.MsgspecError):
        return None if payload is None else msgspec.json.decode(payload, type=Knowledge)
    return None


def keep_cached(key: str, knowledge: Knowledge) -> None:
    """Keeps checked knowledge under its key, if that is possible."""
    keep_entry(key, SUFFIX, msgspec.json.encode(knowledge))
