"""One wound does not cost the neighbours: cuts, swaps, repeats and splices of journals, segments and captures."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from formats import limits
from formats.capture.reading import open_bytes
from formats.errors import FormatError
from formats.journal.layout import DIGEST_BYTES, FRAME_HEADER_BYTES, HEADER_BYTES
from formats.journal.reading import JournalFrame, OpenedJournal
from formats.loss import Damage, DamageKind
from formats.segment.reading import Segment
from formats.segment.stored_files import MappedBytes
from tests.formats.recordings import capture, files_of, make_batch, rows_of, seal, write_journal

pytestmark = pytest.mark.no_cover

FRAMES = 6


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    """A journal's path, bytes, and the place of every frame."""
    path = tmp_path_factory.mktemp("wounds") / "j"
    write_journal(path, [make_batch("pressure", 3, seed=n, first_seq=3 * n) for n in range(FRAMES)])
    raw = path.read_bytes()
    spans = []
    for offset, frame in OpenedJournal(path, memoryview(raw))._frames:
        spans.append((offset, offset + FRAME_HEADER_BYTES + frame.stored_bytes + DIGEST_BYTES))
    return path, raw, spans


def read(path, raw):
    """Numbers of the frames that come back whole, and the damage."""
    items = list(OpenedJournal(path, memoryview(bytes(raw))).items())
    return (
        [item.header.number for item in items if isinstance(item, JournalFrame)],
        [item for item in items if isinstance(item, Damage)],
    )


def test_truncated_journal_keeps_every_whole_frame(journal):
    path, raw, spans = journal
    ends = [end for _, end in spans]

    for length in range(len(raw) + 1):
        opened = OpenedJournal(path, memoryview(raw[:length]))
        numbers, wounds = [frame.number for _, frame in opened._frames], opened.damage
        assert numbers == list(range(sum(end <= length for end in ends))), length
        if length % 50 == 0:  # and their rows decode
            assert read(path, raw[:length]) == (numbers, wounds), length
        is_whole = length in ends or length == HEADER_BYTES
        assert len(wounds) == (0 if is_whole else 1), (length, wounds)
        if wounds:
            assert wounds[0].kind is DamageKind.TRUNCATED, length
            assert wounds[0].offset + wounds[0].length >= length


@pytest.mark.parametrize("wounded", range(FRAMES))
@pytest.mark.parametrize("place", [0, 40, FRAME_HEADER_BYTES + 5, -1])
def test_one_wounded_frame_costs_itself(journal, wounded, place):
    path, raw, spans = journal
    raw = bytearray(raw)
    begin, end = spans[wounded]
    raw[begin + place if place >= 0 else end + place] ^= 0x10

    numbers, wounds = read(path, raw)

    assert numbers == [n for n in range(FRAMES) if n != wounded]
    assert (wounds[0].offset, wounds[0].length) == (begin, end - begin)
    if place >= FRAME_HEADER_BYTES or place < 0:
        assert (wounds[0].table, wounds[0].rows) == ("pressure", 3)


@pytest.mark.parametrize(("first", "second"), [(0, 1), (0, 5), (2, 4), (4, 5)])
def test_two_wounds_cost_two_frames(journal, first, second):
    path, raw, spans = journal
    raw = bytearray(raw)
    for number in (first, second):
        raw[spans[number][0] + FRAME_HEADER_BYTES + 3] ^= 1

    numbers, wounds = read(path, raw)

    assert numbers == [n for n in range(FRAMES) if n not in {first, second}]
    assert [wound.offset for wound in wounds] == [spans[first][0], spans[second][0]]


def test_a_stretch_of_garbage_costs_what_it_covers(journal):
    path, raw, spans = journal
    raw = bytearray(raw)
    raw[spans[1][0] + 10 : spans[3][0] + 10] = b"\xee" * (spans[3][0] - spans[1][0])

    numbers, wounds = read(path, raw)

    assert numbers == [0, 4, 5]
    assert wounds[0].offset == spans[1][0]
    assert wounds[0].offset + wounds[0].length == spans[4][0]


def test_a_repeated_frame_is_given_once(journal):
    path, raw, spans = journal
    begin, end = spans[2]

    numbers, wounds = read(path, raw[:end] + raw[begin:end] + raw[end:])

    assert numbers == list(range(FRAMES))
    assert [(wound.kind, wound.offset) for wound in wounds] == [(DamageKind.UNEXPECTED, end)]


def test_swapped_frames_are_given_and_told(journal):
    path, raw, spans = journal
    (a, b), (c, d) = spans[1], spans[2]

    numbers, wounds = read(path, raw[:a] + raw[c:d] + raw[a:b] + raw[d:])

    assert sorted(numbers) == list(range(FRAMES))
    assert wounds


def test_a_frame_cut_out_cleanly_is_missed(journal):
    path, raw, spans = journal
    begin, end = spans[3]

    numbers, wounds = read(path, raw[:begin] + raw[end:])

    assert numbers == [0, 1, 2, 4, 5]
    assert [(wound.kind, wound.offset) for wound in wounds] == [(DamageKind.MISSING, begin)]


