"""The journal: the open, append-only part of a recording (docs/format.md, section Journal).

A writer appends frames and syncs them (`formats.journal.writing`); the reader here gives every whole frame and says
what is damaged between them.
"""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from formats import limits
from formats.errors import FormatError, LimitError, MissingInputError, VersionError
from formats.journal.layout import (
    DIGEST_BYTES,
    FRAME_HEADER_BYTES,
    HEADER_BYTES,
    HEADER_COPY_BYTES,
    MAGIC,
    MARKER,
    FrameHeader,
    JournalHeader,
    digest_of,
    unpack_frame_header,
    unpack_header,
)
from formats.journal.payload import Payload, PayloadHead, expand_payload
from formats.journal.survey import Survey, UsedTexts
from formats.journal.writing import JournalWriter
from formats.loss import Damage, DamageKind

__all__ = ["JournalFrame", "JournalHeader", "JournalWriter", "OpenedJournal", "open_journal"]

_MARKER_PATTERN = re.compile(re.escape(MARKER))


@dataclass(frozen=True, slots=True)
class JournalFrame:
    """One whole frame.

    Attributes:
        table: name of its table.
        batch: its rows, in the catalog's schema of the table, or in the file's if the table is not in the catalog.
        header: its place in the journal and its extent in time.
    """

    table: str
    batch: pa.RecordBatch
    header: FrameHeader


