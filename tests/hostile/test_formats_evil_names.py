"""Opening a capture writes nothing and leads nowhere else: evil member names, overlaps, links, pipes."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib

import pyarrow as pa
import pytest

from formats.capture.container import Member, place_members
from formats.capture.info import CaptureInfo
from formats.capture.reading import open_bytes, open_capture
from formats.errors import FormatError, TapioError
from formats.loss import DamageKind
from formats.segment.sealed_json import open_sealed_json, seal_json
from formats.segment.stored_files import MappedBytes
from tests.formats.recordings import capture, make_batch, rows_of, seal

EVIL = [
    "../evil",
    "/etc/passwd",
    "a/../../b",
    "..",
    ".",
    "",
    ".hidden",
    "a/b",
    "a\\b",
    "C:\\x",
    "UPPER",
    "a b",
    "a\nb",
    "a\0b",
    "ünïcode",
    "x" * 65,
    "-rf",
    "a\x1b[31m",
    "con:",
    "%2e%2e",
]


@pytest.fixture
def segment(tmp_path):
    return seal(tmp_path, {"tcp": [make_batch("tcp", 4)]})


def tree(path):
    """Every path below with its content."""
    return {
        str(entry.relative_to(path)): hashlib.sha256(entry.read_bytes()).hexdigest() if entry.is_file() else None
        for entry in sorted(path.rglob("*"))
        if not entry.is_symlink()
    }


def capture_with(path, change):
    """A capture whose list of members was changed and digested again."""
    raw = path.read_bytes()
    begin = raw.index(b"{")
    content = json.loads(open_sealed_json(raw[begin : raw.index(b"\n", begin) + 1]))
    content.pop("digest")
    change(content)
    listing = seal_json(content)
    members = [Member("capture.json", len(listing), zlib.crc32(listing))]
    stretches = place_members(members)
    return stretches[0].content + listing + raw[512:]


@pytest.mark.parametrize("name", EVIL)
def test_a_listed_evil_name_is_refused_and_nothing_is_written(tmp_path, segment, name):
    path = capture(tmp_path / "c.tapio", [segment])
    path.write_bytes(capture_with(path, lambda content: content["members"].append([name, 4, 0])))
    before = tree(tmp_path)

    # the list is not taken; what is found by headers is
    try:
        opened = open_capture(path)
        list(opened.verify())
        assert opened.damage
    except FormatError:
        pass

    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", [name for name in EVIL if name and "\0" not in name])
def test_an_evil_member_of_a_zip_is_passed_over(tmp_path, segment, name):
    path = tmp_path / "c.tapio"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "evil")
        for file in sorted(segment.iterdir()):
            archive.writestr(zipfile.ZipInfo(f"s00000.{file.name}"), file.read_bytes())
    before = tree(tmp_path)

    opened = open_capture(path)

    assert opened.tables == {"tcp": 4}
    assert list(opened.verify())
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["members"].append(c["members"][0]),
        lambda c: c["members"][0].__setitem__(1, -1),
        lambda c: c["members"][0].__setitem__(1, 1 << 80),
        lambda c: c["members"][0].__setitem__(1, "4"),
        lambda c: c["members"][0].__setitem__(2, 1 << 40),
        lambda c: c["members"].append(["capture.json", 4, 0]),
        lambda c: c["members"].append("s0"),
        lambda c: c["members"].extend([[f"s{n:05d}.x", 0, 0] for n in range(10_001)]),
        lambda c: c.update(members=None),
        lambda c: c.update(loss=[1]),
        lambda c: c.update(frozen_because=7),
        lambda c: c.update(version=[1]),
        lambda c: c.pop("id"),
    ],
)
def test_a_list_of_members_with_right_digest_and_wrong_content_is_not_taken(tmp_path, segment, change):
    path = capture(tmp_path / "c.tapio", [segment])
    path.write_bytes(capture_with(path, change))

    problem = ""
    try:
        damage = open_capture(path).damage
    except TapioError as error:
        damage, problem = (), str(error)

    assert damage or 0 < len(problem) < 300


def test_members_that_overlap_are_told(tmp_path, segment):
    # GIVEN two headers that claim the same bytes, in a container without a list
    raw = (segment / "manifest.json").read_bytes()
    inner = place_members([Member("s00001.manifest.json", len(raw), zlib.crc32(raw))])[0].content
    outer = place_members([Member("s00000.manifest.json", len(inner) + len(raw), 0)])[0].content

    opened_from = MappedBytes(pa.py_buffer(outer + inner + raw))
    opened = open_bytes(tmp_path / "c.tapio", opened_from)

    # THEN only the outer one is taken, and it is no manifest
    assert not opened.segments
    assert {wound.kind for wound in opened.damage} == {DamageKind.DIGEST}


def test_a_linked_file_in_a_segment_is_not_followed(tmp_path, segment):
    real = tmp_path / "elsewhere.arrow"
    (segment / "tcp.arrow").rename(real)
    (segment / "tcp.arrow").symlink_to(real)

    opened = open_capture(segment)

    rows, wounds = rows_of(opened.batches("tcp"))
    assert rows == []
    assert [wound.kind for wound in wounds] == [DamageKind.MISSING]


def test_a_linked_segment_in_a_directory_of_segments_is_not_followed(tmp_path, segment):
    (tmp_path / "ring").mkdir()
    (tmp_path / "ring" / "linked").symlink_to(segment, target_is_directory=True)

    with pytest.raises(FormatError, match="contains no segments"):
        open_capture(tmp_path / "ring")


def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path, segment):
    (segment / "tcp.arrow").unlink()
    os.mkfifo(segment / "tcp.arrow")
    os.mkfifo(tmp_path / "pipe.tapio")

    assert {wound.kind for wound in open_capture(segment).verify()} == {DamageKind.MISSING}
    with pytest.raises(TapioError, match="neither a file nor a directory"):
        open_capture(tmp_path / "pipe.tapio")


def test_a_device_in_place_of_a_capture_is_refused(tmp_path):
    (tmp_path / "zero.tapio").symlink_to("/dev/zero")

    with pytest.raises(TapioError, match="neither a file nor a directory"):
        open_capture(tmp_path / "zero.tapio")


def test_a_capture_is_described_without_trusting_its_texts(tmp_path, segment):
    path = capture(tmp_path / "c.tapio", [segment])
    path.write_bytes(capture_with(path, lambda c: c.update(frozen_because="\x1b]52;c;evil\x07</script>")))

    info = open_capture(path).info

    assert isinstance(info, CaptureInfo)
    assert info.frozen_because == "\x1b]52;c;evil\x07</script>"  # data as it is; who shows it escapes it