def test_a_frame_of_another_journal_is_noticed(journal, tmp_path):
    path, raw, spans = journal
    other = write_journal(tmp_path / "other", [make_batch("pressure", 3, seed=9)], number=2).read_bytes()

    numbers, wounds = read(path, raw[: spans[1][1]] + other[HEADER_BYTES:] + raw[spans[1][1] :])

    assert numbers == list(range(FRAMES))
    assert [wound.kind for wound in wounds] == [DamageKind.UNEXPECTED]


def test_two_journals_one_behind_the_other_are_told_apart(journal, tmp_path):
    path, raw, _ = journal
    other = write_journal(tmp_path / "other", [make_batch("pressure", 3, seed=9)], number=2).read_bytes()

    numbers, wounds = read(path, raw + other)

    assert numbers == list(range(FRAMES))
    assert wounds


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_is_cut_or_written_over_only_whole_frames_come_back(journal, data):
    path, raw, spans = journal
    wounded = bytearray(raw)
    touched = set()
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(HEADER_BYTES, len(raw) - 1))
        junk = data.draw(st.binary(min_size=1, max_size=200))
        junk = junk[: len(raw) - place]
        wounded[place : place + len(junk)] = junk
    touched = {n for n, (begin, end) in enumerate(spans) if wounded[begin:end] != raw[begin:end]}

    numbers, wounds = read(path, wounded)

    assert numbers == [n for n in range(FRAMES) if n not in touched]
    assert bool(wounds) == bool(touched)


@pytest.fixture(scope="module")
def many_batches(tmp_path_factory):
    """A segment of one table with eight record batches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "FRAME_ROWS", 32)
        return seal(tmp_path_factory.mktemp("batches"), {"pressure": [make_batch("pressure", 250)]})


def test_every_wounded_batch_costs_itself_and_says_what_it_cost(many_batches):
    files = files_of(many_batches)
    segment = Segment(files)
    index = segment.batch_index("pressure")
    whole = files.contents["pressure.arrow"]
    rows, _ = rows_of(segment.batches("pressure"))
    assert len(index) == 8

    for number, batch in enumerate(index):
        raw = bytearray(whole)
        raw[batch.offset + batch.length // 2] ^= 4
        files.contents["pressure.arrow"] = bytes(raw)
        left, wounds = rows_of(segment.batches("pressure"))
        assert left == rows[: 32 * number] + rows[32 * number + batch.rows :]
        assert [(w.offset, w.length, w.rows, w.table) for w in wounds] == [
            (batch.offset, batch.length, batch.rows, "pressure")
        ]
        assert [(w.offset, w.kind) for w in segment.verify()] == [(batch.offset, DamageKind.DIGEST)]


def test_swapped_batches_are_noticed(many_batches):
    files = files_of(many_batches)
    segment = Segment(files)
    one, two = segment.batch_index("pressure")[2:4]
    raw = files.contents["pressure.arrow"]
    files.contents["pressure.arrow"] = (
        raw[: one.offset]
        + raw[two.offset : two.offset + two.length]
        + raw[one.offset : one.offset + one.length]
        + raw[two.offset + two.length :]
    )

    rows, wounds = rows_of(segment.batches("pressure"))

    assert len(rows) == 250 - 64
    assert len(wounds) == 2


def test_every_truncation_of_a_table_keeps_every_whole_batch(many_batches):
    files = files_of(many_batches)
    segment = Segment(files)
    index = segment.batch_index("pressure")
    raw = files.contents["pressure.arrow"]

    for length in range(0, len(raw), 7):
        files.contents["pressure.arrow"] = raw[:length]
        rows, _ = rows_of(segment.batches("pressure", ["event_seq"]))
        assert len(rows) == sum(b.rows for b in index if b.offset + b.length <= length), length
        assert any(w.kind is DamageKind.TRUNCATED for w in segment.verify()), length


def test_a_table_that_is_gone_is_missed_batch_by_batch(many_batches):
    files = files_of(many_batches)
    segment = Segment(files)
    del files.contents["pressure.arrow"]

    rows, wounds = rows_of(segment.batches("pressure"))

    assert rows == []
    assert {wound.kind for wound in wounds} == {DamageKind.MISSING}
    assert sum(wound.rows for wound in wounds) == 250


def test_every_truncation_of_a_capture_gives_what_is_there(tmp_path):
    # GIVEN a capture of two segments
    segments = [
        seal(tmp_path, {"oom": [make_batch("oom", 3, first_seq=3 * n, boot=10_000_000 * n)]}, name=f"s{n}", number=n)
        for n in range(2)
    ]
    raw = capture(tmp_path / "c.tapio", segments).read_bytes()
    first, second = (open_bytes(tmp_path / "c.tapio", MappedBytes(pa.py_buffer(raw))).batches("oom"), 6)
    rows, _ = rows_of(first)
    assert len(rows) == second

    # WHEN / THEN
    for length in range(0, len(raw), 41):
        try:
            opened = open_bytes(tmp_path / "c.tapio", MappedBytes(pa.py_buffer(raw[:length])))
        except FormatError:
            assert length < 1_000  # nothing of it is there yet
            continue
        left, _ = rows_of(opened.batches("oom"))
        assert left == rows[: len(left)], length
        assert list(opened.verify()), length
