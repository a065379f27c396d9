"""Bombs fizzle: a file that asks for more than `formats.limits` allow is refused before anything is allocated."""

from __future__ import annotations

import base64
import json
import re
import resource
import struct
import zlib
from typing import Any

import pyarrow as pa
import pytest
import zstandard

from formats import limits
from formats.arrow.messages import read_message
from formats.decoding import decode_json
from formats.errors import FormatError, LimitError
from formats.journal.layout import FrameFlag, FrameHeader, digest_of, pack_frame_header, pack_header
from formats.journal.reading import OpenedJournal, open_journal
from formats.loss import Damage, DamageKind
from formats.segment.manifest import BatchRange, Manifest, TableManifest, read_manifest, write_manifest
from formats.segment.reading import Segment
from formats.segment.sealed_json import open_sealed_json, seal_json
from tests.formats.recordings import CLOCK, FilesInMemory, journal_header, make_batch

MEBIBYTE = 1 << 20


@pytest.fixture(autouse=True)
def stays_small():
    """No test of this file makes the process grow by more than 100 MiB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


def journal_with(payload, *, rows=4, expanded=None, table="pressure", flags=0):
    """A journal of one frame whose digests are right, whatever the payload is."""
    header = pack_frame_header(
        FrameHeader(
            journal_header().id,
            0,
            len(payload),
            expanded if expanded is not None else 1_000,
            rows,
            FrameFlag(flags),
            0,
            3,
            0,
            3,
            0,
            table,
        )
    )
    return pack_header(journal_header()) + header + payload + digest_of(header, payload)


def damage_of(tmp_path, raw):
    (tmp_path / "j").write_bytes(raw)
    (item,) = open_journal(tmp_path / "j").items()
    assert isinstance(item, Damage), item
    return item


def ipc_stream(batch, *, compression=None):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as stream:
        stream.write_batch(batch)
    return sink.getvalue().to_pybytes()


def zstd_of_zeros(size):
    """A zstd frame of a great many zeros that states its size, made without having them."""
    compressor = zstandard.ZstdCompressor(level=1).compressobj(size=size)
    return b"".join([*(compressor.compress(bytes(MEBIBYTE)) for _ in range(size // MEBIBYTE)), compressor.flush()])


def test_a_zstd_bomb_that_states_its_size_is_refused(tmp_path):
    bomb = zstd_of_zeros(1 << 30)

    wound = damage_of(tmp_path, journal_with(bomb, expanded=1 << 30))
    assert wound.kind is DamageKind.LIMIT
    assert "expanded bytes of a frame is 1,073,741,824" in wound.detail

    wound = damage_of(tmp_path, journal_with(bomb, expanded=1_000))
    assert "declares 1,000 bytes, and its zstd frame 1,073,741,824" in wound.detail


def test_a_zstd_bomb_that_hides_its_size_is_refused(tmp_path):
    compressor = zstandard.ZstdCompressor(level=1).compressobj()
    bomb = b"".join([*(compressor.compress(bytes(MEBIBYTE)) for _ in range(512)), compressor.flush()])

    assert damage_of(tmp_path, journal_with(bomb)).kind is DamageKind.MALFORMED


def test_more_zstd_frames_behind_the_first_are_refused(tmp_path):
    first = zstandard.ZstdCompressor().compress(b"x" * 1_000)

    assert damage_of(tmp_path, journal_with(first + zstd_of_zeros(32 * MEBIBYTE))).kind is DamageKind.MALFORMED


def test_a_bomb_within_the_frame_is_refused(tmp_path):
    # GIVEN Arrow's own compression within the payload: 64 MiB of zeros in one column of four rows
    batch = make_batch("pressure", 4)
    stream = bytearray(ipc_stream(batch, compression="zstd"))
    message = read_message(memoryview(stream), 0)
    while message.layout is None or message.dictionary_id is not None:
        message = read_message(memoryview(stream), message.end)
    offset = next(offset for offset, length in message.layout.buffers if length)
    struct.pack_into("<q", stream, message.body + offset, 1 << 40)

    wound = damage_of(tmp_path, journal_with(zstandard.ZstdCompressor().compress(bytes(stream)), expanded=len(stream)))

    assert wound.kind is DamageKind.MALFORMED
    assert "declares 1,099,511,627,776 bytes" in wound.detail


@pytest.mark.parametrize(
    "batch",
    [
        pa.record_batch({"a": pa.Array.from_buffers(pa.null(), 2**31 - 1, [None])}),
        pa.record_batch({"a": pa.array([[1], [2]])}),
        pa.record_batch({"a": pa.array([1.5])}),
        pa.record_batch({"a": pa.RunEndEncodedArray.from_arrays(pa.array([2**31 - 1], pa.int32()), pa.array([1]))}),
        pa.record_batch({"a": pa.array([{"b": 1}])}),
        pa.record_batch({"a": pa.array([b"0123456789abcdef"], pa.binary(16))}),
        pa.record_batch({"a": pa.array(["x"], pa.string_view())}),
    ],
    ids=["null rows", "list", "float", "run ends", "struct", "fixed binary", "view"],
)
def test_types_that_no_table_may_have_are_refused(tmp_path, batch):
    stream = ipc_stream(batch)

    wound = damage_of(
        tmp_path,
        journal_with(
            zstandard.ZstdCompressor().compress(stream), expanded=len(stream), rows=min(batch.num_rows, 1), table="any"
        ),
    )

    assert wound.kind in {DamageKind.MALFORMED, DamageKind.LIMIT}


def test_rows_that_are_not_there_are_refused(tmp_path):
    # GIVEN a frame header that lies about its rows, within the limit and beyond it
    stream = ipc_stream(make_batch("pressure", 4))
    payload = zstandard.ZstdCompressor().compress(stream)

    assert "does not have the 5 rows" in damage_of(tmp_path, journal_with(payload, expanded=len(stream), rows=5)).detail
    assert damage_of(tmp_path, journal_with(payload, expanded=len(stream), rows=1 << 31)).kind is DamageKind.LIMIT


def test_frame_flags_of_a_later_version_are_damage(tmp_path):
    stream = ipc_stream(make_batch("pressure", 4))
    payload = zstandard.ZstdCompressor().compress(stream)

    wound = damage_of(tmp_path, journal_with(payload, expanded=len(stream), flags=FrameFlag(64)))

    assert "flags 0x40" in wound.detail


def test_a_frame_that_leaves_out_what_no_flag_explains_is_damage(tmp_path):
    batch = make_batch("pressure", 4).select(["boot_time_ns", "event_name"])
    stream = ipc_stream(batch)
    flags = FrameFlag.DENSE_SEQ | FrameFlag.CONSTANT_CLOCK

    wound = damage_of(
        tmp_path, journal_with(zstandard.ZstdCompressor().compress(stream), expanded=len(stream), flags=flags)
    )

    assert "is missing" in wound.detail


def test_a_million_tiny_frames_headers_are_scanned_in_linear_time(tmp_path):
    raw = pack_header(journal_header()) + b"\xf5TAPFRM\xfa" * 100_000

    opened = OpenedJournal(tmp_path / "j", memoryview(raw))

    assert len(opened.damage) == 1


def segment_with(batch, *, change=lambda raw, ranges: raw, rows=None, table="pressure"):
    """A segment of one file whose digests are all right, whatever was done to the file."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_batch(batch)
    raw = bytearray(sink.getvalue().to_pybytes())
    position = 8
    while (message := read_message(memoryview(raw), position)).layout is None or message.dictionary_id is not None:
        position = message.end
    change(raw, message)
    head, body, tail = bytes(raw[:position]), bytes(raw[position : message.end]), bytes(raw[message.end :])
    rows = batch.num_rows if rows is None else rows
    entry = TableManifest(
        name=table,
        rows=rows,
        size=len(raw),
        crc32=zlib.crc32(raw),
        head=head,
        head_digest=digest_of(head).hex(),
        batches=(BatchRange(position, len(body), digest_of(body).hex(), rows, 0, 1, 0, 1, 0, 1),),
        tail_digest=digest_of(tail).hex(),
    )
    manifest = write_manifest(Manifest("0" * 32, "n", "b", 1, "t", (CLOCK,), (entry,), ()))
    return Segment(
        FilesInMemory({f"{table}.arrow": bytes(raw), "manifest.json": manifest, "manifest.copy.json": manifest})
    )


