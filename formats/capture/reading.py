"""The capture: the segments of one incident in one file that is read in place (docs/format.md, section Capture)."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa

from formats import limits
from formats.batches import full_schema
from formats.capture.container import LOCAL_MARK, Member, Stretch, member_offset, place_members, scan_members
from formats.capture.info import INFO_COPY_NAME, INFO_NAME, CaptureInfo, complete_info, read_listing, segment_order
from formats.catalog import TABLE_BY_NAME
from formats.errors import FormatError, MissingInputError, UsageError, VersionError
from formats.loss import Damage, DamageKind
from formats.segment.manifest import MANIFEST_COPY_NAME, MANIFEST_NAME
from formats.segment.reading import Segment
from formats.segment.sealed_json import open_sealed_json
from formats.segment.stored_files import Bytes, DirectoryFiles, MappedBytes, MemberFiles, map_file, open_regular

_LINE_BYTES = 64 << 10
"""Read at once in search of the end of a line."""
_SAYS_WHAT_IS_THERE = (INFO_NAME, INFO_COPY_NAME, MANIFEST_NAME, MANIFEST_COPY_NAME)


class Capture:
    """An opened capture: a file, a segment's directory, or a directory of segments.

    Reading it gives batches and damage, and never raises for what is inside. It does not need to be closed: a file is
    mapped until the last batch that uses it is gone.

    Attributes:
        path: as given.
        info: what it says of itself; computed for a directory.
        segments: sorted by node, boot, begin, id.
        damage: what was found damaged when it was opened, the container's bytes around the members among it.
        notes: what this version does not know and leaves out, in sentences.
        has_all_segments: False if one that it lists cannot be read at all, or if its list is damaged.
    """

    def __init__(
        self,
        path: Path,
        info: CaptureInfo,
        segments: Sequence[Segment],
        damage: Sequence[Damage],
        *,
        has_all_segments: bool = True,
    ) -> None:
        self.path = path
        self.has_all_segments = has_all_segments
        self.segments = tuple(sorted(segments, key=lambda segment: segment_order(segment.manifest)))
        self.info = info if info.id else complete_info(info, [segment.manifest for segment in self.segments])
        self._own_damage = tuple(damage)
        self.damage = self._own_damage + tuple(wound for segment in self.segments for wound in segment.damage)
        self.notes = tuple(dict.fromkeys(note for segment in self.segments for note in segment.notes))

    @property
    def id(self) -> str:
        """32 hexadecimal digits: the digest of the segments' manifests."""
        return self.info.id

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the nodes, sorted."""
        return tuple(sorted({segment.manifest.node_name for segment in self.segments}))

    @property
    def begin_unix_nano(self) -> int:
        """The earliest time of all rows, ns; 0 if there are none."""
        return min((s.manifest.begin_unix_nano for s in self.segments if s.manifest.tables), default=0)

    @property
    def end_unix_nano(self) -> int:
        """The latest time of all rows, ns; 0 if there are none."""
        return max((s.manifest.end_unix_nano for s in self.segments if s.manifest.tables), default=0)

    @property
    def tables(self) -> dict[str, int]:
        """Rows by table, as sealed, sorted by name."""
        rows: dict[str, int] = {}
        for segment in self.segments:
            for name, count in segment.tables.items():
                rows[name] = rows.get(name, 0) + count
        return dict(sorted(rows.items()))

    @property
    def events(self) -> int:
        """Rows of all tables, as sealed."""
        return sum(self.tables.values())

    def schema(self, table: str) -> pa.Schema:
        """See `Segment.schema`."""
        for segment in self.segments:
            if table in segment.tables:
                return segment.schema(table)
        if table in TABLE_BY_NAME:
            return full_schema(TABLE_BY_NAME[table])
        raise UsageError(f"unknown table {table[:64]!r}", next_step="`tapio info` lists the tables")

    def batches(
        self,
        table: str,
        columns: Sequence[str] | None = None,
        from_unix_ns: int | None = None,
        to_unix_ns: int | None = None,
    ) -> Iterator[pa.RecordBatch | Damage]:
        """The rows of a table segment after segment, and the damage between them; see `Segment.batches`."""
        for segment in self.segments:
            yield from segment.batches(table, columns, from_unix_ns, to_unix_ns)

    def verify(self) -> Iterator[Damage]:
        """Every damage: of the container, and of every segment."""
        yield from self._own_damage
        for segment in self.segments:
            yield from segment.verify()


def open_capture(path: Path) -> Capture:
    """The capture at a path: a `.tapio` file, one segment's directory, or a directory of segments.

    Raises:
        MissingInputError: there is nothing, or it cannot be opened.
        FormatError: it is no capture at all.
        VersionError: it is of a later major version.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise MissingInputError(
            f"the capture cannot be opened ({os.strerror(error.errno or 0)})",
            where=str(path),
            next_step="check the path",
        ) from error
    if stat.S_ISDIR(mode):
        return _open_directory(path)
    fd = open_regular(path.resolve())
    if fd is None:
        raise MissingInputError(
            "it is neither a file nor a directory, or it cannot be read",
            where=str(path),
            next_step="check its type and permissions",
        )
    try:
        data = MappedBytes(map_file(fd))
    finally:
        os.close(fd)
    return open_bytes(path, data)


