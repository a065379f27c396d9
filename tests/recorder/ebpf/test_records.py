"""Records as Arrow columns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from recorder.ebpf.records import (
    fixed_text_column,
    layout_of,
    name_column,
    number_column,
    record_dtype,
    sort_by_time,
    struct_dtype,
)


def test_the_header_is_48_bytes_and_members_are_padded_as_c_pads_them() -> None:
    assert record_dtype().itemsize == 48
    assert layout_of(struct_dtype(("a", "<u4"), ("b", "<u8"), ("c", "u1"))) == {
        "": (0, 24),
        "a": (0, 4),
        "b": (8, 8),
        "c": (16, 1),
    }


def test_texts_are_decoded_once_each_and_different_bytes_of_one_text_are_one_name() -> None:
    # GIVEN two values that differ only after their end
    raw = np.frombuffer(b"app\0xxxx" + b"app\0yyyy" + b"b\xffd\0\0\0\0\0" + b"app\0xxxx", "S8")

    # WHEN
    column = fixed_text_column(raw)

    # THEN
    assert column.to_pylist() == ["app", "app", "b\\xffd", "app"]
    assert column.dictionary.to_pylist() == ["app", "b\\xffd"]


def test_texts_of_a_column_inside_larger_records_are_taken_right() -> None:
    records = np.zeros(3, record_dtype())
    records["comm"] = [b"one", b"two", b"a-name-of-16-byt"]
    assert fixed_text_column(records["comm"]).to_pylist() == ["one", "two", "a-name-of-16-byt"]


def test_empty_columns_are_empty() -> None:
    assert fixed_text_column(np.empty(0, "S16")).to_pylist() == []
    assert name_column(np.empty(0, np.int32), ["x"]).to_pylist() == []


def test_nulls_are_where_they_are_asked_for() -> None:
    is_null = np.array([True, False])
    assert name_column(np.array([0, 1]), ["a", "b"], is_null).to_pylist() == [None, "b"]
    assert number_column(np.array([2**64 - 1, 1], np.uint64), pa.uint64(), is_null).to_pylist() == [None, 1]


def test_sorting_is_stable_and_leaves_ordered_records_alone() -> None:
    # GIVEN
    records = np.zeros(4, record_dtype())
    records["boot_time_ns"], records["pid"] = [3, 1, 3, 2], [1, 2, 3, 4]

    # WHEN
    ordered = sort_by_time(records)

    # THEN
    assert ordered["pid"].tolist() == [2, 4, 1, 3]
    assert sort_by_time(ordered) is ordered
