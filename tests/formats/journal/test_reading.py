"""Promises of `formats.journal.reading`."""

from __future__ import annotations

import errno
import os
import struct

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from formats import limits
from formats.catalog import TABLES
from formats.errors import FormatError, MissingInputError, StorageError, VersionError
from formats.journal.layout import (
    HEADER_BYTES,
    HEADER_COPY_BYTES,
    FrameFlag,
    digest_of,
    pack_header,
)
from formats.journal.reading import JournalFrame, JournalWriter, open_journal
from formats.loss import Damage, DamageKind
from tests.formats.recordings import journal_header, make_batch, write_journal

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def frames(path):
    return [item for item in open_journal(path).items() if isinstance(item, JournalFrame)]


def wounds(path):
    return [item for item in open_journal(path).items() if isinstance(item, Damage)]


@pytest.mark.parametrize("table", [table.name for table in TABLES])
def test_every_table_comes_back_as_it_was_appended(tmp_path, table):
    batch = make_batch(table, 50, first_seq=3)

    path = write_journal(tmp_path / "j", [batch])

    (frame,) = open_journal(path).items()
    assert frame.table == table
    assert frame.batch.equals(batch)
    assert (frame.header.first_seq, frame.header.last_seq, frame.header.rows) == (3, 52, 50)


