"""What merging must know of all batches before it gives the first: where they begin, which texts they use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from formats import limits
from formats.columns import BOOT_TIME_NS
from formats.errors import FormatError, LimitError


@dataclass(frozen=True, slots=True)
class Survey:
    """Survey of the batches of one table that have rows, in their order.

    Attributes:
        lowest: the smallest `boot_time_ns` of each.
        texts: by name of the dictionary column the distinct texts that rows have, sorted.
    """

    lowest: tuple[int, ...]
    texts: Mapping[str, pa.Array]


class UsedTexts:
    """Collects the distinct texts that rows of dictionary columns have."""

    def __init__(self) -> None:
        self._used: dict[str, pa.Array] = {}

    def has_all(self, name: str, values: pa.Array) -> bool:
        """Whether these values bring nothing new, whichever of them the rows have."""
        used = self._used.get(name)
        return len(values) == 0 or (used is not None and bool(pc.all(pc.is_in(values, value_set=used)).as_py()))

    def add(self, name: str, column: pa.DictionaryArray) -> None:
        """Add those of the dictionary's values that rows have.

        Raises:
            LimitError: the column has more distinct texts than one dictionary may hold.
        """
        mask = np.zeros(len(column.dictionary), bool)
        indices = column.indices.drop_null() if column.null_count else column.indices
        mask[indices.to_numpy()] = True
        values = column.dictionary.filter(pa.array(mask)).unique()
        used = self._used.get(name)
        if used is not None:
            values = pa.concat_arrays([used, values.filter(pc.invert(pc.is_in(values, value_set=used)))])
        if len(values) > limits.DICTIONARY_VALUES:
            raise LimitError(f"values of the dictionary {name}", len(values), limits.DICTIONARY_VALUES)
        self._used[name] = values

    def sorted(self) -> dict[str, pa.Array]:
        """The dictionary values by column; a column without any is missing."""
        return {name: values.take(pc.sort_indices(values)) for name, values in self._used.items()}


def survey_batches(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Survey:
    """Survey batches that are decoded anyway.

    Raises:
        FormatError: a batch has another schema.
        LimitError: a column has more distinct texts than one dictionary may hold.
    """
    names = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    lowest: list[int] = []
    texts = UsedTexts()
    for batch in batches:
        if not batch.num_rows:
            continue
        if not batch.schema.equals(schema):
            raise FormatError("two batches of one table have different columns")
        lowest.append(int(batch.column(BOOT_TIME_NS.name).to_numpy().min()))
        for name in names:
            column = batch.column(name)
            if not texts.has_all(name, column.dictionary):
                texts.add(name, column)
    return Survey(tuple(lowest), texts.sorted())
