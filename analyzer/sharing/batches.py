"""Batches with every column rewritten by its sensitivity: once per distinct value, into buffers made anew."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from analyzer.sharing.collecting import Collector
from analyzer.sharing.kubernetes_json import ObjectWalk
from analyzer.sharing.leaves import rewrite_word
from analyzer.sharing.names import rewrite_address, rewrite_identifier, rewrite_name, rewrite_path
from analyzer.sharing.prose import Vouching, reduce_note
from analyzer.sharing.pseudonyms import Replacement
from analyzer.sharing.values import rewrite_host
from analyzer.sharing.vocabulary import load_words
from formats.columns import Column, Sensitivity, Table

_MANAGER = "k8s.object.manager."
"""Columns of what managedFields say: anybody may choose the name of a field manager, and a program other words."""
_PEERS_WORDS = frozenset(
    {
        "k8s.event.type",
        "k8s.event.reason",
        "k8s.object.kind",
        "k8s.object.api_version",
        f"{_MANAGER}operation",
        f"{_MANAGER}subresource",
    }
)
"""Public text that a peer wrote, not the kernel or Tapio: only Kubernetes' own words stay as they are."""
_PUBLIC_WORD = re.compile(r"(?!.*[0-9]{4})[A-Za-z][A-Za-z0-9_.:+-]{0,63}\Z")
"""Public text of the kernel or Tapio: names of events, calls and errors. Anything else is replaced like a name."""
_KIND, _API_VERSION, _NAME = "k8s.object.kind", "k8s.object.api_version", "k8s.object.name"
_CACHED_CHARACTERS = 512
"""Longer texts are rewritten each time. Why: objects hardly repeat, and a large capture has hundreds of MiB of them."""


@dataclass(slots=True)
class BatchRewriter:
    """Rewrites batches of any table.

    Attributes:
        replacement: gives the pseudonyms, or collects.
        vouching: what prose and values may hold.
    """

    replacement: Replacement
    vouching: Vouching
    _cache: dict[tuple[str, str], str | None] = field(default_factory=dict)
    _walk: ObjectWalk = field(init=False)

    def __post_init__(self) -> None:
        """Makes what walks through objects."""
        self._walk = ObjectWalk(self.replacement, self.vouching)

    def rewrite_batch(self, table: Table, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The same rows with every text rewritten; numbers and times stay. No buffer of the original is kept."""
        arrays = [self._rewrite_column(column, batch) for column in table.columns]
        return pa.RecordBatch.from_arrays(arrays, schema=table.schema)

    def _rewrite_column(self, column: Column, batch: pa.RecordBatch) -> pa.Array:
        array = batch.column(column.name)
        if column.sensitivity is Sensitivity.SECRET:
            return pa.nulls(len(array), column.type)
        is_text = pa.types.is_string(column.type) or pa.types.is_dictionary(column.type)
        if not is_text:
            if column.sensitivity is not Sensitivity.PUBLIC:
                raise TypeError(
                    f"column {column.name} is {column.sensitivity} but not text: no rewriting policy is defined for it"
                )
            return _copy_numbers(array)
        if column.sensitivity is Sensitivity.OBJECT:
            return pa.array(self._rewrite_objects(column, batch), column.type)
        encoded = pc.dictionary_encode(array.cast(pa.utf8()))
        values = [self._rewrite_value(column, value) for value in encoded.dictionary.to_pylist()]
        rebuilt = pa.array(values, pa.utf8()).take(encoded.indices)
        return rebuilt.cast(column.type) if pa.types.is_string(column.type) else pc.dictionary_encode(rebuilt)

    def _rewrite_objects(self, column: Column, batch: pa.RecordBatch) -> list[str | None]:
        described = (batch.column(name).to_pylist() for name in (column.name, _KIND, _API_VERSION, _NAME))
        rewritten: list[str | None] = []
        for text, kind, api_version, name in zip(*described, strict=True):
            if text is not None and isinstance(self.replacement, Collector):
                self.replacement.see(text)
                if kind == "Service":
                    self.replacement.see_service(name)
            walked = None if text is None else self._walk.rewrite_json(text, kind, api_version)
            rewritten.append("{}" if walked is None and not column.nullable else walked)
        return rewritten

    def _rewrite_value(self, column: Column, value: str) -> str | None:
        key = (column.name, value)
        if key in self._cache:
            return self._cache[key]
        if isinstance(self.replacement, Collector):
            self.replacement.see(value)
        rewritten = self._rewrite_text(column, value)
        if len(value) <= _CACHED_CHARACTERS:
            self._cache[key] = rewritten
        return rewritten

    def _rewrite_text(self, column: Column, value: str) -> str | None:
        if column.name.startswith(_MANAGER):
            return value if value in load_words("managers") else rewrite_name(value, self.replacement)
        match column.sensitivity:
            case Sensitivity.PUBLIC:
                if column.name in _PEERS_WORDS:
                    return rewrite_word(value, self.replacement)
                return value if not value or _PUBLIC_WORD.match(value) else rewrite_name(value, self.replacement)
            case Sensitivity.NAME:
                return rewrite_name(value, self.replacement)
            case Sensitivity.HOST:
                return rewrite_host(value, self.replacement)
            case Sensitivity.IDENTIFIER:
                return rewrite_identifier(value, self.replacement)
            case Sensitivity.ADDRESS:
                return rewrite_address(value, self.replacement)
            case Sensitivity.PATH:
                return rewrite_path(value, self.replacement)
            case Sensitivity.FREE_TEXT:
                return reduce_note(value, self.replacement, self.vouching)
            case _:
                return None


def _copy_numbers(array: pa.Array) -> pa.Array:
    """The numbers in buffers of their own, with zeros where there is no value.

    Why: a slice shares its buffer with what was cut off, and a null slot may still hold the number that was there.
    """
    if array.null_count == 0:
        return pc.add(array, pa.scalar(0, array.type)) if pa.types.is_integer(array.type) else pa.concat_arrays([array])
    return pa.array(array.to_pylist(), array.type)
