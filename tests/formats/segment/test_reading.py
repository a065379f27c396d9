"""Promises of `formats.segment.reading` and `formats.segment.sealing`."""

from __future__ import annotations

import errno
import itertools
import os
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from formats import limits
from formats.catalog import TABLE_BY_NAME, TABLES
from formats.errors import FormatError, MissingInputError, OutputError, StorageError, UsageError
from formats.journal.reading import open_journal
from formats.loss import Damage
from formats.segment.manifest import LossTotal
from formats.segment.reading import Segment, open_segment
from formats.segment.sealing import SegmentHeader, seal_segment
from tests.formats.recordings import (
    BOOT_ID,
    CLOCK,
    NODE,
    UNIX_MINUS_BOOT,
    files_of,
    make_batch,
    make_many,
    rows_of,
    rows_of_segment,
    seal,
    write_journal,
)

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("table", [table.name for table in TABLES])
def test_every_table_comes_back_as_it_was_sealed(tmp_path, table):
    batch = make_batch(table, 50)

    segment = open_segment(seal(tmp_path, {table: [batch]}))

    (read,) = segment.batches(table)
    assert read.schema.equals(TABLE_BY_NAME[table].schema)
    assert read.to_pylist() == batch.to_pylist()
    assert not list(segment.verify())
    assert not segment.notes


def test_manifest_tells_whose_segment_it_is_and_what_is_in_it(tmp_path):
    segment = open_segment(
        seal(tmp_path, {"tcp": [make_batch("tcp", 3)], "oom": [], "process": [make_batch("process", 2)]})
    )

    manifest = segment.manifest
    assert (manifest.id, manifest.node_name, manifest.boot_id, manifest.clocks) == (
        f"{1:032x}",
        NODE,
        BOOT_ID,
        (CLOCK,),
    )
    assert segment.tables == {"process": 2, "tcp": 3}
    assert (manifest.begin_boot_ns, manifest.end_boot_ns) == (1_000_000, 1_002_000)
    assert manifest.begin_unix_nano == UNIX_MINUS_BOOT + 1_000_000
    assert not (tmp_path / "segment" / "oom.arrow").exists()


def test_rows_are_ordered_by_boot_time_then_number_whatever_order_they_came_in(tmp_path):
    # GIVEN batches that overlap, one of them much too late
    late = make_batch("tcp", 10, first_seq=90, boot=0)
    batches = [make_batch("tcp", 30, boot=500_000 + 10_000 * n, first_seq=100 * n, step=997) for n in range(5)]
    reversed_rows = batches[0].take(pa.array(range(29, -1, -1)))

    # WHEN
    segment = open_segment(seal(tmp_path, {"tcp": [reversed_rows, *batches[1:], late]}))

    # THEN
    rows, damage = rows_of(segment.batches("tcp"))
    assert not damage
    assert rows == sorted(
        (row for batch in [*batches, late] for row in batch.to_pylist()),
        key=lambda row: (row["boot_time_ns"], row["event_seq"]),
    )


@QUICK
@given(cuts=st.lists(st.integers(0, 400), max_size=8), seed=st.integers(0, 5), shuffled=st.booleans())
def test_the_bytes_depend_on_the_rows_alone(tmp_path_factory, cuts, seed, shuffled):
    # GIVEN the same rows in one batch, and cut anywhere
    whole = make_batch("process", 400, seed=seed)
    places = [0, *sorted(cuts), 400]
    pieces = [whole.slice(a, b - a) for a, b in itertools.pairwise(places)]
    pieces = pieces[::-1] if shuffled else pieces

    # WHEN
    one = seal(tmp_path_factory.mktemp("one"), {"process": [whole]})
    other = seal(tmp_path_factory.mktemp("other"), {"process": pieces})

    # THEN
    assert files_of(one).contents == files_of(other).contents


def test_dictionaries_hold_only_what_is_used(tmp_path):
    # GIVEN a batch cut out of one that had other names, as anonymization and cutting make them
    batch = make_batch("process", 200)
    column = batch.column("process.command")
    keep = batch.filter(pa.compute.equal(column.cast(pa.utf8()), "name-1"))

    # WHEN
    directory = seal(tmp_path, {"process": [keep]})

    # THEN
    raw = (directory / "process.arrow").read_bytes() + open_segment(directory).manifest.tables[0].head
    assert b"name-1" in raw
    assert not [name for name in (b"name-0", b"name-2", b"name-3", b"name-4") if name in raw]


