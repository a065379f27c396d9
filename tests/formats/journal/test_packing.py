"""What is packed is unpacked to the same, whatever the numbers are."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.errors import FormatError
from formats.journal.layout import FrameFlag
from formats.journal.packing import pack_columns, unpack_columns

SCHEMA = pa.schema(
    [
        ("time_unix_nano", pa.int64()),
        ("boot_time_ns", pa.int64()),
        ("event_seq", pa.uint64()),
        ("small", pa.uint8()),
        ("number", pa.int32()),
        ("sometimes", pa.int64()),
        ("text", pa.string()),
    ]
)
OFFSET = 1_700_000_000_000_000_000


def make_batch(
    boots: list[int],
    *,
    sequence: list[int] | None = None,
    unix: list[int] | None = None,
    numbers: list[int] | None = None,
) -> pa.RecordBatch:
    rows = len(boots)
    return pa.RecordBatch.from_pydict(
        {
            "time_unix_nano": unix or [boot + OFFSET for boot in boots],
            "boot_time_ns": boots,
            "event_seq": sequence or list(range(7, 7 + rows)),
            "small": [number % 256 for number in range(rows)],
            "number": numbers or [(-1) ** number * number for number in range(rows)],
            "sometimes": [None if number % 3 else number for number in range(rows)],
            "text": [f"t{number}" for number in range(rows)],
        },
        schema=SCHEMA,
    )


def pack_and_unpack(batch: pa.RecordBatch) -> tuple[dict[str, pa.Array], pa.RecordBatch, FrameFlag]:
    boot, sequence = batch.column("boot_time_ns").to_pylist(), batch.column("event_seq").to_pylist()
    places = {
        "first_seq": min(sequence),
        "min_boot_ns": min(boot),
        "unix_minus_boot_ns": batch.column("time_unix_nano")[0].as_py() - boot[0],
    }
    packed, flags = pack_columns(batch, **places)
    columns = dict(zip(packed.schema.names, packed.columns, strict=True))
    return unpack_columns(columns, flags, rows=batch.num_rows, **places), packed, flags


def assert_same(unpacked: dict[str, pa.Array], batch: pa.RecordBatch) -> None:
    assert {name: unpacked[name].to_pylist() for name in SCHEMA.names} == batch.to_pydict()


INT64 = st.integers(0, 2**62)


@settings(max_examples=60, deadline=None)
@given(boots=st.lists(INT64, min_size=1, max_size=40), data=st.data())
def test_any_columns_come_back_as_they_were(boots: list[int], data: st.DataObject) -> None:
    rows = len(boots)
    numbers = data.draw(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=rows, max_size=rows))
    sequence = data.draw(st.lists(st.integers(0, 2**64 - 1), min_size=rows, max_size=rows))
    batch = make_batch(boots, sequence=sequence, numbers=numbers)
    assert_same(pack_and_unpack(batch)[0], batch)


@pytest.mark.parametrize("rows", [1, 1023, 1024, 1025, 5_000])
def test_many_rows_are_packed_by_another_way_with_the_same_result(rows: int) -> None:
    batch = make_batch([number * number for number in range(rows)])
    assert_same(pack_and_unpack(batch)[0], batch)


def test_columns_that_follow_from_others_are_left_out() -> None:
    _, packed, flags = pack_and_unpack(make_batch([5, 6, 9]))
    assert {FrameFlag.DENSE_SEQ, FrameFlag.CONSTANT_CLOCK} <= set(flags)
    assert not {"event_seq", "time_unix_nano"} & set(packed.schema.names)


@pytest.mark.parametrize(("changed", "flag"), [("sequence", FrameFlag.DENSE_SEQ), ("unix", FrameFlag.CONSTANT_CLOCK)])
def test_columns_with_a_gap_are_kept(changed: str, flag: FrameFlag) -> None:
    batch = make_batch([5, 6, 9], **{changed: [7, 8, 10]})  # type: ignore[arg-type]
    unpacked, _, flags = pack_and_unpack(batch)
    assert flag not in flags
    assert_same(unpacked, batch)


def test_flag_of_a_later_version_is_refused() -> None:
    with pytest.raises(FormatError, match="later version"):
        unpack_columns({}, FrameFlag(1 << 15), rows=1, first_seq=0, min_boot_ns=0, unix_minus_boot_ns=0)


def test_missing_column_that_a_flag_needs_is_refused() -> None:
    with pytest.raises(FormatError, match="no column boot_time_ns"):
        unpack_columns({}, FrameFlag.BOOT_DELTA, rows=1, first_seq=0, min_boot_ns=0, unix_minus_boot_ns=0)