def first_damage(segment, table="pressure"):
    (item,) = segment.batches(table)
    assert isinstance(item, Damage), item
    return item


def test_the_file_that_the_bombs_are_made_of_is_good():
    assert not list(segment_with(make_batch("pressure", 4)).verify())


def test_every_buffer_that_declares_too_much_is_refused():
    batch = make_batch("pressure", 400)
    count = []
    segment_with(batch, change=lambda _, message: count.extend(message.layout.buffers))

    for number, (_, length) in enumerate(count):
        if length:

            def lie(raw, message, number=number):
                struct.pack_into("<q", raw, message.body + message.layout.buffers[number][0], 1 << 33)

            assert first_damage(segment_with(batch, change=lie)).kind in {DamageKind.MALFORMED, DamageKind.LIMIT}


def test_many_honest_buffers_that_are_too_much_together_are_refused():
    # GIVEN five columns of 20 MiB of text, each within every other limit
    text = "y" * 512 * 1024
    values = pa.array([text] * 40)
    batch = make_batch("kube_object", 40)
    for name in ("k8s.object.name", "k8s.object.uid", "k8s.object.resource_version", "k8s.object.content"):
        index = batch.schema.get_field_index(name)
        batch = batch.set_column(index, batch.schema.field(index), values)

    wound = first_damage(segment_with(batch, table="kube_object"), "kube_object")

    assert wound.kind is DamageKind.LIMIT
    assert "expanded bytes of one batch" in wound.detail


