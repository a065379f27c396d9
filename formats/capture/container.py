"""The container of a capture: a zip of stored members whose every byte outside the members is known beforehand.

Given names, sizes and checksums there is exactly one container (docs/format.md, section Capture): where each member
lies can be computed, so reading needs no central directory, and checking is comparing.

Source: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3 (zip64).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from formats import limits

MEMBER_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
LOCAL_MARK = b"PK\x03\x04"
_LOCAL_PATTERN = re.compile(re.escape(LOCAL_MARK))
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64 = struct.Struct("<4sIQI")
_ALIGNMENT = 64
"""Members begin at multiples of it, as Arrow recommends, so that stored buffers can be used where they lie."""
_PADDING_ID = 0xD935
"""Extra field that other tools know as padding (Android's zipalign)."""
_DATE = (1 << 5) | 1
"""1980-01-01: a container says nothing of when it was written, so equal content is equal bytes."""
_MAX16, _MAX32 = 0xFFFF, 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Member:
    """One stored member.

    Attributes:
        name: flat, see `MEMBER_NAME`.
        size: in bytes.
        crc32: of its bytes, as zip tools want it.
    """

    name: str
    size: int
    crc32: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes of the container: a member's own, or what stands around members.

    Attributes:
        offset: of the first byte.
        length: in bytes.
        content: the bytes, None for a member's own.
        member: name of the member it belongs to, None behind the last.
    """

    offset: int
    length: int
    content: bytes | None
    member: str | None


def place_members(members: Sequence[Member]) -> list[Stretch]:
    """The container of these members, in this order, as stretches without gaps."""
    stretches: list[Stretch] = []
    central: list[bytes] = []
    position = 0
    for member in members:
        header = _local_header(member, position)
        central.append(_central_entry(member, position))
        stretches.append(Stretch(position, len(header), header, member.name))
        position += len(header)
        stretches.append(Stretch(position, member.size, None, member.name))
        position += member.size
    end = _end(len(members), position, b"".join(central))
    stretches.append(Stretch(position, len(end), end, None))
    return stretches


def member_offset(name: str, position: int, *, large: bool) -> int:
    """Where the bytes of a member begin whose local header is at `position`."""
    return _padded(position + _LOCAL.size + len(name) + (20 if large else 0))


def scan_members(data: pa.Buffer) -> Iterator[tuple[str, int, int]]:
    """Name, offset and size of every member whose local header can be found, in the order of the file.

    For containers whose list of members is damaged. What does not look like a member of ours is passed over, and so is
    everything after `limits.MEMBER_HEADERS`.
    """
    view = memoryview(data).cast("B")
    match = _LOCAL_PATTERN.search(view)
    for _ in range(limits.MEMBER_HEADERS):
        if match is None:
            return
        found = _read_local(view, match.start())
        if found is not None:
            yield found
        match = _LOCAL_PATTERN.search(view, found[1] + found[2] if found else match.end())


def _local_header(member: Member, position: int) -> bytes:
    large = member.size >= _MAX32
    size = _MAX32 if large else member.size
    extra = struct.pack("<2H2Q", 1, 16, member.size, member.size) if large else b""
    padding = member_offset(member.name, position, large=large) - position - _LOCAL.size - len(member.name) - len(extra)
    extra += struct.pack("<3H", _PADDING_ID, padding - 4, _ALIGNMENT) + bytes(padding - 6)
    return (
        _LOCAL.pack(
            LOCAL_MARK, 45 if large else 20, 0, 0, 0, _DATE, member.crc32, size, size, len(member.name), len(extra)
        )
        + member.name.encode()
        + extra
    )


def _padded(position: int) -> int:
    """Next multiple of the alignment that leaves room for the padding's own six bytes."""
    return -(-(position + 6) // _ALIGNMENT) * _ALIGNMENT


def _central_entry(member: Member, position: int) -> bytes:
    wide = [value for value in (member.size, member.size, position) if value >= _MAX32]
    extra = struct.pack(f"<2H{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    size = min(member.size, _MAX32)
    return (
        _CENTRAL.pack(
            b"PK\x01\x02",
            (3 << 8) | 45,
            45 if wide else 20,
            0,
            0,
            0,
            _DATE,
            member.crc32,
            size,
            size,
            len(member.name),
            len(extra),
            0,
            0,
            0,
            0o100600 << 16,
            min(position, _MAX32),
        )
        + member.name.encode()
        + extra
    )


def _end(count: int, position: int, central: bytes) -> bytes:
    end = central
    if count >= _MAX16 or position >= _MAX32 or len(central) >= _MAX32:
        end += _END64.pack(b"PK\x06\x06", 44, (3 << 8) | 45, 45, 0, 0, count, count, len(central), position)
        end += _LOCATOR64.pack(b"PK\x06\x07", 0, position + len(central), 1)
    return end + _END.pack(
        b"PK\x05\x06", 0, 0, min(count, _MAX16), min(count, _MAX16), min(len(central), _MAX32), min(position, _MAX32), 0
    )


def _read_local(view: memoryview, position: int) -> tuple[str, int, int] | None:
    try:
        fields = _LOCAL.unpack_from(view, position)
    except struct.error:
        return None
    size, name_bytes, extra_bytes = fields[8], fields[9], fields[10]
    at = position + _LOCAL.size
    try:
        name = bytes(view[at : at + name_bytes]).decode("ascii")
    except UnicodeDecodeError:
        return None
    if MEMBER_NAME.fullmatch(name) is None or fields[3] != 0:
        return None
    extra = bytes(view[at + name_bytes : at + name_bytes + extra_bytes])
    if size == _MAX32 and extra[:4] == struct.pack("<2H", 1, 16) and len(extra) >= 20:
        size = struct.unpack_from("<Q", extra, 4)[0]
    return name, at + name_bytes + extra_bytes, size
