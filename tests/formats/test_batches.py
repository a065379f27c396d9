"""Promises of `formats.batches`."""

from __future__ import annotations

import pyarrow as pa
import pytest

from formats import limits
from formats.batches import batch_from_rows, complete_batch, drained_schema, full_schema, split_batch
from formats.catalog import TABLE_BY_NAME, TABLES
from formats.errors import LimitError, TapioError
from tests.formats.recordings import UNIX_MINUS_BOOT, make_batch

PRESSURE = TABLE_BY_NAME["pressure"]
ROW = {
    "boot_time_ns": 7,
    "event_name": "pressure.sample",
    "severity_number": 9,
    "cgroup_id": 3,
    "pressure.resource": "cpu",
}


@pytest.mark.parametrize("table", [table.name for table in TABLES])
def test_completed_batch_has_the_catalogs_schema_and_dense_numbers(table):
    batch = make_batch(table, 5, first_seq=40)

    assert batch.schema.equals(full_schema(TABLE_BY_NAME[table]))
    assert batch.column("event_seq").to_pylist() == [40, 41, 42, 43, 44]
    assert batch.column("k8s.node.name").to_pylist() == ["node-a"] * 5
    for unix, boot in zip(batch.column("time_unix_nano"), batch.column("boot_time_ns"), strict=True):
        assert unix.as_py() - boot.as_py() == UNIX_MINUS_BOOT


def test_completing_copies_no_column_of_the_source():
    drained = batch_from_rows(PRESSURE, [ROW])

    batch = complete_batch(PRESSURE, drained, node_name="n", first_seq=0, unix_minus_boot_ns=1)

    assert batch.column("boot_time_ns").buffers()[1].address == drained.column("boot_time_ns").buffers()[1].address


def test_completing_refuses_another_schema_and_names_the_column():
    drained = batch_from_rows(PRESSURE, [ROW])
    wrong = drained.set_column(0, "boot_time_ns", drained.column(0).cast(pa.int32()))

    with pytest.raises(TapioError, match=r"pressure: .*boot_time_ns.*int32"):
        complete_batch(PRESSURE, wrong, node_name="n", first_seq=0, unix_minus_boot_ns=1)


def test_rows_become_a_batch_with_null_for_what_is_left_out():
    batch = batch_from_rows(PRESSURE, [ROW])

    assert batch.schema.equals(drained_schema(PRESSURE))
    assert batch.to_pylist() == [{**ROW, "cgroup.path": None, "pressure.some_ns": None, "pressure.full_ns": None}]


def test_no_rows_become_an_empty_batch():
    assert batch_from_rows(PRESSURE, []).num_rows == 0


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"pressure.colour": 1}, "not a column of the table"),
        ({"cgroup_id": None}, r"pressure\.cgroup_id: a row has no value"),
        ({"cgroup_id": -1}, r"pressure\.cgroup_id: a value does not match"),
        ({"pressure.resource": 7}, r"pressure\.resource: a value does not match"),
        ({"boot_time_ns": 1 << 70}, r"pressure\.boot_time_ns: a value does not match"),
    ],
)
def test_rows_that_do_not_fit_are_refused_with_table_and_column(change, problem):
    with pytest.raises(TapioError, match=problem):
        batch_from_rows(PRESSURE, [{**ROW, **change}])


def test_lone_surrogates_are_written_out():
    batch = batch_from_rows(PRESSURE, [{**ROW, "cgroup.path": "/a\ud800b"}])

    assert batch.column("cgroup.path").to_pylist() == ["/a\\ud800b"]


def test_split_keeps_every_row_within_the_limits():
    # GIVEN rows that are far too many and too long for one frame
    text = "x" * (limits.TEXT_BYTES - 1)
    many = make_batch("pressure", 1)
    many = pa.concat_batches([many] * (limits.FRAME_ROWS + 5))
    long = batch_from_rows(PRESSURE, [{**ROW, "cgroup.path": text, "boot_time_ns": n} for n in range(30)])

    # WHEN / THEN
    assert [piece.num_rows for piece in split_batch(many)] == [limits.FRAME_ROWS, 5]
    pieces = list(split_batch(long))
    assert max(piece.nbytes for piece in pieces) <= limits.FRAME_WRITE_BYTES
    assert pa.concat_batches(pieces).equals(long)


def test_a_text_that_no_reader_would_take_is_refused_when_written():
    long = batch_from_rows(PRESSURE, [{**ROW, "cgroup.path": "x" * (limits.TEXT_BYTES + 1)}])

    with pytest.raises(LimitError, match=r"one text of cgroup\.path"):
        list(split_batch(long))


def test_a_slice_does_not_carry_a_dictionary_that_is_larger_than_itself():
    names = [{**ROW, "pressure.resource": f"{n:04d}" + "y" * 4_000} for n in range(4_000)]

    pieces = list(split_batch(batch_from_rows(PRESSURE, names)))

    assert len(pieces) > 1
    assert sum(len(piece.column("pressure.resource").dictionary) for piece in pieces) == 4_000
