"""The payload of a journal's frame: a zstd frame around an Arrow IPC stream of one batch (docs/format.md, Journal)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import zstandard

from formats.arrow.decode import decode_columns, read_dictionaries, read_schema
from formats.arrow.messages import Message, MessageKind, read_message
from formats.arrow.schema_match import expected_schema, fit_columns
from formats.errors import FormatError
from formats.journal.layout import FrameHeader
from formats.journal.packing import unpack_columns

_ZSTD = pa.Codec("zstd")
_STREAM = pa.ipc.IpcWriteOptions(compression=None, use_threads=False)


def serialize_batch(batch: pa.RecordBatch) -> pa.Buffer:
    """The Arrow IPC stream of one batch, not compressed."""
    # The size is measured first, because a growing buffer would be copied repeatedly.
    counter = pa.MockOutputStream()
    _write_stream(counter, batch)
    buffer = pa.allocate_buffer(counter.size())
    _write_stream(pa.FixedSizeBufferWriter(buffer), batch)
    return buffer


def _write_stream(sink: pa.NativeFile, batch: pa.RecordBatch) -> None:
    with pa.ipc.new_stream(sink, batch.schema, options=_STREAM) as stream:
        stream.write_batch(batch)


@dataclass(frozen=True, slots=True)
class PayloadHead:
    """The part of a payload before the rows.

    Attributes:
        raw: its bytes.
        schema: of the packed columns.
        dictionaries: by column name; validated.
    """

    raw: pa.Buffer
    schema: pa.Schema
    dictionaries: Mapping[str, pa.Array]


@dataclass(frozen=True, slots=True)
class Payload:
    """An expanded payload whose rows are not decoded yet.

    Attributes:
        head: the part before the rows.
        data: all of it.
        message: the one record batch.
        frame: its frame's header.
    """

    head: PayloadHead
    data: pa.Buffer
    message: Message
    frame: FrameHeader

    def columns(self, names: frozenset[str] | None = None) -> dict[str, pa.Array]:
        """The columns of these names as they were packed, all if None; others are not touched.

        Raises:
            FormatError: the bytes are not what the schema says.
            LimitError: they need more than `limits` allow.
        """
        layout = self.message.layout
        if layout is None:
            raise FormatError("the payload has no record batch")
        wanted = {
            field.name: self.head.dictionaries.get(field.name)
            for field in self.head.schema
            if names is None or field.name in names
        }
        body = self.data.slice(self.message.body, self.message.end - self.message.body)
        decoded = decode_columns(body, layout, list(self.head.schema), wanted)
        return dict(zip(wanted, decoded, strict=True))

    def batch(self) -> pa.RecordBatch:
        """All rows, as they were before they were packed, in the schema that readers give.

        Raises:
            FormatError: the payload is not what the frame's header and the catalog say.
            LimitError: it needs more than `limits` allow.
        """
        frame = self.frame
        columns = unpack_columns(
            self.columns(),
            frame.flags,
            rows=frame.rows,
            first_seq=frame.first_seq,
            min_boot_ns=frame.min_boot_ns,
            unix_minus_boot_ns=frame.unix_minus_boot_ns,
        )
        found = pa.schema([pa.field(name, column.type) for name, column in columns.items()])
        return fit_columns(expected_schema(frame.table, found), columns, frame.rows)


def expand_payload(stored: pa.Buffer, frame: FrameHeader, likely_head: PayloadHead | None = None) -> Payload:
    """A frame's payload, ready to be decoded; its digest is right already.

    Args:
        stored: as it is in the file.
        frame: the frame's header, within the limits.
        likely_head: of an earlier frame of the same table. Most frames begin with the same bytes as the one before, and
            what is equal need not be parsed and validated again: that is most of the work on a small frame.

    Raises:
        FormatError: the payload is not what the frame's header says.
        LimitError: it needs more than `limits` allow.
    """
    try:
        content = zstandard.frame_content_size(stored)
        if content != frame.expanded_bytes:
            raise FormatError(f"the frame declares {frame.expanded_bytes:,} bytes, and its zstd frame {content:,}")
        # Why this is safe from bombs: both declared sizes are equal and within the limit, and zstd stops there.
        data = _ZSTD.decompress(stored, decompressed_size=frame.expanded_bytes)
    except (OSError, zstandard.ZstdError, pa.ArrowException) as error:
        raise FormatError("the payload is not a zstd frame") from error
    view = memoryview(data)
    messages: list[Message] = []
    position = 0
    head = likely_head
    if head is not None:
        if data.size > head.raw.size and data.slice(0, head.raw.size).equals(head.raw):
            position = head.raw.size
        else:
            head = None
    while (message := read_message(view, position)) is not None:
        messages.append(message)
        position = message.end
    if head is None:
        if len(messages) < 2 or messages[0].kind is not MessageKind.SCHEMA:
            raise _malformed()
        schema = read_schema(data, messages[0])
        dictionaries = read_dictionaries(data, messages[1:-1], schema, schema.names)
        # A copy, as a slice would keep the whole payload alive.
        head = PayloadHead(pa.py_buffer(data.slice(0, messages[-1].offset).to_pybytes()), schema, dictionaries)
        messages = messages[-1:]
    if len(messages) != 1 or messages[0].kind is not MessageKind.BATCH:
        raise _malformed()
    layout = messages[0].layout
    if layout is None or layout.rows != frame.rows:
        raise FormatError(f"the payload does not have the {frame.rows:,} rows that its frame declares")
    return Payload(head, data, messages[0], frame)


def _malformed() -> FormatError:
    return FormatError("the payload is not a schema, dictionaries and one batch")
