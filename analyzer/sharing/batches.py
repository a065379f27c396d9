"""Batches with every column rewritten by its sensitivity: once per distinct value, into buffers made anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from analyzer.sharing.kubernetes_json import ObjectWalk
from analyzer.sharing.pseudonyms import Replacement
from analyzer.sharing.rewriting import reduce_note, rewrite_identifier, rewrite_name, rewrite_path
from analyzer.sharing.vocabulary import load_words
from formats.columns import Column, Sensitivity, Table

_PEERS_WORDS = frozenset({"k8s.event.type", "k8s.event.reason", "k8s.object.kind", "k8s.object.api_version"})
"""Public text that a peer wrote, not the kernel or Tapio: only Kubernetes' own words stay as they are."""


@dataclass(slots=True)
class BatchRewriter:
    """Rewrites batches of any table.

    Attributes:
        replacement: gives the pseudonyms, or collects.
        known: whether a lower-case token of prose is a known name.
    """

    replacement: Replacement
    known: Callable[[str], bool]
    _cache: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def rewrite_batch(self, table: Table, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The same rows with every text rewritten; numbers and times stay. No buffer of the original is kept."""
        arrays = [self._rewrite_column(column, batch.column(column.name)) for column in table.columns]
        return pa.RecordBatch.from_arrays(arrays, schema=table.schema)

    def _rewrite_column(self, column: Column, array: pa.Array) -> pa.Array:
        if column.sensitivity is Sensitivity.SECRET:
            return pa.nulls(len(array), column.type)
        is_text = pa.types.is_string(column.type) or pa.types.is_dictionary(column.type)
        if not is_text:
            if column.sensitivity is not Sensitivity.PUBLIC:
                raise TypeError(
                    f"column {column.name} is {column.sensitivity} but not text: no rewriting policy is defined for it"
                )
            return _copy_numbers(array)
        encoded = pc.dictionary_encode(array.cast(pa.utf8()))
        values = [self._rewrite_value(column, value) for value in encoded.dictionary.to_pylist()]
        rebuilt = pa.array(values, pa.utf8()).take(encoded.indices)
        return rebuilt.cast(column.type) if pa.types.is_string(column.type) else pc.dictionary_encode(rebuilt)

    def _rewrite_value(self, column: Column, value: str) -> str | None:
        key = (column.name, value)
        if key not in self._cache:
            self._cache[key] = self._rewrite_text(column, value)
        return self._cache[key]

    def _rewrite_text(self, column: Column, value: str) -> str | None:
        match column.sensitivity:
            case Sensitivity.PUBLIC:
                if column.name in _PEERS_WORDS and value not in load_words("values"):
                    return self.replacement.token(value) if value.isalnum() else rewrite_name(value, self.replacement)
                return value
            case Sensitivity.NAME:
                return rewrite_name(value, self.replacement)
            case Sensitivity.IDENTIFIER:
                return rewrite_identifier(value, self.replacement)
            case Sensitivity.ADDRESS:
                return self.replacement.address(value)
            case Sensitivity.PATH:
                return rewrite_path(value, self.replacement)
            case Sensitivity.OBJECT:
                walked = ObjectWalk(self.replacement, self.known).rewrite_json(value)
                return walked if walked is not None or column.nullable else "{}"
            case Sensitivity.FREE_TEXT:
                return reduce_note(value, self.replacement, self.known)
            case Sensitivity.SECRET:
                return None


def _copy_numbers(array: pa.Array) -> pa.Array:
    """The numbers in buffers of their own, with zeros where there is no value.

    Why: a slice shares its buffer with what was cut off, and a null slot may still hold the number that was there.
    """
    if array.null_count == 0:
        return pc.add(array, pa.scalar(0, array.type)) if pa.types.is_integer(array.type) else pa.concat_arrays([array])
    return pa.array(array.to_pylist(), array.type)
