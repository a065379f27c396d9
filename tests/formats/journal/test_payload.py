"""Promises of a frame's payload: what was serialized comes back, and a payload that is not what its frame says is refused."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
import zstandard

from formats.errors import FormatError
from formats.journal.layout import FrameFlag, FrameHeader
from formats.journal.payload import expand_payload, serialize_batch
from tests.formats.recordings import make_batch

TABLE = "interface_state"


def store(content: bytes | pa.Buffer, *, rows: int) -> tuple[pa.Buffer, FrameHeader]:
    """The content as a payload in a file, and the header of its frame: columns that are not packed."""
    stored = zstandard.compress(memoryview(content))
    header = FrameHeader(
        b"j" * 16, 0, len(stored), len(memoryview(content)), rows, FrameFlag(0), 1, rows, 0, 0, 0, TABLE
    )
    return pa.py_buffer(stored), header


def store_batch(batch: pa.RecordBatch) -> tuple[pa.Buffer, FrameHeader]:
    return store(serialize_batch(batch), rows=batch.num_rows)


def write_stream(schema: pa.Schema, *batches: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as stream:
        for batch in batches:
            stream.write_batch(batch)
    return bytes(sink.getvalue())


def test_serialized_batch_is_a_standard_arrow_stream() -> None:
    batch = make_batch(TABLE, 3)
    assert pa.ipc.open_stream(serialize_batch(batch)).read_all().to_pydict() == batch.to_pydict()


def test_batch_comes_back_as_it_was() -> None:
    batch = make_batch(TABLE, 3)
    assert expand_payload(*store_batch(batch)).batch().to_pydict() == batch.to_pydict()


def test_only_the_requested_columns_are_decoded() -> None:
    payload = expand_payload(*store_batch(batch := make_batch(TABLE, 2)))
    assert payload.columns(frozenset({"event_seq", "unknown"})) == {"event_seq": batch.column("event_seq")}
    assert payload.columns(frozenset()) == {}


def test_head_of_an_earlier_frame_is_used_again_if_the_bytes_are_equal() -> None:
    # GIVEN a batch, its last rows with the same dictionaries, and a batch with others
    batch = make_batch(TABLE, 20)
    equal, other = batch.slice(15), make_batch(TABLE, 20, first_seq=50)
    earlier = expand_payload(*store_batch(batch))
    # WHEN both are expanded with the head of the first
    reused = expand_payload(*store_batch(equal), earlier.head)
    parsed = expand_payload(*store_batch(other), earlier.head)
    # THEN the equal head is the same object, the other is not, and both give their own rows
    assert reused.head is earlier.head
    assert reused.batch().to_pydict() == equal.to_pydict()
    assert parsed.head is not earlier.head
    assert parsed.batch().to_pydict() == other.to_pydict()


def test_payload_that_is_not_zstd_is_refused() -> None:
    _, header = store_batch(make_batch(TABLE, 1))
    with pytest.raises(FormatError, match="not a zstd frame"):
        expand_payload(pa.py_buffer(b"not zstd at all"), header)


def test_payload_that_is_cut_off_is_refused() -> None:
    stored, header = store_batch(make_batch(TABLE, 200))
    with pytest.raises(FormatError, match="not a zstd frame"):
        expand_payload(stored.slice(0, stored.size - 20), header)


@pytest.mark.parametrize("difference", [-1, 1])
def test_declared_size_other_than_the_content_is_refused_before_it_is_expanded(difference: int) -> None:
    stored, header = store_batch(make_batch(TABLE, 1))
    with pytest.raises(FormatError, match="and its zstd frame"):
        expand_payload(stored, replace(header, expanded_bytes=header.expanded_bytes + difference))


@pytest.mark.parametrize("rows", [1, 3])
def test_number_of_rows_other_than_the_declared_one_is_refused(rows: int) -> None:
    stored, header = store_batch(make_batch(TABLE, 2))
    with pytest.raises(FormatError, match=rf"does not have the {rows} rows"):
        expand_payload(stored, replace(header, rows=rows))


@pytest.mark.parametrize("batches", [0, 2])
def test_payload_without_exactly_one_batch_is_refused(batches: int) -> None:
    batch = make_batch(TABLE, 1)
    with pytest.raises(FormatError, match=r"schema, dictionaries and one batch|messages other than dictionaries"):
        expand_payload(*store(write_stream(batch.schema, *[batch] * batches), rows=1))


def test_second_batch_behind_a_known_head_is_refused() -> None:
    batch = make_batch(TABLE, 1)
    head = expand_payload(*store_batch(batch)).head
    with pytest.raises(FormatError, match="schema, dictionaries and one batch"):
        expand_payload(*store(write_stream(batch.schema, batch, batch), rows=1), head)


def test_payload_without_a_schema_is_refused() -> None:
    batch = make_batch(TABLE, 1)
    payload = expand_payload(*store_batch(batch))
    tail = serialize_batch(batch).slice(payload.head.raw.size)
    with pytest.raises(FormatError, match="schema, dictionaries and one batch"):
        expand_payload(*store(tail, rows=1))
