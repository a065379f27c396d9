"""Decodes untrusted Arrow bytes: sizes are checked before memory is allocated, values before they are returned.

Why not pyarrow's readers: they decompress whatever a file declares (33 KB can become 1 GiB), go by a footer that can
leave batches out, and decode columns that nobody asked for. The bytes stay standard Arrow; a test reads every file with
pyarrow too and compares.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import zstandard

from formats import limits
from formats.arrow.messages import BatchLayout, Message, MessageKind
from formats.arrow.text_length import longest_text
from formats.errors import FormatError, LimitError

_ZSTD = pa.Codec("zstd")
_INTEGERS = frozenset(
    {pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()}
)
_NAME_TYPE = pa.dictionary(pa.int32(), pa.utf8())
_NOTHING = pa.py_buffer(b"")
_SLACK = 64
"""Bytes by which a writer may pad a buffer."""


def is_allowed_type(data_type: pa.DataType) -> bool:
    """Whether a Tapio table may have it: integers, bool, text and dictionary text; nothing nested, no extension."""
    return data_type in _INTEGERS or data_type in (pa.bool_(), pa.utf8(), _NAME_TYPE)


def read_schema(data: pa.Buffer, message: Message) -> pa.Schema:
    """The schema of a schema message.

    Raises:
        FormatError: it is malformed or has a column of a type that no Tapio table may have.
    """
    try:
        schema = pa.ipc.read_schema(data.slice(message.offset, message.end - message.offset))
        names = schema.names
        refused = [
            f"{field.name[:64]!r} is of type {str(field.type)[:64]}"
            for field in schema
            if not is_allowed_type(field.type)
        ]
    except (pa.ArrowException, OSError, ValueError) as error:  # a name that is not UTF-8 is a ValueError
        raise FormatError(f"the Arrow schema is malformed ({_first_line(error)})") from error
    if len(set(names)) != len(names):
        raise FormatError("the Arrow schema has two columns of the same name")
    if refused:
        raise FormatError(f"the column {refused[0]}, a type that no table uses")
    return schema


def read_dictionaries(
    data: pa.Buffer, messages: Sequence[Message], schema: pa.Schema, wanted: Collection[str]
) -> dict[str, pa.Array]:
    """The dictionary of every wanted column, by column name. Writers number them in the order of the columns.

    Args:
        data: the bytes in which the messages are.
        messages: of the dictionaries of all columns.
        schema: of the file.
        wanted: names of the columns whose dictionaries are decoded.

    Raises:
        FormatError: one is missing, repeated or malformed.
        LimitError: one is larger than `limits` allow.
    """
    names = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    found: dict[str, pa.Array] = {}
    seen: set[int] = set()
    expanded = 0
    for message in messages:
        if message.kind is not MessageKind.DICTIONARY or message.layout is None or message.dictionary_id is None:
            raise FormatError("there are messages other than dictionaries between the schema and the batches")
        if not 0 <= message.dictionary_id < len(names) or message.dictionary_id in seen:
            raise FormatError(f"dictionary {message.dictionary_id} is repeated or belongs to no column")
        seen.add(message.dictionary_id)
        if names[message.dictionary_id] not in wanted:
            continue
        if message.layout.rows > limits.DICTIONARY_VALUES:
            raise LimitError("values of one dictionary", message.layout.rows, limits.DICTIONARY_VALUES)
        body = data.slice(message.body, message.end - message.body)
        field = pa.field(names[message.dictionary_id], pa.utf8(), nullable=False)
        found[field.name] = decode_columns(body, message.layout, [field], {field.name: None})[0]
        expanded += found[field.name].nbytes
        if expanded > limits.HEAD_EXPANDED_BYTES:
            raise LimitError("expanded bytes of the dictionaries of a table", expanded, limits.HEAD_EXPANDED_BYTES)
    return found


def decode_columns(
    body: pa.Buffer, layout: BatchLayout, fields: Sequence[pa.Field], wanted: Mapping[str, pa.Array | None]
) -> list[pa.Array]:
    """The wanted columns of one batch, fully validated, in the order of `fields`; others are not touched.

    Args:
        body: of the message.
        layout: of the message.
        fields: all columns of the file, in its order.
        wanted: names of the columns to decode, with the dictionary of each dictionary column.

    Raises:
        FormatError: the bytes are not what the layout and the fields say.
        LimitError: they would need more memory than `limits` allow.
    """
    if not 0 <= layout.rows <= max(limits.FRAME_ROWS, limits.DICTIONARY_VALUES):
        raise LimitError("rows of one batch", layout.rows, limits.FRAME_ROWS)
    if len(layout.nodes) != len(fields) or len(layout.buffers) != sum(_buffer_count(field.type) for field in fields):
        raise FormatError(f"a batch has {len(layout.nodes)} columns, its schema {len(fields)}")
    plan = _plan(body, layout, fields, wanted)
    expanded = sum(part.expanded for _, _, parts in plan for part in parts)
    if expanded > limits.FRAME_EXPANDED_BYTES:
        raise LimitError("expanded bytes of one batch", expanded, limits.FRAME_EXPANDED_BYTES)
    try:
        return [
            _build(field, layout.rows, nulls, [_expand(part) for part in parts], wanted[field.name])
            for field, nulls, parts in plan
        ]
    except (pa.ArrowException, OSError, zstandard.ZstdError) as error:
        raise FormatError(f"a column is malformed ({_first_line(error)})") from error


class _Part(NamedTuple):
    """One stored buffer: its bytes without the length in front, its expanded length, and whether it is compressed."""

    stored: pa.Buffer | None
    expanded: int
    compressed: bool


def _plan(
    body: pa.Buffer, layout: BatchLayout, fields: Sequence[pa.Field], wanted: Mapping[str, pa.Array | None]
) -> list[tuple[pa.Field, int, list[_Part]]]:
    """Each wanted column's null count and buffers, every declared size checked, nothing expanded yet."""
    plan = []
    position = 0
    for field, (length, nulls) in zip(fields, layout.nodes, strict=True):
        count = _buffer_count(field.type)
        spans = layout.buffers[position : position + count]
        position += count
        if field.name not in wanted:
            continue
        if length != layout.rows or not 0 <= nulls <= length or (nulls and not field.nullable):
            raise FormatError(
                f"the column {field.name!r} has {length:,} values and {nulls:,} nulls in {layout.rows:,} rows"
            )
        parts = [_part(body, span, layout.compressed) for span in spans]
        for (_, declared, _), most, least in zip(parts, *_bounds(field.type, length, nulls), strict=True):
            if not least <= declared <= most:
                raise FormatError(
                    f"a buffer of the column {field.name!r} declares {declared:,} bytes for {length:,} rows"
                )
        plan.append((field, nulls, parts))
    return plan


