"""The segment: a closed stretch of one boot of one node, read by its manifest (docs/format.md, section Segment)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa

from formats.arrow.decode import decode_columns, read_dictionaries, read_schema
from formats.arrow.messages import FILE_MAGIC, Message, MessageKind, read_message
from formats.arrow.schema_match import expected_schema, fit_columns, unknown_columns
from formats.batches import full_schema
from formats.catalog import CATALOG_VERSION, TABLE_BY_NAME
from formats.errors import FormatError, LimitError, UsageError, VersionError
from formats.journal.layout import digest_of
from formats.loss import Damage, DamageKind
from formats.segment.manifest import (
    MANIFEST_COPY_NAME,
    MANIFEST_NAME,
    BatchRange,
    Manifest,
    TableManifest,
    read_manifest,
)
from formats.segment.stored_files import DirectoryFiles, Range, StoredFile, StoredFiles


class Segment:
    """One sealed segment. Reading it gives batches and damage, and never raises for what is inside.

    Attributes:
        files: where it is read from.
        manifest: what it says of itself.
        tables: rows by table, as sealed.
        damage: what was found damaged when it was opened.
        notes: what this version does not know and leaves out, in sentences.
    """

    def __init__(self, files: StoredFiles) -> None:
        self.files = files
        self.damage: list[Damage] = []
        self.manifest = self._read_manifests()
        self._entries = {table.name: table for table in self.manifest.tables}
        self._heads: dict[str, _Head] = {}
        self.tables: dict[str, int] = {table.name: table.rows for table in self.manifest.tables}
        self.notes = tuple(self._notes())

    def batch_index(self, table: str) -> tuple[BatchRange, ...]:
        """Rows, times and numbers of every batch of a table, in the order of time; empty if it has no such table."""
        entry = self._entries.get(table)
        return entry.batches if entry else ()

    def schema(self, table: str) -> pa.Schema:
        """The schema that `batches` gives: the catalog's, or the file's own for a table that the catalog lacks.

        Raises:
            UsageError: neither the catalog nor the segment has such a table.
        """
        if table in TABLE_BY_NAME:
            return full_schema(TABLE_BY_NAME[table])
        if table not in self._entries:
            raise UsageError(f"unknown table {table[:64]!r}", next_step="`tapio info` lists the tables")
        head = self._head(self._entries[table])
        return head.expected if isinstance(head, _Head) else pa.schema([])

    def batches(
        self,
        table: str,
        columns: Sequence[str] | None = None,
        from_unix_ns: int | None = None,
        to_unix_ns: int | None = None,
    ) -> Iterator[pa.RecordBatch | Damage]:
        """The rows of a table in the order of boot time, and the damage between them.

        Args:
            table: its name; nothing is given for a table that the segment does not have.
            columns: names of the columns to decode, in this order; None = all of the schema.
            from_unix_ns: batches that end before it are left out; the others are given whole.
            to_unix_ns: batches that begin after it are left out; the others are given whole.

        Raises:
            UsageError: there is no such column.
        """
        entry = self._entries.get(table)
        if entry is None:
            return
        head = self._head(entry)
        if isinstance(head, Damage):
            yield head
            return
        names = list(head.expected.names) if columns is None else list(columns)
        for name in names:
            if name not in head.expected.names:
                raise UsageError(f"the table {table} has no column {name[:64]!r}", next_step="`tapio info` lists them")
        data = self.files.find(entry.file)
        wanted = [
            batch
            for batch in entry.batches
            if (from_unix_ns is None or batch.max_unix_nano >= from_unix_ns)
            and (to_unix_ns is None or batch.min_unix_nano <= to_unix_ns)
        ]
        for number, batch in enumerate(wanted, start=1):
            stored = self._read_stored(entry, batch, data, _places(wanted, number))
            yield stored if isinstance(stored, Damage) else self._decode(entry, head, batch, stored, names)

    def verify(self) -> Iterator[Damage]:
        """Every damage of the segment: each byte against its digest, each value against its schema."""
        yield from self.damage
        expected = {MANIFEST_NAME, MANIFEST_COPY_NAME} | {table.file for table in self.manifest.tables}
        for name in self.files.names:
            if name not in expected:
                yield Damage(
                    self.files.label(name), 0, 0, DamageKind.UNEXPECTED, "the manifest does not list this file"
                )
        for entry in self.manifest.tables:
            yield from self._verify_edges(entry)
            for item in self.batches(entry.name):
                if isinstance(item, Damage):
                    yield item

    def verify_digests(self) -> Iterator[Damage]:
        """Every damage that digests show: each byte, but no value. Nothing is decoded."""
        yield from self.damage
        for entry in self.manifest.tables:
            yield from self._verify_edges(entry)
            data = self.files.find(entry.file)
            for number, batch in enumerate(entry.batches, start=1):
                stored = self._read_stored(entry, batch, data, _places(entry.batches, number))
                if isinstance(stored, Damage):
                    yield stored

    def _verify_edges(self, entry: TableManifest) -> Iterator[Damage]:
        """Damage of a table's file outside its batches: size, head and tail."""
        label = self.files.label(entry.file)
        data = self.files.find(entry.file)
        if data is None:
            return  # every batch says so
        head_bytes, tail = len(entry.head), entry.tail_offset
        if data.size >= head_bytes and digest_of(data.read(0, head_bytes)).hex() != entry.head_digest:
            yield Damage(
                label,
                0,
                head_bytes,
                DamageKind.DIGEST,
                "schema and dictionaries; the manifest's copy is used",
                entry.name,
                0,
            )
        if data.size < entry.size:
            detail = f"the file has {data.size:,} of {entry.size:,} bytes"
            yield Damage(label, data.size, entry.size - data.size, DamageKind.TRUNCATED, detail, entry.name)
        elif digest_of(data.read(tail, entry.size - tail)).hex() != entry.tail_digest:
            yield Damage(label, tail, entry.size - tail, DamageKind.DIGEST, "the file's footer", entry.name, 0)
        if data.size > entry.size:
            detail = "there are bytes after the expected end of the file"
            yield Damage(label, entry.size, data.size - entry.size, DamageKind.UNEXPECTED, detail, entry.name, 0)

    def _read_manifests(self) -> Manifest:
        """The first manifest that is whole; notes what is wrong with the other.

        Raises:
            FormatError: there is none.
            VersionError: it is of a later major version.
        """
        whole: list[tuple[str, Manifest]] = []
        for name in (MANIFEST_NAME, MANIFEST_COPY_NAME):
            file = self.files.find(name)
            if file is None:
                self._wound(name, 0, DamageKind.MISSING, "the manifest is missing")
                continue
            raw = file.read_all()
            try:
                whole.append((name, read_manifest(memoryview(raw))))
            except VersionError as error:
                raise VersionError(error.problem, where=self.files.label(name), next_step=error.next_step) from error
            except LimitError as error:
                self._wound(name, raw.size, DamageKind.LIMIT, error.problem)
            except FormatError as error:
                self._wound(name, raw.size, DamageKind.DIGEST, error.problem)
        if not whole:
            raise FormatError(
                "neither copy of the manifest is intact, so nothing in the segment can be trusted",
                where=self.files.label(MANIFEST_NAME),
                next_step="run `tapio verify` on it, and look for another copy of the segment",
            )
        if len(whole) == 2 and whole[0][1].digest != whole[1][1].digest:
            self._wound(MANIFEST_COPY_NAME, 0, DamageKind.UNEXPECTED, "the manifest and its copy differ")
        return whole[0][1]

    def _head(self, entry: TableManifest) -> _Head | Damage:
        """Schema and dictionaries of a table, from the manifest, which has them whole."""
        if entry.name not in self._heads:
            try:
                self._heads[entry.name] = _Head(entry)
            except FormatError as error:
                label = self.files.label(entry.file)
                kind = DamageKind.LIMIT if isinstance(error, LimitError) else DamageKind.MALFORMED
                return Damage(label, 0, len(entry.head), kind, error.problem, entry.name, entry.rows)
        return self._heads[entry.name]

    def _decode(
        self, entry: TableManifest, head: _Head, batch: BatchRange, stored: pa.Buffer, names: Sequence[str]
    ) -> pa.RecordBatch | Damage:
        try:
            return head.decode(stored, batch.rows, names)
        except LimitError as error:
            return self._wound_of(entry, batch, DamageKind.LIMIT, error.problem)
        except FormatError as error:
            return self._wound_of(entry, batch, DamageKind.MALFORMED, error.problem)

    def _read_stored(
        self, entry: TableManifest, batch: BatchRange, data: StoredFile | None, following: Iterable[Range]
    ) -> pa.Buffer | Damage:
        """The bytes of a batch, if they are those of its digest. Those of the batches that follow will be read next."""
        if data is None:
            return self._wound_of(entry, batch, DamageKind.MISSING, "the file is missing")
        stored = data.read(batch.offset, batch.length, following)
        if stored.size < batch.length:
            return self._wound_of(entry, batch, DamageKind.TRUNCATED, "the file ends before the end of the batch")
        if digest_of(stored).hex() != batch.digest:
            return self._wound_of(entry, batch, DamageKind.DIGEST, "the batch's digest does not match")
        return stored

    def _wound_of(self, entry: TableManifest, batch: BatchRange, kind: DamageKind, detail: str) -> Damage:
        label = self.files.label(entry.file)
        return Damage(label, batch.offset, batch.length, kind, detail, entry.name, batch.rows)

    def _notes(self) -> Iterator[str]:
        if self.manifest.catalog_version > CATALOG_VERSION:
            yield (
                f"the segment was written with table catalog {self.manifest.catalog_version}, this version uses "
                f"{CATALOG_VERSION}: the meaning of a column may have changed"
            )
        for entry in self.manifest.tables:
            if entry.name not in TABLE_BY_NAME:
                yield f"the table {entry.name} is unknown to this version; it can be read but is not interpreted"
                continue
            head = self._head(entry)
            for name in head.left_out if isinstance(head, _Head) else ():
                yield f"the column {name[:64]} of the table {entry.name} is unknown to this version and is omitted"

    def _wound(self, name: str, length: int, kind: DamageKind, detail: str) -> None:
        self.damage.append(Damage(self.files.label(name), 0, length, kind, detail))


