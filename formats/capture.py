"""The capture: the segments of one incident in one file that is read in place (docs/format.md, section Capture)."""

from __future__ import annotations

import dataclasses
import os
import stat
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from formats import limits
from formats.batches import full_schema
from formats.catalog import TABLE_BY_NAME
from formats.container import MEMBER_NAME, Member, Stretch, lay_out, member_offset, scan_members
from formats.errors import FormatError, LimitError, MissingInputError, StorageError, UsageError, VersionError
from formats.journal_layout import digest_of
from formats.loss import Damage, DamageKind
from formats.manifest import (
    MANIFEST_COPY_NAME,
    MANIFEST_NAME,
    LossTotal,
    Manifest,
    check_version,
    loss_from_json,
)
from formats.sealed_json import open_sealed_json, seal_json
from formats.sealing import sync_directory
from formats.segment import Segment, open_segment
from formats.stored_files import DirectoryFiles, MemberFiles, map_file, open_regular

__all__ = ["Capture", "CaptureInfo", "open_capture", "write_capture"]

FORMAT = "tapio-capture"
MAJOR, MINOR = 1, 0
INFO_NAME = "capture.json"
INFO_COPY_NAME = "capture.copy.json"
_COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class CaptureInfo:
    """What a capture says of itself.

    Attributes:
        frozen_because: what made somebody or something freeze it, in one sentence; None for what was not frozen.
        created_by: program and version.
        asked_from_unix_nano: begin of the window asked for; None if none was asked for.
        asked_to_unix_nano: end of the window asked for; None if none was asked for.
        id: 32 hexadecimal digits, the digest of the segments' manifests: the same segments are the same capture.
            `write_capture` fills in this and what follows.
        achieved_from_unix_nano: the earliest time of all rows; 0 if there are none.
        achieved_to_unix_nano: the latest time of all rows; 0 if there are none.
        loss: the losses of all segments added up, sorted by table and reason.
    """

    frozen_because: str | None = None
    created_by: str = ""
    asked_from_unix_nano: int | None = None
    asked_to_unix_nano: int | None = None
    id: str = ""
    achieved_from_unix_nano: int = 0
    achieved_to_unix_nano: int = 0
    loss: tuple[LossTotal, ...] = ()