def _open_directory(path: Path) -> Capture:
    names = sorted(child.name for child in path.iterdir())
    children = [path] if {MANIFEST_NAME, MANIFEST_COPY_NAME} & set(names) else []
    children = children or [path / name for name in names if not name.startswith(".") and (path / name).is_dir()]
    segments: list[Segment] = []
    damage: list[Damage] = []
    candidates = 0
    for child in children[: limits.CAPTURE_SEGMENTS]:
        files = DirectoryFiles(child, follow=child == path) if not child.is_symlink() or child == path else None
        if files is None or not {MANIFEST_NAME, MANIFEST_COPY_NAME} & set(files.names):
            continue
        candidates += 1
        segments.extend(_try_segment(files, child.name, damage))
    if not candidates:
        raise FormatError(
            "the directory contains no segments, so it is not a capture",
            where=str(path),
            next_step="give a `.tapio` file, a segment, or the directory of segments of the recorder",
        )
    return Capture(path, CaptureInfo(), segments, damage, has_all_segments=len(segments) == candidates)


def _try_segment(files: DirectoryFiles | MemberFiles, name: str, damage: list[Damage]) -> list[Segment]:
    """The segment, or none and its damage."""
    try:
        return [Segment(files)]
    except VersionError:
        raise
    except FormatError as error:
        damage.append(Damage(error.where or name, 0, 0, DamageKind.DIGEST, error.problem))
        return []


def open_bytes(path: Path, data: Bytes) -> Capture:
    """The capture that has these bytes.

    Args:
        path: what it is called.
        data: the bytes of a `.tapio` file.

    Raises:
        FormatError: it is no capture at all.
        VersionError: it is of a later major version.
    """
    damage: list[Damage] = []
    listing = _find_listing(path, data)
    if listing is None:
        info, places = CaptureInfo(), {name: (offset, size) for name, offset, size in _scan(data)}
        if not any(name.endswith((f".{MANIFEST_NAME}", f".{MANIFEST_COPY_NAME}")) for name in places):
            raise FormatError(
                "the file is not a Tapio capture" if data.size else "the file is empty",
                where=str(path),
                next_step="give a `.tapio` file written by `tapio-recorder freeze` or `tapio import`",
            )
        detail = "both lists of members are damaged; members were located by their headers"
        damage.append(Damage(path.name, 0, data.size, DamageKind.DIGEST, detail))
    else:
        info, stretches = listing
        places = {s.member: (s.offset, s.length) for s in stretches if s.content is None and s.member}
        damage.extend(_container_damage(path.name, data, stretches))
    by_segment: dict[str, dict[str, tuple[str, int, int]]] = {}
    for name, (offset, size) in places.items():
        prefix, _, file = name.partition(".")
        if name not in (INFO_NAME, INFO_COPY_NAME) and file:
            by_segment.setdefault(prefix, {})[file] = (name, offset, size)
    segments: list[Segment] = []
    for prefix, members in sorted(by_segment.items()):
        segments.extend(_try_segment(MemberFiles(path.name, data, members), f"{path.name}:{prefix}", damage))
    has_all_segments = listing is not None and len(segments) == len(by_segment)
    return Capture(path, info, segments, damage, has_all_segments=has_all_segments)


