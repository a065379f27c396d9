"""Where the parts of an Arrow IPC message lie: read before anything of it is trusted or allocated.

Source: Arrow columnar format, "Encapsulated message format"; Message.fbs and the FlatBuffers binary format. Only what a
reader needs to check sizes is read here: message kind, body length, and the buffer list of a record batch.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from formats.errors import FormatError, LimitError

CONTINUATION = 0xFFFFFFFF
FILE_MAGIC = b"ARROW1\0\0"
"""An IPC file begins with these eight bytes; what follows until the footer is an IPC stream."""

METADATA_BYTES = 1 << 20
"""Longest metadata of one message. Why: our widest table needs 4 KiB; 100,000 columns need more than this."""

VECTOR_ITEMS = 4_096
"""Most field nodes or buffers of one batch. Why: our widest table has 20 columns of at most three buffers."""


class MessageKind(IntEnum):
    """The kinds of message that a Tapio file may hold (MessageHeader of Message.fbs)."""

    SCHEMA = 1
    DICTIONARY = 2
    BATCH = 3


@dataclass(frozen=True, slots=True)
class BatchLayout:
    """The buffer list of one record batch or dictionary.

    Attributes:
        rows: declared rows.
        nodes: (length, null count) per column.
        buffers: (offset in the body, length) in the order of the columns.
        compressed: whether each buffer is zstd behind an int64 of its expanded length (-1: stored as it is).
    """

    rows: int
    nodes: tuple[tuple[int, int], ...]
    buffers: tuple[tuple[int, int], ...]
    compressed: bool


@dataclass(frozen=True, slots=True)
class Message:
    """One encapsulated message.

    Attributes:
        kind: what it is.
        offset: of its first byte in what was read.
        body: offset of its body.
        end: offset of the byte after it.
        layout: of a record batch or dictionary; None for a schema.
        dictionary_id: of a dictionary; None for others.
    """

    kind: MessageKind
    offset: int
    body: int
    end: int
    layout: BatchLayout | None
    dictionary_id: int | None


def read_message(data: memoryview, offset: int) -> Message | None:
    """The message that begins at `offset`; None at the end-of-stream mark or where the data ends cleanly.

    Raises:
        FormatError: it is no message, or it points outside of itself.
        LimitError: it declares more than any Tapio file needs.
    """
    if offset == len(data):
        return None
    try:
        mark, metadata_length = struct.unpack_from("<II", data, offset)
        if mark != CONTINUATION:
            raise FormatError(f"no Arrow message begins at byte {offset:,}")
        if metadata_length == 0:
            return None
        if metadata_length > METADATA_BYTES:
            raise LimitError("Arrow message metadata in bytes", metadata_length, METADATA_BYTES)
        start = offset + 8
        metadata = data[start : start + metadata_length]
        if len(metadata) != metadata_length:
            raise FormatError(f"the Arrow message at byte {offset:,} is truncated")
        return _parse(metadata, offset, start + metadata_length, len(data))
    except struct.error as error:
        raise FormatError(f"the Arrow message at byte {offset:,} points outside of itself") from error


def _parse(metadata: memoryview, offset: int, body: int, limit: int) -> Message:
    table = _follow(metadata, 0)
    kind_at, header_at, length_at = (_field(metadata, table, index) for index in (1, 2, 3))
    kind_number = _number(metadata, "<B", kind_at) if kind_at else 0
    if kind_number not in MessageKind.__members__.values() or not header_at:
        raise FormatError(
            f"the Arrow message at byte {offset:,} is of kind {kind_number}, which Tapio files do not use"
        )
    kind = MessageKind(kind_number)
    body_length = _number(metadata, "<q", length_at) if length_at else 0
    if not 0 <= body_length <= limit - body:
        raise FormatError(
            f"the Arrow message at byte {offset:,} declares a body of {body_length:,} bytes, more than the file has"
        )
    header = _follow(metadata, header_at)
    layout, dictionary_id = None, None
    if kind is MessageKind.BATCH:
        layout = _layout(metadata, header)
    elif kind is MessageKind.DICTIONARY:
        id_at, data_at, delta_at = (_field(metadata, header, index) for index in (0, 1, 2))
        if not data_at or (delta_at and _number(metadata, "<B", delta_at)):
            raise FormatError(f"the dictionary at byte {offset:,} is empty or a delta, which Tapio files do not use")
        dictionary_id = _number(metadata, "<q", id_at) if id_at else 0
        layout = _layout(metadata, _follow(metadata, data_at))
    return Message(kind, offset, body, body + body_length, layout, dictionary_id)


def _layout(metadata: memoryview, table: int) -> BatchLayout:
    rows_at, nodes_at, buffers_at, compression_at = (_field(metadata, table, index) for index in range(4))
    compressed = False
    if compression_at:
        compression = _follow(metadata, compression_at)
        codec_at = _field(metadata, compression, 0)
        if not codec_at or _number(metadata, "<b", codec_at) != 1:
            raise FormatError("an Arrow batch is compressed with a codec other than zstd")
        compressed = True
    rows = _number(metadata, "<q", rows_at) if rows_at else 0
    return BatchLayout(rows, _pairs(metadata, nodes_at), _pairs(metadata, buffers_at), compressed)


def _pairs(metadata: memoryview, at: int) -> tuple[tuple[int, int], ...]:
    """A vector of structs of two int64: field nodes and buffers alike."""
    if not at:
        return ()
    vector = _follow(metadata, at)
    count = _number(metadata, "<I", vector)
    if count > VECTOR_ITEMS:
        raise LimitError("buffers of one Arrow batch", count, VECTOR_ITEMS)
    numbers = struct.unpack_from(f"<{2 * count}q", metadata, vector + 4)
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _field(metadata: memoryview, table: int, index: int) -> int:
    """Position of a table's field, 0 if it is left out."""
    vtable = table - _number(metadata, "<i", table)
    if 4 + 2 * index + 2 > _number(metadata, "<H", vtable):
        return 0
    distance = _number(metadata, "<H", vtable + 4 + 2 * index)
    return table + distance if distance else 0


def _follow(metadata: memoryview, at: int) -> int:
    return at + _number(metadata, "<I", at)


def _number(metadata: memoryview, form: str, at: int) -> int:
    if at < 0:  # struct would count from the end
        raise struct.error("before the beginning")
    number: int = struct.unpack_from(form, metadata, at)[0]
    return number
