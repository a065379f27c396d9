"""Promises of `formats.capture.container`: one set of members has one container, and other tools read it."""

from __future__ import annotations

import io
import zipfile
import zlib

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.capture.container import MEMBER_NAME, Member, place_members, scan_members

NAMES = st.from_regex(MEMBER_NAME, fullmatch=True).filter(str.isascii)


def build(contents):
    members = [Member(name, len(content), zlib.crc32(content)) for name, content in contents.items()]
    return b"".join(
        stretch.content if stretch.content is not None else contents[stretch.member]
        for stretch in place_members(members)
    )


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES, st.binary(max_size=300), max_size=8))
def test_any_members_come_back_through_zip_tools_and_through_their_headers(contents):
    raw = build(contents)

    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == contents
        assert archive.testzip() is None
    if not any(b"PK\x03\x04" in content for content in contents.values()):
        found = {name: raw[offset : offset + size] for name, offset, size in scan_members(pa.py_buffer(raw))}
        assert found == contents


def test_members_begin_where_arrow_wants_buffers():
    stretches = place_members([Member("a", 5, 0), Member("b" * 64, 1 << 40, 0), Member("c", 0, 0)])

    assert [stretch.offset % 64 for stretch in stretches if stretch.content is None] == [0, 0, 0]


def test_stretches_leave_no_gap():
    stretches = place_members([Member("a", 5, 0), Member("b", 70, 0)])

    position = 0
    for stretch in stretches:
        assert stretch.offset == position
        assert stretch.content is None or len(stretch.content) == stretch.length
        position += stretch.length


def test_sizes_beyond_32_bits_are_written_as_zip64():
    # GIVEN 6 GiB that nobody writes down: headers in a sparse file
    large = Member("large", 6 << 30, 1)
    stretches = place_members([large, Member("small", 4, zlib.crc32(b"tail"))])
    with io.BytesIO() as end:
        directory = stretches[-1]
        end.write(directory.content)
        raw = end.getvalue()

    # THEN the central directory tells sizes and places that need 64 bits
    assert raw[:4] == b"PK\x01\x02"
    assert b"PK\x06\x06" in raw
    assert b"PK\x06\x07" in raw
    assert (6 << 30).to_bytes(8, "little") in raw
    assert stretches[2].offset.to_bytes(8, "little") in raw


def test_large_containers_are_read_by_zip_tools(tmp_path):
    path = tmp_path / "large.zip"
    members = [Member("large", 5 << 30, 0), Member("small", 4, zlib.crc32(b"tail"))]
    with path.open("wb") as file:
        for stretch in place_members(members):
            file.seek(stretch.offset)
            if stretch.content is not None:
                file.write(stretch.content)
            elif stretch.member == "small":
                file.write(b"tail")

    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("large").file_size == 5 << 30
        assert archive.read("small") == b"tail"