def test_slots_without_a_value_hold_nothing_old(tmp_path):
    # GIVEN a null over a slot that holds a secret
    batch = make_batch("memory", 4)
    name = "memory.limit_bytes"
    secret = pa.Array.from_buffers(pa.int64(), 4, [pa.py_buffer(b"\x00"), pa.py_buffer(b"SECRET!!" * 4)], null_count=4)
    text = pa.Array.from_buffers(
        pa.utf8(),
        4,
        [
            pa.py_buffer(b"\x00"),
            pa.py_buffer(bytes([0, 0, 0, 0, 6, 0, 0, 0] + [6, 0, 0, 0] * 3)),
            pa.py_buffer(b"SECRET"),
        ],
    )
    batch = batch.set_column(batch.schema.get_field_index(name), batch.schema.field(name), secret)
    pressure = make_batch("pressure", 4)
    pressure = pressure.set_column(
        pressure.schema.get_field_index("cgroup.path"), pressure.schema.field("cgroup.path"), text
    )

    # WHEN
    segment = open_segment(seal(tmp_path, {"memory": [batch], "pressure": [pressure]}))

    # THEN
    for table, column, buffer in (("memory", name, 1), ("pressure", "cgroup.path", 2)):
        (read,) = segment.batches(table)
        stored = read.column(column).buffers()[buffer]
        assert read.column(column).null_count == 4
        assert stored is None or not bytes(stored).strip(b"\0")


def test_full_batches_have_the_rows_of_a_frame(tmp_path):
    segment = open_segment(seal(tmp_path, {"pressure": [make_many("pressure", 140_000)]}))

    index = segment.batch_index("pressure")
    assert [batch.rows for batch in index] == [limits.FRAME_ROWS, limits.FRAME_ROWS, 140_000 - 2 * limits.FRAME_ROWS]
    assert index[0].max_boot_ns < index[1].min_boot_ns
    assert (index[1].min_seq, index[1].max_seq) == (limits.FRAME_ROWS, 2 * limits.FRAME_ROWS - 1)
    assert segment.batch_index("tcp") == ()


def test_only_batches_that_overlap_the_window_are_read(tmp_path):
    segment = open_segment(seal(tmp_path, {"pressure": [make_many("pressure", 140_000)]}))
    first, second, third = segment.batch_index("pressure")

    def rows(begin, end):
        return sum(b.num_rows for b in segment.batches("pressure", ["event_seq"], from_unix_ns=begin, to_unix_ns=end))

    assert rows(None, first.max_unix_nano) == first.rows
    assert rows(second.min_unix_nano, second.max_unix_nano) == second.rows
    assert rows(third.max_unix_nano, None) == third.rows
    assert rows(third.max_unix_nano + 1, None) == 0


def test_only_the_columns_asked_for_are_decoded_in_the_order_asked(tmp_path, monkeypatch):
    segment = open_segment(seal(tmp_path, {"process": [make_batch("process", 5_000)]}))
    expanded = []
    monkeypatch.setattr("formats.arrow.decode._expand", _counting(expanded))

    (read,) = segment.batches("process", ["process.command", "boot_time_ns"])

    assert read.schema.names == ["process.command", "boot_time_ns"]
    assert sum(expanded) == 5_000 * (4 + 8)


def _counting(expanded):
    from formats.arrow import decode as arrow_decode

    original = arrow_decode._expand

    def count(part):
        expanded.append(part.expanded)
        return original(part)

    return count


def test_a_column_that_is_not_there_is_an_error_of_the_caller(tmp_path):
    segment = open_segment(seal(tmp_path, {"tcp": [make_batch("tcp", 3)]}))

    with pytest.raises(UsageError, match="no column 'colour'"):
        list(segment.batches("tcp", ["colour"]))
    with pytest.raises(UsageError, match="unknown table 'colours'"):
        segment.schema("colours")
    assert list(segment.batches("colours")) == []


def test_loss_totals_are_in_the_manifest(tmp_path):
    batch = make_batch("loss", 3)
    names = pa.array(["tcp", "tcp", "tcp"]).dictionary_encode()
    reasons = pa.array(["shed", "watch_gap", "shed"]).dictionary_encode()
    for column, values in (
        ("loss.table", names),
        ("loss.reason", reasons),
        ("loss.count", pa.array([3, None, 4], pa.int64())),
    ):
        batch = batch.set_column(batch.schema.get_field_index(column), batch.schema.field(column), values)

    segment = open_segment(seal(tmp_path, {"loss": [batch]}))

    assert segment.manifest.loss == (LossTotal("tcp", "shed", 7, 0), LossTotal("tcp", "watch_gap", 0, 1))


def test_sealing_a_journal_twice_gives_the_same_bytes(tmp_path):
    journal = open_journal(write_journal(tmp_path / "j", [make_batch("tcp", 9), make_batch("oom", 2)]))
    header = SegmentHeader(journal.header.id.hex(), NODE, BOOT_ID, "tests")

    for name in ("one", "two"):
        seal_segment(tmp_path, name, header, journal.batches, list(journal.tables))

    assert files_of(tmp_path / "one").contents == files_of(tmp_path / "two").contents


def test_a_sealing_that_a_crash_interrupted_is_begun_again(tmp_path):
    (tmp_path / ".segment.sealing").mkdir()
    (tmp_path / ".segment.sealing" / "tcp.arrow").write_bytes(b"torn")

    directory = seal(tmp_path, {"tcp": [make_batch("tcp", 3)]})

    assert not list(open_segment(directory).verify())
    assert [path.name for path in tmp_path.iterdir()] == ["segment"]