def begins_as_capture(data: Bytes) -> bool:
    """Whether the first member is that of a capture: cheap, for bytes that lie elsewhere and may be anything."""
    begin = bytes(data.read(0, member_offset(INFO_NAME, 0, large=False)))
    return begin.startswith(LOCAL_MARK) and INFO_NAME.encode() in begin


def _find_listing(path: Path, data: Bytes) -> tuple[CaptureInfo, list[Stretch]] | None:
    """What `capture.json` says, from its first or its second copy, and the container that follows from it."""
    for raw in _listing_candidates(data):
        try:
            info, members = read_listing(raw)
        except VersionError as error:
            raise VersionError(error.problem, where=str(path), next_step=error.next_step) from error
        except FormatError:
            continue
        own = Member(INFO_NAME, len(raw), zlib.crc32(raw))
        return info, place_members([own, *members, Member(INFO_COPY_NAME, len(raw), own.crc32)])
    return None


def _listing_candidates(data: Bytes) -> Iterator[bytes]:
    """Texts that may be `capture.json`: where it must begin, up to its line end; then wherever a header names it."""
    yield from _read_line(data, member_offset(INFO_NAME, 0, large=False))
    for name, offset, size in _scan(data):
        if name in (INFO_NAME, INFO_COPY_NAME) and size <= limits.LISTING_BYTES:
            yield bytes(data.read(offset, size))


def _read_line(data: Bytes, begin: int) -> Iterator[bytes]:
    """The line that begins there, if it ends within the limit; not much more than the line is read."""
    length = _LINE_BYTES
    while True:
        found = bytes(data.read(begin, min(length, limits.LISTING_BYTES)))
        if (end := found.find(b"\n", length // 2 if length > _LINE_BYTES else 0)) >= 0:
            yield found[: end + 1]
            return
        if len(found) < length:
            return
        length *= 2


def _scan(data: Bytes) -> Iterator[tuple[str, int, int]]:
    return scan_members(data.read(0, data.size))


def _container_damage(name: str, data: Bytes, stretches: Sequence[Stretch]) -> Iterator[Damage]:
    """Where the bytes around the members are not those that the list of members demands, or the list is damaged."""
    places = [(stretch.offset, stretch.length) for stretch in stretches if _is_read_when_opened(stretch)]
    ahead = 0
    listing = None
    for stretch in stretches:
        if stretch.offset >= data.size and stretch.length:
            total = stretches[-1].offset + stretches[-1].length
            detail = f"the file has {data.size:,} of {total:,} bytes"
            yield Damage(name, data.size, total - data.size, DamageKind.TRUNCATED, detail)
            return
        if not _is_read_when_opened(stretch):
            continue
        ahead += 1
        found = memoryview(data.read(stretch.offset, stretch.length, islice(places, ahead, None))).cast("B")
        if stretch.content is not None and found != stretch.content:
            what = f"the container's header of {stretch.member}" if stretch.member else "the container's directory"
            yield Damage(
                name, stretch.offset, stretch.length, DamageKind.DIGEST, f"{what} does not match its expected bytes"
            )
        elif stretch.content is None and stretch.member in (INFO_NAME, INFO_COPY_NAME):
            try:
                open_sealed_json(found)
            except FormatError:
                detail = f"{stretch.member} is damaged; the other copy is used"
                yield Damage(name, stretch.offset, stretch.length, DamageKind.DIGEST, detail)
            else:
                if listing is not None and found != listing:
                    detail = "the two lists of members differ"
                    yield Damage(name, stretch.offset, stretch.length, DamageKind.UNEXPECTED, detail)
                listing = found
    total = stretches[-1].offset + stretches[-1].length
    if data.size > total:
        detail = "there are bytes after the end of the container"
        yield Damage(name, total, data.size - total, DamageKind.UNEXPECTED, detail)


def _is_read_when_opened(stretch: Stretch) -> bool:
    """Whether it stands around members, or is a member that says what the others are."""
    return stretch.content is not None or (stretch.member or "").endswith(_SAYS_WHAT_IS_THERE)
