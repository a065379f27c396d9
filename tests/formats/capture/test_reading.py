"""Promises of `formats.capture.reading`."""

from __future__ import annotations

import errno
import json
import os
import zipfile

import pytest

from formats.capture.info import CaptureInfo
from formats.capture.reading import open_capture
from formats.capture.writing import write_capture
from formats.errors import FormatError, MissingInputError, StorageError, UsageError, VersionError
from formats.loss import DamageKind
from formats.segment.manifest import LossTotal
from formats.segment.reading import open_segment
from formats.segment.sealed_json import open_sealed_json, seal_json
from tests.formats.recordings import UNIX_MINUS_BOOT, capture, make_batch, rows_of, seal


@pytest.fixture
def segments(tmp_path):
    """Three segments of two nodes, named against their order."""
    ring = tmp_path / "ring"
    ring.mkdir()
    return [
        seal(ring, {"tcp": [make_batch("tcp", 5, boot=9_000_000, first_seq=7)]}, name="a-late", number=3),
        seal(ring, {"tcp": [make_batch("tcp", 7)], "oom": [make_batch("oom", 2)]}, name="b-early", number=2),
        seal(ring, {"loss": [make_batch("loss", 1)]}, name="c", number=9, node="node-0"),
    ]


def test_rows_of_all_segments_come_back_by_node_boot_and_time(tmp_path, segments):
    opened = open_capture(capture(tmp_path / "c.tapio", segments))
    assert [s.manifest.id[-1] for s in opened.segments] == ["9", "2", "3"]
    assert opened.nodes == ("node-0", "node-a")
    assert opened.tables == {"loss": 1, "oom": 2, "tcp": 12}
    assert opened.events == 15
    assert (opened.begin_unix_nano, opened.end_unix_nano) == (
        UNIX_MINUS_BOOT + 1_000_000,
        UNIX_MINUS_BOOT + 9_004_000,
    )
    rows, damage = rows_of(opened.batches("tcp"))
    assert [row["event_seq"] for row in rows] == list(range(12))
    assert not damage
    assert not list(opened.verify())


def test_file_directory_and_single_segment_are_one_capture(tmp_path, segments):
    file = open_capture(capture(tmp_path / "c.tapio", segments))
    ring = open_capture(tmp_path / "ring")
    single = open_capture(segments[0])

    assert file.id == ring.id != single.id
    assert file.tables == ring.tables
    assert single.tables == {"tcp": 5}
    assert single.info.achieved_from_unix_nano == UNIX_MINUS_BOOT + 9_000_000


def test_the_bytes_are_the_same_whatever_the_order_of_the_segments(tmp_path, segments):
    one = capture(tmp_path / "one.tapio", segments).read_bytes()
    other = capture(tmp_path / "other.tapio", segments[::-1]).read_bytes()

    assert one == other


def test_info_says_why_and_what_was_achieved(tmp_path, segments):
    info = CaptureInfo(
        frozen_because="an OOM kill", created_by="tests", asked_from_unix_nano=1, asked_to_unix_nano=1 << 62
    )

    write_capture(tmp_path / "c.tapio", segments, info=info)

    read = open_capture(tmp_path / "c.tapio").info
    assert (read.frozen_because, read.asked_from_unix_nano, read.asked_to_unix_nano) == ("an OOM kill", 1, 1 << 62)
    assert read.achieved_to_unix_nano == UNIX_MINUS_BOOT + 9_004_000
    assert len(read.loss) == 1
    assert isinstance(read.loss[0], LossTotal)
    assert len(read.id) == 32


def test_zip_tools_open_it(tmp_path, segments):
    path = capture(tmp_path / "c.tapio", segments)

    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[0] == "capture.json"
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())
        assert archive.read("s00002.tcp.arrow") == (segments[0] / "tcp.arrow").read_bytes()


def test_names_in_the_file_tell_nothing_of_nodes(tmp_path, segments):
    with zipfile.ZipFile(capture(tmp_path / "c.tapio", segments)) as archive:
        assert not [name for name in archive.namelist() if "node" in name]


def test_window_and_columns_reach_every_segment(tmp_path, segments):
    opened = open_capture(capture(tmp_path / "c.tapio", segments))

    late = list(opened.batches("tcp", ["event_seq"], from_unix_ns=UNIX_MINUS_BOOT + 8_000_000))

    assert [batch.to_pydict() for batch in late] == [{"event_seq": [7, 8, 9, 10, 11]}]


def test_a_segment_given_twice_is_refused(tmp_path, segments):
    with pytest.raises(UsageError, match="listed twice"):
        capture(tmp_path / "c.tapio", [segments[0], segments[0]])


def test_a_capture_of_nothing_can_be_opened(tmp_path):
    opened = open_capture(capture(tmp_path / "c.tapio", []))

    assert (opened.events, opened.segments, opened.nodes) == (0, (), ())
    assert not list(opened.verify())


def test_a_wounded_segment_is_captured_as_it_is(tmp_path, segments):
    # GIVEN a segment with a flipped bit
    raw = bytearray((segments[1] / "tcp.arrow").read_bytes())
    raw[open_segment(segments[1]).batch_index("tcp")[0].offset + 300] ^= 1
    (segments[1] / "tcp.arrow").write_bytes(raw)

    # WHEN
    opened = open_capture(capture(tmp_path / "c.tapio", segments))

    # THEN its neighbours are whole, and the wound is told with its cost
    (wound,) = opened.verify()
    assert (wound.table, wound.rows, wound.kind) == ("tcp", 7, DamageKind.DIGEST)
    assert len(rows_of(opened.batches("tcp"))[0]) == 5