def test_everything_is_on_the_disk_before_the_segment_has_its_name(tmp_path, monkeypatch):
    # GIVEN a record of what is synced and renamed
    log = []
    fsync, rename = os.fsync, os.rename

    def note_fsync(fd):
        log.append(("fsync", str(Path(f"/proc/self/fd/{fd}").readlink())))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "rename", lambda a, b: (log.append(("rename", str(b))), rename(a, b)))

    # WHEN
    seal(tmp_path, {"tcp": [make_batch("tcp", 3)]})

    # THEN
    temporary = str(tmp_path / ".segment.sealing")
    assert log == [
        ("fsync", f"{temporary}/tcp.arrow"),
        ("fsync", f"{temporary}/manifest.json"),
        ("fsync", f"{temporary}/manifest.copy.json"),
        ("fsync", temporary),
        ("rename", str(tmp_path / "segment")),
        ("fsync", str(tmp_path)),
    ]


def test_a_disk_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(_):
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(StorageError) as caught:
        seal(tmp_path, {"tcp": [make_batch("tcp", 3)]})

    assert caught.value.errno == errno.EIO
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["", ".hidden", "../out", "a/b", "A", "x" * 129])
def test_names_that_could_lead_elsewhere_are_refused(tmp_path, name):
    with pytest.raises(OutputError, match="invalid or already in use"):
        seal(tmp_path, {"tcp": [make_batch("tcp", 3)]}, name=name)


def test_a_segment_is_never_written_over(tmp_path):
    seal(tmp_path, {"tcp": [make_batch("tcp", 3)]})

    with pytest.raises(OutputError, match="already in use"):
        seal(tmp_path, {"tcp": [make_batch("tcp", 4)]})


def test_a_table_of_a_later_version_stays_readable_and_is_noted(tmp_path):
    later = make_batch("tcp", 3)

    segment = open_segment(seal(tmp_path, {"tcp_later": [later]}))

    rows, damage = rows_of(segment.batches("tcp_later"))
    assert (rows, damage) == (later.to_pylist(), [])
    assert "tcp_later is unknown" in segment.notes[0]
    assert not list(segment.verify())


def test_columns_of_a_later_version_are_left_out_and_noted(tmp_path, monkeypatch):
    # GIVEN a segment written by a version that has one more column
    batch = make_batch("oom", 3)
    longer = batch.append_column(pa.field("oom.later", pa.int64()), pa.array([1, 2, 3]))
    monkeypatch.setattr("formats.segment.sealing.full_schema", lambda _: longer.schema)
    directory = seal(tmp_path, {"oom": [longer]})
    monkeypatch.undo()

    # WHEN
    segment = open_segment(directory)

    # THEN
    assert rows_of(segment.batches("oom"))[0] == batch.to_pylist()
    assert segment.notes == ("the column oom.later of the table oom is unknown to this version and is omitted",)


def test_columns_that_an_earlier_version_did_not_have_are_null(tmp_path, monkeypatch):
    batch = make_batch("oom", 3)
    shorter = batch.select(batch.schema.names[:-1])
    monkeypatch.setattr("formats.segment.sealing.full_schema", lambda _: shorter.schema)
    directory = seal(tmp_path, {"oom": [shorter]})
    monkeypatch.undo()

    (read,) = open_segment(directory).batches("oom")

    assert read.schema.equals(TABLE_BY_NAME["oom"].schema)
    assert read.column(batch.schema.names[-1]).null_count == 3
    (projected,) = open_segment(directory).batches("oom", [batch.schema.names[-1], "event_seq"])
    assert projected.column(0).null_count == 3


def test_a_column_of_another_type_makes_the_table_damage(tmp_path, monkeypatch):
    batch = make_batch("oom", 3)
    index = batch.schema.get_field_index("process.pid")
    other = batch.set_column(
        index, pa.field("process.pid", pa.int64(), nullable=False), batch.column(index).cast(pa.int64())
    )
    monkeypatch.setattr("formats.segment.sealing.full_schema", lambda _: other.schema)
    directory = seal(tmp_path, {"oom": [other]})
    monkeypatch.undo()

    (wound,) = open_segment(directory).batches("oom")

    assert isinstance(wound, Damage)
    assert "process.pid of the table oom is int64, not int32" in wound.detail
    assert wound.rows == 3


def test_a_directory_without_a_manifest_is_no_segment(tmp_path):
    with pytest.raises(FormatError, match="no manifest"):
        open_segment(tmp_path)
    with pytest.raises(MissingInputError, match="nowhere"):
        open_segment(tmp_path / "nowhere")


def test_a_wound_in_the_files_head_costs_no_row(tmp_path):
    directory = seal(tmp_path, {"tcp": [make_batch("tcp", 30)]})
    files = files_of(directory)
    before = rows_of_segment(Segment(files))
    files.contents["tcp.arrow"] = bytes(1_000) + files.contents["tcp.arrow"][1_000:]

    segment = Segment(files)

    assert rows_of_segment(segment) == before
    (wound,) = segment.verify()
    assert (wound.offset, wound.table, wound.rows) == (0, "tcp", 0)
