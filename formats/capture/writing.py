"""Writing a capture: segments are copied as they are into one container (docs/format.md, section Capture)."""

from __future__ import annotations

import errno
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from formats.capture.container import Member, place_members
from formats.capture.info import INFO_COPY_NAME, INFO_NAME, CaptureInfo, complete_info, segment_order, write_listing
from formats.errors import StorageError, UsageError
from formats.segment.manifest import MANIFEST_COPY_NAME, MANIFEST_NAME
from formats.segment.reading import Segment, open_segment
from formats.segment.sealing import sync_directory
from formats.segment.stored_files import DirectoryFiles, StoredFile, open_regular

_COPY_BYTES = 1 << 20


def write_capture(path: Path, segments: Sequence[Path], *, info: CaptureInfo) -> None:
    """Write the segments as one capture: wholly there under its name, and on the disk, or not at all.

    The bytes depend on the segments and on `info` alone. Segments are copied as they are, damage included: nothing is
    lost by freezing.

    Args:
        path: of the file; an existing file is replaced.
        segments: directories of sealed segments, in any order.
        info: why, by whom and for which window; `id`, the achieved window and the loss are filled in.

    Raises:
        UsageError: a segment is listed twice.
        FormatError: a directory is no segment, or has no whole manifest.
        StorageError: the disk failed or is full; nothing is left behind under the name.
    """
    write_opened(path, [open_segment(Path(segment)) for segment in segments], info=info)


def write_opened(path: Path, segments: Sequence[Segment], *, info: CaptureInfo) -> None:
    """As `write_capture`, of segments that were opened, wherever they lie: each is copied in pieces."""
    opened = sorted(segments, key=lambda segment: segment_order(segment.manifest))
    manifests = [segment.manifest for segment in opened]
    if len({(manifest.id, manifest.node_name) for manifest in manifests}) != len(opened):
        raise UsageError("a segment is listed twice", where=str(path), next_step="list each segment once")
    members: list[Member] = []
    sources: dict[str, Path | StoredFile] = {}
    for number, segment in enumerate(opened):
        for member, source in _segment_members(f"s{number:05d}", segment):
            members.append(member)
            sources[member.name] = source
    listing = write_listing(complete_info(info, manifests), manifests, members)
    _write_container(Path(path), members, sources, listing)


def _segment_members(prefix: str, segment: Segment) -> Iterator[tuple[Member, Path | StoredFile]]:
    """The files of one segment as members, sorted by name, and where they are."""
    files = segment.files
    sealed = {table.file: table for table in segment.manifest.tables}
    for name in sorted({MANIFEST_NAME, MANIFEST_COPY_NAME, *sealed} & set(files.names)):
        content = files.find(name)
        if content is None:
            continue
        # Why the checksum is not taken again: the manifest has it, so that freezing need not read what it copies.
        known = sealed.get(name)
        crc32 = known.crc32 if known is not None and known.size == content.size else zlib.crc32(content.read_all())
        source = files.path / name if isinstance(files, DirectoryFiles) else content
        yield Member(f"{prefix}.{name}", content.size, crc32), source


def _write_container(
    path: Path, members: Sequence[Member], sources: Mapping[str, Path | StoredFile], listing: bytes
) -> None:
    crc32 = zlib.crc32(listing)
    own = [Member(name, len(listing), crc32) for name in (INFO_NAME, INFO_COPY_NAME)]
    temporary = path.with_name(f".{path.name}.writing")
    try:
        temporary.unlink(missing_ok=True)  # of a freeze that a crash interrupted
        with temporary.open("xb") as file:
            for stretch in place_members([own[0], *members, own[1]]):
                if stretch.content is not None:
                    file.write(stretch.content)
                elif stretch.member is not None and stretch.member in sources:
                    _copy(sources[stretch.member], file, stretch.length)
                else:
                    file.write(listing)
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
            next_step="free space, or choose another path",
        ) from error


def _copy(source: Path | StoredFile, target: BinaryIO, length: int) -> None:
    """Copy a file or a part of another capture in pieces.

    Why a file is not copied from its mapping: freezing a large ring must not make the recorder's memory grow.
    """
    if not isinstance(source, Path):
        target.writelines(
            source.read(begin, _COPY_BYTES, [(begin + _COPY_BYTES, length)]) for begin in range(0, length, _COPY_BYTES)
        )
        return
    fd = open_regular(source)
    if fd is None:
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), str(source))
    with os.fdopen(fd, "rb", buffering=0) as file:
        left = length
        while left and (piece := file.read(min(left, _COPY_BYTES))):
            target.write(piece)
            left -= len(piece)
    if left:  # sealed segments never change, so the disk does
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(source))