def test_a_disk_that_fails_leaves_nothing_behind(tmp_path, segments, monkeypatch):
    def fail(_):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(StorageError) as caught:
        capture(tmp_path / "c.tapio", segments)

    assert caught.value.errno == errno.ENOSPC
    assert [path.name for path in tmp_path.iterdir()] == ["ring"]


def test_what_is_not_there_is_a_missing_input(tmp_path):
    with pytest.raises(MissingInputError, match="nowhere"):
        open_capture(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all" * 100, b"PK\x05\x06" + bytes(18)])
def test_a_file_of_something_else_is_no_capture(tmp_path, content):
    (tmp_path / "c.tapio").write_bytes(content)

    with pytest.raises(FormatError, match=r"c\.tapio: .*; give a"):
        open_capture(tmp_path / "c.tapio")


def test_a_zip_of_something_else_is_no_capture(tmp_path):
    with zipfile.ZipFile(tmp_path / "c.tapio", "w") as archive:
        archive.writestr("readme.txt", "hello")
        archive.writestr("capture.json", '{"hello": 1}\n')

    with pytest.raises(FormatError, match="not a Tapio capture"):
        open_capture(tmp_path / "c.tapio")


def test_a_directory_without_segments_is_no_capture(tmp_path):
    (tmp_path / "photos").mkdir()

    with pytest.raises(FormatError, match="contains no segments"):
        open_capture(tmp_path)


def test_a_capture_of_a_later_major_version_is_refused_by_name(tmp_path, segments):
    raw = capture(tmp_path / "c.tapio", segments).read_bytes()
    begin = raw.index(b"{")
    end = raw.index(b"\n", begin) + 1
    content = json.loads(open_sealed_json(raw[begin:end]))
    content.pop("digest")
    later = seal_json({**content, "version": [2, 7]})
    (tmp_path / "c.tapio").write_bytes(raw[:begin] + later + raw[end:])

    with pytest.raises(
        VersionError, match=r"tapio-capture version 2\.7 is not supported, this program reads up to 1; use"
    ):
        open_capture(tmp_path / "c.tapio")


def test_a_segment_of_a_later_major_version_is_refused_by_name(tmp_path, segments):
    content = json.loads((segments[0] / "manifest.json").read_bytes())
    content.pop("digest")
    for name in ("manifest.json", "manifest.copy.json"):
        (segments[0] / name).write_bytes(seal_json({**content, "version": [3, 0]}))

    with pytest.raises(VersionError, match=r"tapio-segment version 3\.0"):
        open_capture(tmp_path / "ring")


def test_fields_of_a_later_minor_version_are_ignored(tmp_path, segments):
    content = json.loads((segments[0] / "manifest.json").read_bytes())
    content.pop("digest")
    content["tables"][0]["batches"][0].append("more")
    for name in ("manifest.json", "manifest.copy.json"):
        (segments[0] / name).write_bytes(seal_json({**content, "version": [1, 9], "later": {"a": [1]}}))

    opened = open_capture(segments[0])

    assert opened.tables == {"tcp": 5}
    assert not list(opened.verify())


def test_one_dead_manifest_costs_nothing_both_cost_the_segment(tmp_path, segments):
    (segments[0] / "manifest.json").write_bytes(b"{}")
    assert open_capture(tmp_path / "ring").tables["tcp"] == 12

    (segments[0] / "manifest.copy.json").write_bytes(b"")
    opened = open_capture(tmp_path / "ring")

    assert opened.tables["tcp"] == 7
    assert "neither copy of the manifest is intact" in opened.damage[0].detail


def test_members_are_found_by_their_headers_when_both_lists_are_dead(tmp_path, segments):
    path = capture(tmp_path / "c.tapio", segments)
    whole = open_capture(path)
    raw = path.read_bytes()
    listing = raw[raw.index(b"{") : raw.index(b"\n", 64) + 1]
    path.write_bytes(raw.replace(listing, b"x" * len(listing)))

    opened = open_capture(path)

    assert opened.tables == whole.tables
    assert rows_of(opened.batches("tcp")) == rows_of(whole.batches("tcp"))
    assert any("located by their headers" in wound.detail for wound in opened.damage)


def test_bytes_behind_the_end_are_told(tmp_path, segments):
    path = capture(tmp_path / "c.tapio", segments)
    path.write_bytes(path.read_bytes() + b"tail")

    (wound,) = open_capture(path).verify()

    assert (wound.kind, wound.length) == (DamageKind.UNEXPECTED, 4)


def test_files_that_the_manifest_does_not_name_are_told(tmp_path, segments):
    (segments[0] / "extra.txt").write_text("hello")

    (wound,) = open_capture(segments[0]).verify()

    assert wound.kind is DamageKind.UNEXPECTED
    assert wound.file.endswith("extra.txt")


def test_what_is_being_written_or_set_aside_is_no_part_of_a_directory(tmp_path, segments):
    (segments[0]).rename(tmp_path / "ring" / ".quarantined")
    (tmp_path / "ring" / "open.journal").write_bytes(b"still open")

    assert open_capture(tmp_path / "ring").tables["tcp"] == 7