class OpenedJournal:
    """A journal file, mapped: its header, and which whole frames it has.

    Every frame's digest is checked when it is opened; payloads are decoded when they are asked for.

    Attributes:
        path: of the file.
        header: None if both copies are damaged.
        tables: rows of the whole frames, by table.
        damage: what is damaged, in the order of the file.
        good_bytes: length of the file up to the end of its last whole frame.
        undecoded: of what `batches` was asked for, the whole frames that do not decode although their digest matches,
            by offset: what is wrong with each. Only a defect of the writer leaves such a frame.
    """

    def __init__(self, path: Path, data: memoryview) -> None:
        self.path = path
        self._data = data
        self._buffer = pa.py_buffer(data) if len(data) else pa.py_buffer(b"")
        self.damage: list[Damage] = []
        self.undecoded: dict[int, tuple[FrameHeader, Damage]] = {}
        self._frames: list[tuple[int, FrameHeader]] = []
        self._heads: dict[str, PayloadHead] = {}
        self.header = self._read_header()
        self.good_bytes = 0
        self._scan()
        if self.header is None and not self._frames and not MAGIC.startswith(bytes(data[: len(MAGIC)])):
            raise FormatError(
                "the file is not a Tapio journal", where=str(path), next_step="give the path of a `.journal` file"
            )
        self.tables: dict[str, int] = {}
        for _, frame in self._frames:
            self.tables[frame.table] = self.tables.get(frame.table, 0) + frame.rows

    @property
    def frames(self) -> tuple[FrameHeader, ...]:
        """The headers of the whole frames, in the order of the file."""
        return tuple(frame for _, frame in self._frames)

    def items(self) -> Iterator[JournalFrame | Damage]:
        """Every whole frame and every damage, in the order of the file."""
        for offset, item in self._in_order():
            yield item if isinstance(item, Damage) else self._decode(offset, item)

    def headers(self) -> Iterator[FrameHeader | Damage]:
        """The header of every whole frame and every damage, in the order of the file. Nothing is decoded."""
        return (item for _, item in self._in_order())

    def batches(self, table: str) -> Iterator[pa.RecordBatch]:
        """The rows of one table, frame by frame in the order of the file. What does not decode is in `undecoded`."""
        for offset, frame in self._frames:
            if frame.table == table:
                item = self._decode(offset, frame)
                if isinstance(item, JournalFrame):
                    yield item.batch
                else:
                    self.undecoded[offset] = frame, item

    def _in_order(self) -> Iterator[tuple[int, FrameHeader | Damage]]:
        wounds = sorted(self.damage, key=lambda damage: damage.offset)
        position = 0
        for offset, frame in self._frames:
            while position < len(wounds) and wounds[position].offset <= offset:
                yield wounds[position].offset, wounds[position]
                position += 1
            yield offset, frame
        yield from ((wound.offset, wound) for wound in wounds[position:])

    def survey(self, table: str) -> Survey:
        """What merging must know of the batches of one table beforehand; their numbers are not decoded for it.

        A frame that does not decode is in it nevertheless if the part with its texts does.
        """
        lowest: list[int] = []
        texts = UsedTexts()
        known: PayloadHead | None = None
        for offset, frame in self._frames:
            if frame.table != table:
                continue
            try:
                payload = self._expand(offset, frame)
                dictionaries = {} if payload.head is known else payload.head.dictionaries
                unseen = frozenset(name for name, values in dictionaries.items() if not texts.has_all(name, values))
                columns = payload.columns(unseen) if unseen else {}
            except (FormatError, LimitError):
                continue
            for name, column in columns.items():
                texts.add(name, column)
            # An equal head brings nothing new once the rows have had all its texts.
            known = payload.head if all(texts.has_all(name, dictionaries[name]) for name in unseen) else None
            lowest.append(frame.min_boot_ns)
        return Survey(tuple(lowest), texts.sorted())

    def _read_header(self) -> JournalHeader | None:
        first, second = (
            unpack_header(self._data[start : start + HEADER_COPY_BYTES]) for start in (0, HEADER_COPY_BYTES)
        )
        if len(self._data) < HEADER_BYTES:
            self._wound(0, len(self._data), DamageKind.TRUNCATED, "the journal is truncated within its header")
        else:
            for start, copy in ((0, first), (HEADER_COPY_BYTES, second)):
                if copy is None:
                    self._wound(
                        start, HEADER_COPY_BYTES, DamageKind.DIGEST, "a copy of the journal's header is damaged"
                    )
            if first is not None and second is not None and first != second:
                self._wound(HEADER_COPY_BYTES, HEADER_COPY_BYTES, DamageKind.UNEXPECTED, "the header's copies differ")
        return first or second

    def _scan(self) -> None:
        """Find the whole frames: follow the lengths, and look for the next marker where they lead nowhere."""
        data, position = self._data, min(HEADER_BYTES, len(self._data))
        journal_id = self.header.id if self.header else None
        seen: set[int] = set()
        expected = 0
        while position < len(data):
            frame = unpack_frame_header(data, position)
            if frame is None:
                position = self._skip(position)
                continue
            end = position + FRAME_HEADER_BYTES + frame.stored_bytes + DIGEST_BYTES
            problem = self._problem(position, end, frame, journal_id)
            if problem is not None:
                kind, detail = problem
                if kind is DamageKind.TRUNCATED:
                    following = self._next_frame(position + 1)
                    end = following if following is not None else len(data)
                self._wound(position, end - position, kind, detail, frame.table, frame.rows)
                if frame.journal_id == journal_id:
                    seen.add(frame.number)
                    expected = max(expected, frame.number + 1)
                position = end
                continue
            journal_id = journal_id or frame.journal_id
            if frame.number in seen:
                self._wound(
                    position,
                    end - position,
                    DamageKind.UNEXPECTED,
                    f"frame {frame.number} is repeated",
                    frame.table,
                    0,
                )
            else:
                if frame.number != expected:
                    relation = "too early" if frame.number > expected else "too late"
                    self._wound(
                        position,
                        0,
                        DamageKind.MISSING if frame.number > expected else DamageKind.UNEXPECTED,
                        f"frame {frame.number} comes {relation}, expected frame {expected}",
                    )
                seen.add(frame.number)
                expected = max(expected, frame.number + 1)
                self._frames.append((position, frame))
            position = self.good_bytes = end

    def _problem(
        self, position: int, end: int, frame: FrameHeader, journal_id: bytes | None
    ) -> tuple[DamageKind, str] | None:
        """What is wrong with the frame whose header is whole; None if nothing is."""
        if end > len(self._data):
            return DamageKind.TRUNCATED, "the frame is truncated"
        payload = position + FRAME_HEADER_BYTES
        stored = self._data[payload : payload + frame.stored_bytes]
        found = digest_of(self._data[position:payload], stored)
        if found != bytes(self._data[end - DIGEST_BYTES : end]):
            return DamageKind.DIGEST, "the frame's digest does not match"
        if journal_id is not None and frame.journal_id != journal_id:
            return DamageKind.UNEXPECTED, "the frame belongs to another journal"
        for what, value, limit in (
            ("stored bytes of a frame", frame.stored_bytes, limits.FRAME_STORED_BYTES),
            ("expanded bytes of a frame", frame.expanded_bytes, limits.FRAME_EXPANDED_BYTES),
            ("rows of a frame", frame.rows, limits.FRAME_ROWS),
        ):
            if value > limit:
                return DamageKind.LIMIT, f"{what} is {value:,}, more than the limit of {limit:,}"
        return None

    def _skip(self, position: int) -> int:
        """Note the damage from here to the next whole frame header, or to the end."""
        following = self._next_frame(position + 1)
        end = following if following is not None else len(self._data)
        if following is None and MARKER.startswith(bytes(self._data[position : position + len(MARKER)])):
            self._wound(
                position, end - position, DamageKind.TRUNCATED, "the journal is truncated within a frame's header"
            )
        else:
            self._wound(position, end - position, DamageKind.DIGEST, "no complete frame begins here")
        return end

    def _next_frame(self, position: int) -> int | None:
        for match in _MARKER_PATTERN.finditer(self._data, position):
            if unpack_frame_header(self._data, match.start()) is not None:
                return match.start()
        return None

    def _decode(self, offset: int, frame: FrameHeader) -> JournalFrame | Damage:
        try:
            batch = self._expand(offset, frame).batch()
        except LimitError as error:
            kind, detail = DamageKind.LIMIT, error.problem
        except FormatError as error:
            kind, detail = DamageKind.MALFORMED, error.problem
        else:
            return JournalFrame(frame.table, batch, frame)
        length = FRAME_HEADER_BYTES + frame.stored_bytes + DIGEST_BYTES
        return Damage(self.path.name, offset, length, kind, detail, frame.table, frame.rows)

    def _expand(self, offset: int, frame: FrameHeader) -> Payload:
        stored = self._buffer.slice(offset + FRAME_HEADER_BYTES, frame.stored_bytes)
        payload = expand_payload(stored, frame, self._heads.get(frame.table))
        self._heads[frame.table] = payload.head
        return payload

    def _wound(  # noqa: PLR0917 - the fields of a Damage in their order
        self, offset: int, length: int, kind: DamageKind, detail: str, table: str | None = None, rows: int | None = None
    ) -> None:
        self.damage.append(Damage(self.path.name, offset, length, kind, detail, table, rows))


def open_journal(path: Path) -> OpenedJournal:
    """A journal with the list of its whole frames; damage is in its `damage`.

    Raises:
        MissingInputError: there is no such file.
        FormatError: it is no journal at all.
        VersionError: it is of a later major version.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise MissingInputError(
            f"the journal cannot be opened ({os.strerror(error.errno or 0)})",
            where=str(path),
            next_step="check the path",
        ) from error
    try:
        size = os.fstat(fd).st_size
        if size == 0:
            return OpenedJournal(path, memoryview(b""))
        return OpenedJournal(path, memoryview(mmap.mmap(fd, size, access=mmap.ACCESS_READ)))
    except VersionError as error:
        raise VersionError(error.problem, where=str(path), next_step=error.next_step) from error
    finally:
        os.close(fd)