def test_a_text_that_is_too_long_is_refused():
    batch = make_batch("pressure", 1)
    index = batch.schema.get_field_index("cgroup.path")
    batch = batch.set_column(index, batch.schema.field(index), pa.array(["x" * (limits.TEXT_BYTES + 1)]))

    assert first_damage(segment_with(batch)).detail.startswith("bytes of one text")


@pytest.mark.parametrize("rows", [3, 5, limits.FRAME_ROWS])
def test_a_manifest_that_lies_about_rows_is_noticed(rows):
    assert f"the manifest says {rows:,}" in first_damage(segment_with(make_batch("pressure", 4), rows=rows)).detail


@pytest.mark.slow
@pytest.mark.no_cover
def test_no_change_of_a_batch_behind_a_right_digest_crashes_or_escapes():
    # GIVEN a hostile writer, who makes the digests right again: every byte of the batch's message, changed in two ways
    batch = make_batch("interface_state", 6)
    seen = []
    segment_with(batch, change=lambda raw, message: seen.append((message.offset, message.end)), table="interface_state")
    (begin, end) = seen[0]

    for place in range(begin, end):
        for value in (0x00, 0xFF):

            def write(raw, _, place=place, value=value):
                raw[place] = value

            (item,) = segment_with(batch, change=write, table="interface_state").batches("interface_state")
            if not isinstance(item, Damage):
                item.validate(full=True)
                assert item.num_rows == 6


@pytest.mark.slow
@pytest.mark.no_cover
def test_no_change_of_a_head_behind_a_right_digest_crashes_or_escapes():
    batch = make_batch("interface_state", 6)
    seen = []
    segment_with(batch, change=lambda raw, message: seen.append(message.offset), table="interface_state")

    damaged = 0
    for place in range(8, seen[0]):

        def write(raw, _, place=place):
            raw[place] ^= 0x55

        segment = segment_with(batch, change=write, table="interface_state")
        for item in segment.batches("interface_state"):
            if isinstance(item, Damage):
                damaged += 1
            else:
                item.validate(full=True)
    assert damaged, "no change was noticed: the test changes nothing"


def test_a_hundred_thousand_columns_are_refused():
    schema = pa.schema([pa.field(f"c{n}", pa.int8()) for n in range(100_000)])
    head = b"ARROW1\0\0" + schema.serialize().to_pybytes()

    with pytest.raises(LimitError, match="metadata"):
        read_message(memoryview(head), 8)


