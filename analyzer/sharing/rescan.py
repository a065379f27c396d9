"""The independent second look: a finished capture is read back and searched for every original value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from analyzer.sharing.pseudonyms import Collector, lower_token
from analyzer.sharing.rewriting import is_small, split_tokens
from analyzer.sharing.vocabulary import load_words
from formats.capture.reading import Capture
from formats.loss import Damage

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
    public = load_words("values") | load_words("fields") | load_words("note_words") | load_words("path_words")
    vouched = {lower_token(token) for word in public for token in split_tokens(word)}
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
    return is_small(token) or (token.isdigit() and len(token) < _NUMBER_DIGITS)


_NUMBER_DIGITS = 6


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
        found = sorted(self._find(text))
        if not found:
            self._clean.add(text)
        for original in found:
            yield Leak(where, original)

    def _find(self, text: str) -> set[str]:
        tokens = {lower_token(token) for token in split_tokens(text)}
        found = tokens & self._tokens
        found |= {match for match in _ADDRESS.findall(text) if match in self._addresses}
        # An identifier of several groups is one run once its separators are gone.
        runs = set(re.findall(r"[0-9a-z]{16,}", re.sub(r"[-_]", "", text.lower()))) | tokens
        found |= {run for run in runs if len(run) >= 8 and run in self._identifiers}
        return found
