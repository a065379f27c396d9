"""The bytes of a journal: its header and the headers of its frames (docs/format.md, section Journal)."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from enum import IntFlag

from formats.errors import FormatError, VersionError

MAGIC = b"\x89TAPJ\r\n\x1a"
"""Begins every journal. The odd bytes around the name show a transfer that changed line ends or dropped a bit."""
MAJOR, MINOR = 1, 0
MARKER = b"\xf5TAPFRM\xfa"
"""Begins every frame: what a reader looks for after damage. 0xf5 and 0xfa are in no UTF-8 text."""
DIGEST_BYTES = 16
"""BLAKE2b with 128 bits: an accident goes unseen once in 2^128."""

_HEADER = struct.Struct("<8sHHI16s16sqqIH")
_NODE_BYTES = 253
"""Longest node name: Kubernetes names are DNS subdomains (RFC 1123)."""
HEADER_COPY_BYTES = 512
"""One copy of the header. Why two copies of a sector each: one bad sector does not cost the node and the boot."""
HEADER_BYTES = 2 * HEADER_COPY_BYTES

_FRAME = struct.Struct("<8s16sQIIIIQQqqq32s")
FRAME_HEADER_BYTES = _FRAME.size + DIGEST_BYTES


class FrameFlag(IntFlag):
    """How the columns of a payload are packed. A frame with a flag that a reader does not know is damage to it."""

    DENSE_SEQ = 1
    """`event_seq` is left out: it counts up by one from `first_seq`."""
    CONSTANT_CLOCK = 2
    """`time_unix_nano` is left out: it is `boot_time_ns` + `unix_minus_boot_ns` in every row."""
    BOOT_DELTA = 4
    """`boot_time_ns` holds the difference to the row before, in the first row the difference to `min_boot_ns`."""
    TRANSPOSED = 8
    """The bytes of every integer column wider than one byte and without nulls are transposed: the lowest byte of every
    row, then the next byte of every row, and so on."""


@dataclass(frozen=True, slots=True)
class JournalHeader:
    """Who wrote the journal, and when it began.

    Attributes:
        id: 128 random bits, 16 bytes; becomes the id of the segment.
        node_name: `k8s.node.name`.
        boot_id: /proc/sys/kernel/random/boot_id, `8-4-4-4-12` hexadecimal digits.
        created_unix_nano: wall clock when it was begun, ns.
        created_boot_ns: CLOCK_BOOTTIME when it was begun, ns.
        catalog_version: `formats.catalog.CATALOG_VERSION` of its writer.
    """

    id: bytes
    node_name: str
    boot_id: str
    created_unix_nano: int
    created_boot_ns: int
    catalog_version: int


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """One frame, without its payload.

    Attributes:
        journal_id: of the journal that it was written to.
        number: dense from 0 within the journal.
        stored_bytes: of the payload.
        expanded_bytes: of the payload's zstd frame.
        rows: of the one batch.
        flags: what the payload leaves out.
        first_seq: smallest `event_seq`.
        last_seq: largest `event_seq`.
        min_boot_ns: smallest `boot_time_ns`.
        max_boot_ns: largest `boot_time_ns`.
        unix_minus_boot_ns: of every row if `CONSTANT_CLOCK`, else of the first.
        table: name of the table.
    """

    journal_id: bytes
    number: int
    stored_bytes: int
    expanded_bytes: int
    rows: int
    flags: FrameFlag
    first_seq: int
    last_seq: int
    min_boot_ns: int
    max_boot_ns: int
    unix_minus_boot_ns: int
    table: str


def digest_of(*parts: bytes | memoryview) -> bytes:
    """The project's digest over the parts one after another: BLAKE2b with 128 bits."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        digest.update(part)
    return digest.digest()


def pack_header(header: JournalHeader) -> bytes:
    """Both copies of a journal's header.

    Raises:
        FormatError: the id, the node name or the boot id does not fit.
    """
    node = header.node_name.encode()
    boot_id = header.boot_id.replace("-", "")
    if len(header.id) != 16 or not 0 < len(node) <= _NODE_BYTES or len(boot_id) != 32:
        raise FormatError(
            f"a journal needs an id of 16 bytes, a node name of 1 to {_NODE_BYTES} bytes and a boot id of 32 digits",
            where=header.node_name,
        )
    fixed = _HEADER.pack(
        MAGIC,
        MAJOR,
        MINOR,
        HEADER_COPY_BYTES,
        header.id,
        bytes.fromhex(boot_id),
        header.created_unix_nano,
        header.created_boot_ns,
        header.catalog_version,
        len(node),
    )
    padded = (fixed + node).ljust(HEADER_COPY_BYTES - DIGEST_BYTES, b"\0")
    return 2 * (padded + digest_of(padded))


def unpack_header(copy: bytes | memoryview) -> JournalHeader | None:
    """One copy of a journal's header; None if it is not whole.

    Raises:
        VersionError: it is whole and of a later major version.
    """
    copy = bytes(copy)
    signed, digest = copy[:-DIGEST_BYTES], copy[-DIGEST_BYTES:]
    if len(copy) != HEADER_COPY_BYTES or digest_of(signed) != digest:
        return None
    magic, major, minor, _, journal_id, boot_id, unix, boot, catalog, node_bytes = _HEADER.unpack_from(copy)
    if magic != MAGIC or node_bytes > _NODE_BYTES:
        return None
    if major > MAJOR:
        raise VersionError(
            f"journal format {major}.{minor} is not supported, this program reads up to {MAJOR}",
            next_step=f"use a version of Tapio that reads journal format {major}",
        )
    try:
        node = signed[_HEADER.size : _HEADER.size + node_bytes].decode()
    except UnicodeDecodeError:
        return None
    digits = boot_id.hex()
    boot_text = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return JournalHeader(journal_id, node, boot_text, unix, boot, catalog)


def pack_frame_header(header: FrameHeader) -> bytes:
    """A frame's header with its own digest."""
    packed = _FRAME.pack(
        MARKER,
        header.journal_id,
        header.number,
        header.stored_bytes,
        header.expanded_bytes,
        header.rows,
        header.flags,
        header.first_seq,
        header.last_seq,
        header.min_boot_ns,
        header.max_boot_ns,
        header.unix_minus_boot_ns,
        header.table.encode(),
    )
    return packed + digest_of(packed)


def unpack_frame_header(data: memoryview, offset: int) -> FrameHeader | None:
    """The frame header at that place; None if there is none or it is not whole."""
    raw = bytes(data[offset : offset + FRAME_HEADER_BYTES])
    if len(raw) != FRAME_HEADER_BYTES or raw[:8] != MARKER:
        return None
    if digest_of(raw[:-DIGEST_BYTES]) != raw[-DIGEST_BYTES:]:
        return None
    _, journal_id, number, stored, expanded, rows, flags, first, last, low, high, clock, table = _FRAME.unpack_from(raw)
    try:
        name = table.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError:
        return None
    return FrameHeader(
        journal_id, number, stored, expanded, rows, FrameFlag(flags), first, last, low, high, clock, name
    )
