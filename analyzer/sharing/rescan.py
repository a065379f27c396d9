"""The second look: a finished capture is read back and searched for every original value.

It shares no code with the rewriter (a contract of import-linter holds it to that): what the rewriter splits wrongly is
split here by another rule. The values that it looks for are those that the rewriter collected, so it cannot find what
the rewriter never regarded as sensitive; that every column has a policy is tested on its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from analyzer.sharing.collecting import Collector
from analyzer.sharing.vocabulary import load_words
from formats.capture.reading import Capture
from formats.loss import Damage

_ASCII_RUN = re.compile(r"[0-9A-Za-z]+")
_OTHER_RUN = re.compile(r"[^\W\x00-\x7f]+")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)")
_IPV4 = re.compile(r"(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?!\.?[0-9])")
_ADDRESS = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f:.]{7,45}(?![0-9A-Za-z:.])")


@dataclass(frozen=True, slots=True)
class Leak:
    """One original value that is still in the output.

    Attributes:
        where: table and column, or the manifest's field.
        original: the value.
    """

    where: str
    original: str


def find_leaks(capture: Capture, originals: Collector) -> Iterator[Leak]:
    """Every original token, identifier and address that a reader of the capture can find.

    Args:
        capture: the output, opened anew from its file.
        originals: everything sensitive that the input had.

    Yields:
        One leak per place and value. Words of the vocabularies are no leaks: Linux and Kubernetes made them.
    """
    public = (
        load_words("values")
        | load_words("fields")
        | load_words("phrases")
        | load_words("path_words")
        | load_words("system_names")
    )
    vouched = {run for word in public for run in _list_runs(word)} | {"old", "new", "path"}
    search = _Search(
        frozenset(token for token in originals.tokens if not _is_ambiguous(token) and token not in vouched),
        frozenset(originals.identifiers),
        frozenset(originals.addresses),
    )
    for segment in capture.segments:
        for field, text in (("node", segment.manifest.node_name), ("boot id", segment.manifest.boot_id)):
            yield from search.look_at(f"manifest, {field}", text)
        for table in segment.tables:
            for batch in segment.batches(table):
                if not isinstance(batch, Damage):
                    yield from _search_batch(search, table, batch)
    yield from search.look_at("capture.json", capture.info.frozen_because or "")


def _is_ambiguous(token: str) -> bool:
    """True for what cannot be told from a port, a count or an ordinal: single letters, numbers of up to five digits."""
    return len(token) == 1 or (token.isdigit() and len(token) < _NUMBER_DIGITS)


_NUMBER_DIGITS = 6


def _list_runs(text: str) -> set[str]:
    """Runs of ASCII letters and digits, in lower case, and runs of letters and digits beyond ASCII, as they are."""
    return {run.lower() for run in _ASCII_RUN.findall(text)} | set(_OTHER_RUN.findall(text))


def _undo_escapes(text: str) -> str:
    """JSON text with its characters beyond ASCII as themselves and every other escape as a space."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else " ", text)


def _search_batch(search: _Search, table: str, batch: pa.RecordBatch) -> Iterator[Leak]:
    for field, array in zip(batch.schema, batch.columns, strict=True):
        # The whole dictionary, used or not: a reader sees it all.
        values = array.dictionary if pa.types.is_dictionary(field.type) else array
        if pa.types.is_string(values.type):
            for text in pc.unique(values).to_pylist():
                if text:
                    yield from search.look_at(f"{table}.{field.name}", text)


class _Search:
    def __init__(self, tokens: frozenset[str], identifiers: frozenset[str], addresses: frozenset[str]) -> None:
        self._tokens = tokens
        self._identifiers = identifiers
        self._addresses = addresses
        self._clean: set[str] = set()

    def look_at(self, where: str, text: str) -> Iterator[Leak]:
        if text in self._clean:
            return
        # Objects are JSON text: after an escape (`\\nacme`) the word is only seen once the escape is undone.
        found = sorted(self._find(text) | (self._find(_undo_escapes(text)) if "\\" in text else set()))
        if not found:
            self._clean.add(text)
        for original in found:
            yield Leak(where, original)

    def _find(self, text: str) -> set[str]:
        tokens = _list_runs(text)
        found = tokens & self._tokens
        found |= {*_ADDRESS.findall(text), *_IPV4.findall(text)} & self._addresses
        # An identifier of several groups is one run once its separators are gone.
        runs = set(re.findall(r"[0-9a-z]{16,}", re.sub(r"[-_]", "", text.lower()))) | tokens
        found |= {run for run in runs if len(run) >= 8 and run in self._identifiers}
        return found
