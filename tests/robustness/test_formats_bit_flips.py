"""Every single flipped bit of a small segment, capture or journal is noticed, and no row changes silently."""

from __future__ import annotations

import copy

import pyarrow as pa
import pytest

from formats.capture.reading import _container_damage, _find_listing, open_bytes
from formats.errors import FormatError
from formats.journal.reading import JournalFrame, OpenedJournal
from formats.segment.manifest import read_manifest
from formats.segment.reading import Segment
from formats.segment.sealed_json import open_sealed_json
from formats.segment.stored_files import MappedBytes
from tests.formats.recordings import capture, files_of, make_batch, rows_of, rows_of_segment, seal, write_journal

pytestmark = pytest.mark.no_cover

TABLE = "interface_state"


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return seal(tmp_path_factory.mktemp("flips"), {TABLE: [make_batch(TABLE, 12)]})


def flips(raw, *, every=1):
    """The bytes with one bit flipped, for every bit (or every n-th)."""
    wounded = bytearray(raw)
    for bit in range(0, 8 * len(raw), every):
        wounded[bit // 8] ^= 1 << (bit % 8)
        yield bit, bytes(wounded)
        wounded[bit // 8] ^= 1 << (bit % 8)


def test_every_bit_of_a_table_is_covered_by_a_digest(directory):
    # GIVEN
    files = files_of(directory)
    segment = Segment(files)
    rows, _ = rows_of(segment.batches(TABLE))
    (batch,) = segment.batch_index(TABLE)
    (entry,) = segment.manifest.tables
    name = f"{TABLE}.arrow"
    raw = files.contents[name]

    # WHEN / THEN
    for bit, wounded in flips(raw):
        files.contents[name] = wounded
        inside = batch.offset <= bit // 8 < batch.offset + batch.length
        # All of `verify` for some bits; for the others, only the part of it that can see them: this test has 34,000.
        if bit % 64 == 0:
            wounds = list(segment.verify())
        else:
            wounds = list(segment.batches(TABLE)) if inside else list(segment._verify_edges(entry))
        assert len(wounds) == 1, bit
        assert wounds[0].offset <= bit // 8 < wounds[0].offset + wounds[0].length
        assert wounds[0].rows == (12 if inside else 0)
        if bit % 64 == 0:
            assert rows_of(segment.batches(TABLE))[0] == ([] if inside else rows), bit


def test_every_bit_of_a_manifest_is_covered_by_its_digest(directory):
    raw = files_of(directory).contents["manifest.json"]

    for bit, wounded in flips(raw):
        with pytest.raises(FormatError):
            read_manifest(wounded)
        assert bit >= 0


@pytest.mark.parametrize("name", ["manifest.json", "manifest.copy.json"])
def test_a_flipped_bit_in_either_manifest_is_damage_and_costs_no_row(directory, name):
    files = files_of(directory)
    before = rows_of_segment(Segment(files))
    raw = files.contents[name]

    for bit, wounded in flips(raw, every=101):
        files.contents[name] = wounded
        segment = Segment(files)
        assert [wound.file for wound in segment.verify()] == [name], bit
        assert rows_of_segment(segment) == before


def test_every_bit_of_a_container_around_its_segments_is_checked(tmp_path, directory):
    # GIVEN
    path = capture(tmp_path / "c.tapio", [directory])
    raw = path.read_bytes()
    _, stretches = _find_listing(path, MappedBytes(pa.py_buffer(raw)))
    own = [s for s in stretches if s.content is not None or s.member in {"capture.json", "capture.copy.json"}]
    assert sum(s.length for s in stretches) == len(raw)

    # WHEN / THEN
    for stretch in own:
        is_listing = stretch.content is None
        for bit, flipped in flips(raw[stretch.offset : stretch.offset + stretch.length]):
            if is_listing:
                with pytest.raises(FormatError):
                    open_sealed_json(flipped)
            if is_listing and bit % 13:
                continue
            wounded = bytearray(raw)
            wounded[stretch.offset + bit // 8] ^= 1 << (bit % 8)
            data = MappedBytes(pa.py_buffer(wounded))
            found, places = _find_listing(path, data)
            wounds = list(_container_damage(path.name, data, places))
            assert [(w.offset, w.length) for w in wounds] == [(stretch.offset, stretch.length)], (stretch, bit)
            assert found.frozen_because == "a test"


def test_a_flipped_bit_anywhere_in_a_capture_is_damage_or_costs_its_own_batch_only(tmp_path, directory):
    path = capture(tmp_path / "c.tapio", [directory])
    raw = path.read_bytes()
    rows, _ = rows_of(open_bytes(path, MappedBytes(pa.py_buffer(raw))).batches(TABLE))

    for bit, wounded in flips(raw, every=157):
        opened = open_bytes(path, MappedBytes(pa.py_buffer(wounded)))
        assert list(opened.verify()), bit
        assert rows_of(opened.batches(TABLE))[0] in (rows, []), bit


def test_every_bit_of_a_journal_is_covered_by_a_digest(tmp_path):
    # GIVEN three frames, small as they are
    batches = [make_batch(TABLE, 2, seed=n, first_seq=2 * n) for n in range(3)]
    path = write_journal(tmp_path / "j", batches)
    raw = path.read_bytes()
    starts = [offset for offset, _ in OpenedJournal(path, memoryview(raw))._frames]
    rows = [batch.to_pylist() for batch in batches]

    # WHEN / THEN
    for bit, wounded in flips(raw):
        opened = OpenedJournal(path, memoryview(wounded))
        assert opened.damage, bit
        expected = {0, 1, 2} - {max((n for n in range(3) if starts[n] <= bit // 8), default=None)}
        assert {frame.number for _, frame in opened._frames} == expected, bit
        if bit % 512 == 0:
            whole = [item for item in opened.items() if isinstance(item, JournalFrame)]
            assert [frame.batch.to_pylist() for frame in whole] == [rows[n] for n in sorted(expected)], bit


@pytest.mark.parametrize("value", [0x00, 0xFF])
def test_every_byte_that_becomes_zeros_or_ones_is_noticed(directory, value):
    files = files_of(directory)
    segment = Segment(files)
    untouched = copy.deepcopy(files.contents)
    name = f"{TABLE}.arrow"
    for place, byte in enumerate(untouched[name]):
        if byte != value:
            files.contents[name] = untouched[name][:place] + bytes([value]) + untouched[name][place + 1 :]
            assert list(segment.verify()), place