class Capture:
    """An opened capture: a file, a segment's directory, or a directory of segments. A context manager.

    Reading it gives batches and damage, and never raises for what is inside.

    Attributes:
        path: as given.
        info: what it says of itself; computed for a directory.
        segments: sorted by node, boot, begin, id.
        damage: what was found damaged when it was opened, the container's bytes around the members among it.
        notes: what this version does not know and leaves out, in sentences.
    """

    def __init__(self, path: Path, info: CaptureInfo, segments: Sequence[Segment], damage: Sequence[Damage]) -> None:
        self.path = path
        self.segments = tuple(sorted(segments, key=lambda segment: _order(segment.manifest)))
        self.info = info if info.id else _complete_info(info, [segment.manifest for segment in self.segments])
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
        raise UsageError(f"there is no table {table[:64]!r}", next_step="`tapio info` lists the tables")

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

    def close(self) -> None:
        """Nothing to do: mappings end with the last batch that uses them. For `with`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


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
            "it is neither a file nor a directory, or may not be read", where=str(path), next_step="check its rights"
        )
    try:
        return _open_file(path, map_file(fd))
    finally:
        os.close(fd)


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
            "the directory holds no segment, so it is no capture",
            where=str(path),
            next_step="give a `.tapio` file, a segment, or the recorder's directory of segments",
        )
    return Capture(path, CaptureInfo(), segments, damage)


def _try_segment(files: DirectoryFiles | MemberFiles, name: str, damage: list[Damage]) -> list[Segment]:
    """The segment, or none and its damage."""
    try:
        return [Segment(files)]
    except VersionError:
        raise
    except FormatError as error:
        damage.append(Damage(error.where or name, 0, 0, DamageKind.DIGEST, error.problem))
        return []


def _open_file(path: Path, data: pa.Buffer) -> Capture:
    damage: list[Damage] = []
    listing = _find_listing(path, data)
    if listing is None:
        info, places = CaptureInfo(), {name: (offset, size) for name, offset, size in scan_members(data)}
        if not any(name.endswith((f".{MANIFEST_NAME}", f".{MANIFEST_COPY_NAME}")) for name in places):
            raise FormatError(
                "the file is not a Tapio capture" if data.size else "the file is empty",
                where=str(path),
                next_step="give a `.tapio` file that `tapio-recorder freeze` or `tapio import` made",
            )
        detail = "both lists of members are damaged; the members were found by their headers"
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
    return Capture(path, info, segments, damage)


def _find_listing(path: Path, data: pa.Buffer) -> tuple[CaptureInfo, list[Stretch]] | None:
    """What `capture.json` says, from its first or its second copy, and the container that follows from it."""
    view = memoryview(data).cast("B")
    begin = member_offset(INFO_NAME, 0, large=False)
    for raw in _listing_candidates(view, begin, data):
        try:
            content = open_sealed_json(raw)
            check_version(content, FORMAT, MAJOR)
            info, members = _info_from_json(content)
        except VersionError as error:
            raise VersionError(error.problem, where=str(path), next_step=error.next_step) from error
        except (FormatError, KeyError, TypeError, ValueError):
            continue
        own = Member(INFO_NAME, len(raw), zlib.crc32(raw))
        return info, lay_out([own, *members, Member(INFO_COPY_NAME, len(raw), own.crc32)])
    return None


def _listing_candidates(view: memoryview, begin: int, data: pa.Buffer) -> Iterator[bytes]:
    """Texts that may be `capture.json`: where it must begin, up to its line end; then wherever a header names it."""
    head = bytes(view[begin : begin + limits.MANIFEST_BYTES])
    end = head.find(b"\n")
    if end >= 0:
        yield head[: end + 1]
    for name, offset, size in scan_members(data):
        if name in (INFO_NAME, INFO_COPY_NAME) and size <= limits.MANIFEST_BYTES:
            yield bytes(view[offset : offset + size])


def _container_damage(name: str, data: pa.Buffer, stretches: Sequence[Stretch]) -> Iterator[Damage]:
    """Where the bytes around the members are not those that the list of members demands, or the list is damaged."""
    view = memoryview(data).cast("B")
    listing = None
    for stretch in stretches:
        end = stretch.offset + stretch.length
        if stretch.offset >= data.size and stretch.length:
            total = stretches[-1].offset + stretches[-1].length
            detail = f"the file has {data.size:,} of {total:,} bytes"
            yield Damage(name, data.size, total - data.size, DamageKind.TRUNCATED, detail)
            return
        found = view[stretch.offset : end]
        if stretch.content is not None and found != stretch.content:
            what = f"the container's header of {stretch.member}" if stretch.member else "the container's directory"
            yield Damage(name, stretch.offset, stretch.length, DamageKind.DIGEST, f"{what} is not as it must be")
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
        detail = "bytes follow after the end of the container"
        yield Damage(name, total, data.size - total, DamageKind.UNEXPECTED, detail)


def _info_from_json(content: Mapping[str, Any]) -> tuple[CaptureInfo, list[Member]]:
    names: set[str] = set()
    members = []
    for name, size, crc32 in content["members"]:
        if not isinstance(name, str) or MEMBER_NAME.fullmatch(name) is None or name in names:
            raise FormatError("a member's name is not allowed or comes twice")
        if name in (INFO_NAME, INFO_COPY_NAME) or type(size) is not int or not 0 <= size < 1 << 62:
            raise FormatError("a member is not as it may be")
        if type(crc32) is not int or not 0 <= crc32 <= 0xFFFFFFFF:
            raise FormatError("a member's checksum is not as it may be")
        names.add(name)
        members.append(Member(name, size, crc32))
    segments = len({name.partition(".")[0] for name in names})
    if segments > limits.CAPTURE_SEGMENTS:
        raise LimitError("segments of a capture", segments, limits.CAPTURE_SEGMENTS)
    info = CaptureInfo(
        frozen_because=_optional(content["frozen_because"], str),
        created_by=str(content["created_by"]),
        asked_from_unix_nano=_optional(content["asked_from_unix_nano"], int),
        asked_to_unix_nano=_optional(content["asked_to_unix_nano"], int),
        id=str(content["id"]),
        achieved_from_unix_nano=int(content["achieved_from_unix_nano"]),
        achieved_to_unix_nano=int(content["achieved_to_unix_nano"]),
        loss=tuple(loss_from_json(total) for total in content["loss"]),
    )
    return info, members


def _optional(value: Any, kind: type) -> Any:
    if value is not None and type(value) is not kind:
        raise ValueError(f"{type(value).__name__} instead of {kind.__name__}")
    return value


def write_capture(path: Path, segments: Sequence[Path], *, info: CaptureInfo) -> None:
    """Write the segments as one capture: wholly there under its name, and on the disk, or not at all.

    The bytes depend on the segments and on `info` alone. Segments are copied as they are, damage included: nothing is
    lost by freezing.

    Args:
        path: of the file; what is there is replaced.
        segments: directories of sealed segments, in any order.
        info: why, by whom and for which window; `id`, the achieved window and the loss are filled in.

    Raises:
        UsageError: a segment is given twice.
        FormatError: a directory is no segment, or has no whole manifest.
        StorageError: the disk failed or is full; nothing is left behind under the name.
    """
    opened = sorted(((open_segment(Path(segment)), Path(segment)) for segment in segments), key=_pair_order)
    if len({(segment.manifest.id, segment.manifest.node_name) for segment, _ in opened}) != len(opened):
        raise UsageError("a segment is given twice", where=str(path), next_step="give every segment once")
    info = _complete_info(info, [segment.manifest for segment, _ in opened])
    sources: list[tuple[Member, pa.Buffer]] = []
    for number, (segment, directory) in enumerate(opened):
        sources.extend(_segment_members(f"s{number:05d}", segment.manifest, DirectoryFiles(directory)))
    raw = seal_json(
        {
            "format": FORMAT,
            "version": [MAJOR, MINOR],
            **dataclasses.asdict(info),
            "segments": [segment.manifest.digest for segment, _ in opened],
            "members": [[member.name, member.size, member.crc32] for member, _ in sources],
        }
    )
    own = pa.py_buffer(raw)
    sources.insert(0, (Member(INFO_NAME, len(raw), zlib.crc32(raw)), own))
    sources.append((Member(INFO_COPY_NAME, len(raw), zlib.crc32(raw)), own))
    _write_container(Path(path), sources)


def _segment_members(prefix: str, manifest: Manifest, files: DirectoryFiles) -> Iterator[tuple[Member, pa.Buffer]]:
    """The files of one segment as members, sorted by name."""
    sealed = {table.file: table for table in manifest.tables}
    for name in sorted({MANIFEST_NAME, MANIFEST_COPY_NAME, *sealed} & set(files.names)):
        content = files.read(name)
        if content is None:
            continue
        # Why the checksum is not taken again: the manifest has it, so that freezing need not read what it copies.
        known = sealed.get(name)
        crc32 = known.crc32 if known is not None and known.size == content.size else zlib.crc32(content)
        yield Member(f"{prefix}.{name}", content.size, crc32), content


def _write_container(path: Path, sources: Sequence[tuple[Member, pa.Buffer]]) -> None:
    contents = {member.name: content for member, content in sources}
    temporary = path.with_name(f".{path.name}.writing")
    try:
        with temporary.open("wb") as file:
            for stretch in lay_out([member for member, _ in sources]):
                if stretch.content is not None:
                    file.write(stretch.content)
                else:
                    view = memoryview(contents[stretch.member or ""])
                    for start in range(0, len(view), _COPY_BYTES):
                        file.write(view[start : start + _COPY_BYTES])
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(
            f"the capture cannot be written ({os.strerror(error.errno or 0)})",
            errno=error.errno or 0,
            where=str(path),
            next_step="free space, or choose another place",
        ) from error


def _complete_info(info: CaptureInfo, manifests: Sequence[Manifest]) -> CaptureInfo:
    """The same with id, achieved window and losses computed."""
    totals: dict[tuple[str, str], tuple[int, int]] = {}
    for manifest in manifests:
        for total in manifest.loss:
            count, gaps = totals.get((total.table, total.reason), (0, 0))
            totals[total.table, total.reason] = (count + total.count, gaps + total.unknown_gaps)
    filled = [manifest for manifest in manifests if manifest.tables]
    return dataclasses.replace(
        info,
        id=digest_of(*(bytes.fromhex(manifest.digest) for manifest in manifests)).hex(),
        achieved_from_unix_nano=min((manifest.begin_unix_nano for manifest in filled), default=0),
        achieved_to_unix_nano=max((manifest.end_unix_nano for manifest in filled), default=0),
        loss=tuple(LossTotal(*key, *figures) for key, figures in sorted(totals.items())),
    )


def _order(manifest: Manifest) -> tuple[str, str, int, str]:
    return manifest.node_name, manifest.boot_id, manifest.begin_boot_ns, manifest.id


def _pair_order(pair: tuple[Segment, Path]) -> tuple[str, str, int, str]:
    return _order(pair[0].manifest)