@QUICK
@given(
    data=st.lists(
        st.tuples(
            st.sampled_from([table.name for table in TABLES]),
            st.integers(0, 60),
            st.integers(0, 1 << 63),
            st.integers(-(1 << 62), 1 << 62),
        ),
        max_size=6,
    )
)
def test_any_batches_come_back_in_order(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("any") / "j"
    batches = [make_batch(table, rows, first_seq=seq, boot=boot // 2) for table, rows, seq, boot in data]

    with JournalWriter(path, journal_header()) as writer:
        written = writer.append(batches)
        assert writer.size == HEADER_BYTES + written

    kept = [batch for batch in batches if batch.num_rows]
    read = list(open_journal(path).items())
    assert len(read) == len(kept)
    for frame, batch in zip(read, kept, strict=True):
        assert isinstance(frame, JournalFrame)
        assert frame.batch.equals(batch)


def test_numbers_with_gaps_and_clocks_that_step_are_kept_too(tmp_path):
    # GIVEN a batch that none of the shortcuts fits
    first = make_batch("tcp", 20)
    batch = pa.concat_batches([first.slice(0, 7), first.slice(9)])
    unix = batch.column("time_unix_nano").to_numpy().copy()
    unix[5:] -= 3_600_000_000_000
    batch = batch.set_column(0, batch.schema.field(0), pa.array(unix))

    # WHEN
    (frame,) = open_journal(write_journal(tmp_path / "j", [batch])).items()

    # THEN
    assert frame.batch.equals(batch)
    assert not frame.header.flags & (FrameFlag.DENSE_SEQ | FrameFlag.CONSTANT_CLOCK)


def test_times_at_the_edges_of_int64_are_kept(tmp_path):
    batch = make_batch("pressure", 4)
    edges = pa.array([-(1 << 63), (1 << 63) - 1, 0, -1], pa.int64())
    for name in ("time_unix_nano", "boot_time_ns"):
        batch = batch.set_column(batch.schema.get_field_index(name), batch.schema.field(name), edges)
    batch = batch.set_column(0, batch.schema.field(0), edges.take(pa.array([1, 0, 3, 2])))

    (frame,) = open_journal(write_journal(tmp_path / "j", [batch])).items()

    assert frame.batch.equals(batch)


def test_large_batches_are_cut_to_frames(tmp_path):
    batch = pa.concat_batches([make_batch("pressure", 100)] * 1_400)

    read = frames(write_journal(tmp_path / "j", [batch]))

    assert [frame.batch.num_rows for frame in read] == [
        limits.FRAME_ROWS,
        limits.FRAME_ROWS,
        140_000 - 2 * limits.FRAME_ROWS,
    ]
    assert pa.concat_batches([frame.batch for frame in read]).equals(batch)


def test_header_tells_whose_journal_it_is(tmp_path):
    path = write_journal(tmp_path / "j", [])

    opened = open_journal(path)

    assert opened.header == journal_header()
    assert not opened.damage
    assert not opened.tables


def test_tables_are_read_one_by_one(tmp_path):
    tcp, oom = make_batch("tcp", 3), make_batch("oom", 2)
    opened = open_journal(write_journal(tmp_path / "j", [tcp, oom, tcp]))

    assert opened.tables == {"tcp": 6, "oom": 2}
    assert [batch.num_rows for batch in opened.batches("tcp")] == [3, 3]
    assert next(iter(opened.batches("oom"))).equals(oom)
    assert opened.good_bytes == (tmp_path / "j").stat().st_size


def test_a_batch_of_no_table_is_refused(tmp_path):
    with JournalWriter(tmp_path / "j", journal_header()) as writer, pytest.raises(FormatError, match="no table"):
        writer.append([make_batch("tcp", 3).select(["event_seq"])])


def test_an_existing_file_is_never_written_over(tmp_path):
    (tmp_path / "j").write_bytes(b"precious")

    with pytest.raises(StorageError, match="cannot be created") as caught:
        JournalWriter(tmp_path / "j", journal_header())

    assert caught.value.errno == errno.EEXIST
    assert (tmp_path / "j").read_bytes() == b"precious"


def test_a_full_disk_is_a_storage_error_with_its_number(tmp_path):
    writer = JournalWriter(tmp_path / "j", journal_header())
    fd = os.open("/dev/full", os.O_WRONLY)
    os.dup2(fd, writer._fd)
    os.close(fd)

    with pytest.raises(StorageError) as caught:
        writer.append([make_batch("tcp", 3)])

    assert caught.value.errno == errno.ENOSPC
    writer.close()
    writer.close()


def test_a_node_name_that_is_too_long_is_refused(tmp_path):
    with pytest.raises(FormatError, match="253"):
        JournalWriter(tmp_path / "j", journal_header(node="n" * 254))


def test_a_missing_journal_is_named(tmp_path):
    with pytest.raises(MissingInputError, match="nowhere"):
        open_journal(tmp_path / "nowhere")


def test_something_else_is_no_journal(tmp_path):
    (tmp_path / "j").write_bytes(b"PK\x03\x04 something else that is long enough to be anything" * 40)

    with pytest.raises(FormatError, match="not a Tapio journal"):
        open_journal(tmp_path / "j")


def test_an_empty_file_is_a_truncated_journal(tmp_path):
    # a crash right after the file was created
    (tmp_path / "j").write_bytes(b"")

    (wound,) = open_journal(tmp_path / "j").items()

    assert wound.kind is DamageKind.TRUNCATED


def test_a_later_major_version_is_refused_by_name(tmp_path):
    path = write_journal(tmp_path / "j", [make_batch("tcp", 3)])
    raw = bytearray(path.read_bytes())
    copy = bytearray(pack_header(journal_header())[:HEADER_COPY_BYTES])
    struct.pack_into("<H", copy, 8, 2)
    copy[-16:] = digest_of(bytes(copy[:-16]))
    raw[:HEADER_BYTES] = copy * 2
    path.write_bytes(raw)

    with pytest.raises(VersionError, match=r"reads up to 1.*reads journal format 2"):
        open_journal(path)


def test_frames_are_read_when_both_headers_are_gone(tmp_path):
    batch = make_batch("tcp", 3)
    path = write_journal(tmp_path / "j", [batch, batch])
    raw = bytearray(path.read_bytes())
    raw[:HEADER_BYTES] = bytes(HEADER_BYTES)
    path.write_bytes(raw)

    opened = open_journal(path)

    assert opened.header is None
    assert [wound.offset for wound in opened.damage] == [0, HEADER_COPY_BYTES]
    assert len(frames(path)) == 2


def test_one_wounded_header_costs_nothing(tmp_path):
    path = write_journal(tmp_path / "j", [make_batch("tcp", 3)])
    raw = bytearray(path.read_bytes())
    raw[20] ^= 1
    path.write_bytes(raw)

    opened = open_journal(path)

    assert opened.header == journal_header()
    assert [(wound.offset, wound.kind) for wound in opened.damage] == [(0, DamageKind.DIGEST)]