def _bounds(data_type: pa.DataType, rows: int, nulls: int) -> tuple[list[int], list[int]]:
    """Most and least bytes of each buffer of a column."""
    bits = (rows + 7) // 8
    if pa.types.is_string(data_type):
        most = [bits + _SLACK, 4 * (rows + 1) + _SLACK, limits.FRAME_EXPANDED_BYTES]
        return most, [bits if nulls else 0, 4 * (rows + 1) if rows else 0, 0]
    width = (
        bits
        if pa.types.is_boolean(data_type)
        else rows * (4 if pa.types.is_dictionary(data_type) else data_type.byte_width)
    )
    return [bits + _SLACK, width + _SLACK], [bits if nulls else 0, width]


def _part(body: pa.Buffer, span: tuple[int, int], compressed: bool) -> _Part:
    offset, length = span
    if not (0 <= offset <= body.size and 0 <= length <= body.size - offset):
        raise FormatError("a buffer lies outside its batch")
    if length == 0:
        return _Part(None, 0, compressed=False)
    stored = body.slice(offset, length)
    if not compressed:
        return _Part(stored, length, compressed=False)
    if length < 8:
        raise FormatError("a compressed buffer is too short to have a length")
    declared: int = struct.unpack_from("<q", stored)[0]
    stored = stored.slice(8)
    if declared == -1:  # Arrow's mark for a buffer that compression would have made larger
        return _Part(stored, length - 8, compressed=False)
    try:
        content = zstandard.frame_content_size(stored)
    except zstandard.ZstdError as error:
        raise FormatError("a compressed buffer is not a zstd frame") from error
    if declared < 0 or content != declared:
        raise FormatError(f"a buffer declares {declared:,} bytes, and its zstd frame {content:,}")
    return _Part(stored, declared, compressed=True)


def _expand(part: _Part) -> pa.Buffer | None:
    return _ZSTD.decompress(part.stored, decompressed_size=part.expanded) if part.compressed else part.stored


def _build(
    field: pa.Field, rows: int, nulls: int, buffers: list[pa.Buffer | None], dictionary: pa.Array | None
) -> pa.Array:
    """One column, validated in full: bounds of offsets, UTF-8, null count, dictionary indices, length of texts."""
    storage = pa.int32() if pa.types.is_dictionary(field.type) else field.type
    if not nulls:
        buffers[0] = None
    if rows == 0:
        return pa.array([], field.type)
    if len(buffers) == 3 and buffers[2] is None:
        buffers[2] = _NOTHING
    column = pa.Array.from_buffers(storage, rows, buffers, null_count=nulls)
    column.validate(full=True)
    texts = buffers[2] if pa.types.is_string(storage) else None
    if texts is not None and texts.size > limits.TEXT_BYTES:
        longest = longest_text(column)
        if longest > limits.TEXT_BYTES:
            raise LimitError("bytes of one text", longest, limits.TEXT_BYTES)
    if not pa.types.is_dictionary(field.type):
        return column
    if dictionary is None:
        raise FormatError(f"the dictionary of the column {field.name!r} is missing")
    if nulls < rows:
        # A null has no place in the dictionary, whatever its bytes say; float64 holds every int32 exactly.
        places = column.to_numpy(zero_copy_only=False)
        if np.nanmin(places) < 0 or np.nanmax(places) >= len(dictionary):
            raise FormatError(f"the column {field.name!r} points outside its dictionary of {len(dictionary):,} values")
    return pa.DictionaryArray.from_arrays(column, dictionary, safe=False)


def _buffer_count(data_type: pa.DataType) -> int:
    return 3 if pa.types.is_string(data_type) else 2


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:120]