class _Head:
    """What is needed to decode the batches of one file.

    Raises:
        FormatError: the head is malformed, or its schema is not the catalog's.
    """

    def __init__(self, entry: TableManifest) -> None:
        if digest_of(entry.head).hex() != entry.head_digest:
            raise FormatError("the manifest's copy of schema and dictionaries does not match its digest")
        data = pa.py_buffer(entry.head)
        messages = _messages(data, len(FILE_MAGIC))
        if entry.head[: len(FILE_MAGIC)] != FILE_MAGIC or not messages or messages[0].kind is not MessageKind.SCHEMA:
            raise FormatError("the file does not begin with an Arrow schema")
        self.table = entry.name
        self.schema = read_schema(data, messages[0])
        self.expected = expected_schema(entry.name, self.schema)
        self.left_out = unknown_columns(entry.name, self.schema)
        self.dictionaries = read_dictionaries(data, messages[1:], self.schema, self.expected.names)

    def decode(self, stored: pa.Buffer, rows: int, names: Sequence[str]) -> pa.RecordBatch:
        """The named columns of one batch whose digest is right.

        Raises:
            FormatError: it is not what head and manifest say.
            LimitError: it needs more than `limits` allow.
        """
        messages = _messages(stored, 0)
        message = messages[0] if len(messages) == 1 else None
        layout = message.layout if message is not None and message.kind is MessageKind.BATCH else None
        if message is None or layout is None:
            raise FormatError("the bytes are not a record batch")
        if layout.rows != rows:
            raise FormatError(f"the batch has {layout.rows:,} rows, the manifest says {rows:,}")
        body = stored.slice(message.body, message.end - message.body)
        wanted = {field.name: self.dictionaries.get(field.name) for field in self.schema if field.name in names}
        columns = decode_columns(body, layout, list(self.schema), wanted)
        present = [field.name for field in self.schema if field.name in wanted]
        schema = pa.schema([self.expected.field(name) for name in names])
        return fit_columns(schema, dict(zip(present, columns, strict=True)), rows)


def _places(batches: Sequence[BatchRange], begin: int) -> Iterator[Range]:
    """Where the batches from one on lie in their file."""
    return ((batch.offset, batch.length) for batch in islice(batches, begin, None))


def _messages(data: pa.Buffer, position: int) -> list[Message]:
    messages = []
    view = memoryview(data)
    while (message := read_message(view, position)) is not None:
        messages.append(message)
        position = message.end
    return messages


def open_segment(path: Path) -> Segment:
    """The segment in a directory.

    Raises:
        MissingInputError: there is no such directory.
        FormatError: it is no segment, or no manifest of it is whole.
        VersionError: it is of a later major version.
    """
    files = DirectoryFiles(path)
    if MANIFEST_NAME not in files.names and MANIFEST_COPY_NAME not in files.names:
        raise FormatError(
            "the directory has no manifest.json, so it is not a segment",
            where=str(path),
            next_step="give the path of a segment",
        )
    return Segment(files)
