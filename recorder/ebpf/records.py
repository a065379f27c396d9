"""The kernel's records: their dtypes, and their columns as Arrow arrays.

The header is that of `bpf/include/tapio/event.h`; the loader has the compiler check every field of these dtypes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from formats.batches import constant_text
from recorder.ebpf.ring_buffer import Records

EVENT_HEADER = (
    ("boot_time_ns", "<u8"),
    ("cgroup_id", "<u8"),
    ("pid", "<u4"),
    ("tid", "<u4"),
    ("comm", "S16"),
    ("cpu", "<u2"),
    ("kind", "<u2"),
    ("cpu_sequence", "<u4"),
)
"""`EVENT_HEADER` of tapio/event.h, 48 bytes."""


def struct_dtype(*fields: tuple[str, str | np.dtype[Any]]) -> np.dtype[Any]:
    """The dtype of a C struct of these members, padded as C pads it."""
    return np.dtype(list(fields), align=True)


def record_dtype(*own: tuple[str, str]) -> np.dtype[Any]:
    """The dtype of a `struct record`: the header, then its own members."""
    return struct_dtype(*EVENT_HEADER, *own)


def layout_of(dtype: np.dtype[Any]) -> dict[str, tuple[int, int]]:
    """(offset, size) of each member, and under the empty name of the struct itself."""
    layout = {"": (0, dtype.itemsize)}
    for name, (member, offset, *_title) in (dtype.fields or {}).items():
        layout[name] = (offset, member.itemsize)
    return layout


def sort_by_time(records: Records) -> Records:
    """In the order of `boot_time_ns`: CPUs reserve their place a little out of order."""
    times = records["boot_time_ns"]
    if len(records) < 2 or bool((times[1:] >= times[:-1]).all()):
        return records
    return records[np.argsort(times, kind="stable")]


def number_column(
    values: npt.NDArray[Any], kind: pa.DataType, is_null: npt.NDArray[np.bool_] | None = None
) -> pa.Array:
    """Integers as an Arrow array; null where `is_null`."""
    return pa.array(np.ascontiguousarray(values, dtype=kind.to_pandas_dtype()), kind, mask=is_null)


def fixed_text_column(texts: npt.NDArray[np.bytes_]) -> pa.DictionaryArray:
    r"""Texts of a `char[n]` member, dictionary-encoded: only distinct values are decoded.

    A text ends at its first NUL. Bytes that are not UTF-8 come as `\xNN`: a command can hold anything.
    """
    packed = np.ascontiguousarray(texts)
    begins = _run_begins(packed)
    # A thread does many things in a row: to look up each run costs less than to look up each row, and comparing two
    # neighbours costs nothing beside it.
    heads = packed[begins] if 2 * len(begins) < len(packed) else packed
    binary = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(heads.dtype.itemsize), len(heads), [None, pa.py_buffer(heads)]
    ).dictionary_encode()
    indices = binary.indices.to_numpy()
    if len(heads) < len(packed):
        indices = np.repeat(indices, np.diff(begins, append=len(packed)))
    return name_column(indices, [decode_text(value) for value in binary.dictionary.to_pylist()])


def _run_begins(texts: npt.NDArray[np.bytes_]) -> npt.NDArray[np.intp]:
    """Where a text begins that is not equal to the one before."""
    differs = np.ones(len(texts), np.bool_)
    if len(texts) > 1:
        width = texts.dtype.itemsize
        words = texts.view("<u8" if width % 8 == 0 else "u1").reshape(len(texts), -1)
        differs[1:] = words[1:, 0] != words[:-1, 0]
        for word in range(1, words.shape[1]):
            differs[1:] |= words[1:, word] != words[:-1, word]
    return np.flatnonzero(differs)


def name_column(
    indices: npt.NDArray[Any] | pa.Array, names: Sequence[str], is_null: npt.NDArray[np.bool_] | None = None
) -> pa.DictionaryArray:
    """A dictionary column from indices into names; null where `is_null`. Names that occur twice become one."""
    distinct = list(dict.fromkeys(names))
    if len(distinct) < len(names):
        place = {name: index for index, name in enumerate(distinct)}
        indices = np.array([place[name] for name in names], np.int32)[np.asarray(indices)]
    if not isinstance(indices, pa.Array):
        indices = pa.array(np.ascontiguousarray(indices, np.int32), pa.int32(), mask=is_null)
    return pa.DictionaryArray.from_arrays(indices, pa.array(distinct, pa.utf8()))


def constant_name_column(name: str, rows: int) -> pa.DictionaryArray:
    """A dictionary column with the same name in every row."""
    return constant_text(name, rows)


def decode_text(raw: bytes) -> str:
    """The text before the first NUL."""
    return raw.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")