def test_deep_json_is_refused():
    raw = seal_json({"a": 1})
    deep = b'{"a":' + b"[" * 100_000 + b"]" * 100_000

    with pytest.raises(LimitError, match="nesting"):
        open_sealed_json(deep + b',"digest":"' + digest_of(deep).hex().encode() + b'"}\n')
    assert open_sealed_json(raw) == raw


def test_brackets_in_texts_are_no_nesting():
    assert open_sealed_json(seal_json({"a": '[[{"\\' * 100})).count(b"[") == 200


@pytest.mark.parametrize("body", [b'{"a":NaN', b'{"a":' + b"9" * 5_000, b'["a"', b'{"a":"\xff"'])
def test_json_that_python_would_take_or_choke_on_is_refused(body):
    with pytest.raises(FormatError, match=r"^the text is (not JSON|malformed)"):
        decode_json(body + b"}", dict[str, Any], "the text")


def change_manifest(change):
    segment = segment_with(make_batch("pressure", 4))
    content = json.loads(segment.files.contents["manifest.json"])
    content.pop("digest")
    change(content)
    return seal_json(content)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.pop("tables"),
        lambda m: m.update(tables={}),
        lambda m: m.update(id="../../etc"),
        lambda m: m.update(clocks=[{}]),
        lambda m: m.update(loss=[{"table": 1, "reason": "", "count": 0, "unknown_gaps": 0}]),
        lambda m: m["tables"].append(m["tables"][0]),
        lambda m: m["tables"][0].update(name="../tcp"),
        lambda m: m["tables"][0].update(name="Tcp"),
        lambda m: m["tables"][0].update(size=-1),
        lambda m: m["tables"][0].update(size=1),
        lambda m: m["tables"][0].update(size=1.5),
        lambda m: m["tables"][0].update(rows=5),
        lambda m: m["tables"][0].update(head="%%%"),
        lambda m: m["tables"][0].update(head=base64.b64encode(b"longer" * 1_000).decode()),
        lambda m: m["tables"][0].update(batches=[[1, 2]]),
        lambda m: m["tables"][0]["batches"][0].__setitem__(1, 1 << 62),
        lambda m: m["tables"][0]["batches"][0].__setitem__(3, 1 << 62),
        lambda m: m["tables"][0]["batches"][0].__setitem__(4, "1"),
        lambda m: m["tables"][0]["batches"][0].__setitem__(4, True),
        lambda m: m["tables"][0].update(batches=m["tables"][0]["batches"] * 100_001),
        lambda m: m.update(version=["1", 0]),
        lambda m: m.update(format="something"),
    ],
)
def test_a_manifest_with_right_digest_and_wrong_content_is_refused(change):
    raw = change_manifest(change)

    with pytest.raises(FormatError) as caught:
        read_manifest(raw)

    assert len(str(caught.value)) < 300


def test_every_field_of_a_manifest_may_be_of_any_kind_without_a_crash():
    wrong = [None, 0, -1, "", [], {}, [[]], True, 1 << 80, "\ud800"]
    segment = segment_with(make_batch("pressure", 4))
    content = json.loads(segment.files.contents["manifest.json"])
    content.pop("digest")

    def places(node):
        keys = node.keys() if isinstance(node, dict) else range(len(node))
        for key in keys:
            yield node, key
            if isinstance(node[key], (dict, list)):
                yield from places(node[key])

    refused = 0
    for node, key in list(places(content)):
        original = node[key]
        for value in wrong:
            node[key] = value
            raw = seal_json(content)
            try:
                files = FilesInMemory({**segment.files.contents, "manifest.json": raw, "manifest.copy.json": raw})
                list(Segment(files).verify())
            except FormatError:
                refused += 1
        node[key] = original
    assert refused > len(wrong), "nothing was refused: the test changes nothing"


def test_limits_say_what_was_asked_and_what_is_allowed():
    error = LimitError("rows of one batch", 1 << 40, limits.FRAME_ROWS, where="x.tapio")

    assert re.search(r"x\.tapio: rows of one batch is 1,099,511,627,776, more than the limit of 65,536", str(error))
