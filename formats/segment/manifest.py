"""What a segment's `manifest.json` says (docs/format.md, section Segment)."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from formats import limits
from formats.clock import ClockSnapshot
from formats.decoding import Digest, Name, Natural, Whole
from formats.errors import FormatError, LimitError
from formats.segment.sealed_json import read_sealed_json, seal_json

FORMAT = "tapio-segment"
MAJOR, MINOR = 1, 0
MANIFEST_NAME = "manifest.json"
MANIFEST_COPY_NAME = "manifest.copy.json"
"""Second copy of the manifest. Why: damage to the only list of digests would make the whole segment unusable."""

BootId = Annotated[str, Meta(pattern=r"^[ -~]{0,64}\Z")]
"""As the kernel writes it; imports have their own, also in printable ASCII."""

TableName = Annotated[str, Meta(pattern=r"^[a-z][a-z_]{0,31}\Z")]


class LossTotal(msgspec.Struct, frozen=True):
    """Events of one table that are missing for one reason.

    Attributes:
        table: the table that misses them.
        reason: of `formats.loss.LossReason`.
        count: how many, where known.
        unknown_gaps: intervals in which an unknown number is missing.
    """

    table: Name
    reason: Name
    count: Natural
    unknown_gaps: Natural


class BatchRange(msgspec.Struct, frozen=True, array_like=True):
    """One record batch as a stretch of bytes of its file.

    Attributes:
        offset: of the first byte.
        length: in bytes.
        digest: of these bytes, 32 hexadecimal digits.
        rows: in it.
        min_unix_nano: smallest `time_unix_nano`, Unix time in ns.
        max_unix_nano: largest `time_unix_nano`, Unix time in ns.
        min_boot_ns: smallest `boot_time_ns`, CLOCK_BOOTTIME in ns.
        max_boot_ns: largest `boot_time_ns`, CLOCK_BOOTTIME in ns.
        min_seq: smallest `event_seq`.
        max_seq: largest `event_seq`.
    """

    offset: Natural
    length: Natural
    digest: Digest
    rows: Natural
    min_unix_nano: Whole
    max_unix_nano: Whole
    min_boot_ns: Whole
    max_boot_ns: Whole
    min_seq: Natural
    max_seq: Natural


class TableManifest(msgspec.Struct, frozen=True):
    """One table of a segment and the bytes of its file `<name>.arrow`.

    Attributes:
        name: of the table.
        rows: in all batches.
        size: of the file in bytes.
        crc32: of the file, for the container.
        head: the file's first bytes: magic, schema and dictionaries, repeated here so that damage there loses nothing.
        head_digest: of the head.
        batches: every record batch, in the order of the file, without gaps.
        tail_digest: of the bytes from the last batch's end to the end of the file.
    """

    name: TableName
    rows: Natural
    size: Natural
    crc32: Natural
    head: bytes
    head_digest: Digest
    batches: tuple[BatchRange, ...]
    tail_digest: Digest

    @property
    def file(self) -> str:
        """Name of the file."""
        return f"{self.name}.arrow"

    @property
    def tail_offset(self) -> int:
        """Where the file's tail begins: end-of-stream mark and footer."""
        return self.batches[-1].offset + self.batches[-1].length if self.batches else len(self.head)


class Manifest(msgspec.Struct, frozen=True):
    """One segment: a closed stretch of one boot of one node.

    Attributes:
        id: 32 hexadecimal digits; that of its journal.
        node_name: `k8s.node.name`.
        boot_id: of the boot.
        catalog_version: of the writer.
        created_by: program and version that sealed it.
        clocks: snapshots in the order of boot time.
        tables: sorted by name; a table without rows is left out.
        loss: totals of the segment's table `loss`, sorted.
        digest: of the manifest itself, 32 hexadecimal digits; empty before it is sealed.
    """

    id: Digest
    node_name: Name = msgspec.field(name="k8s.node.name")
    boot_id: BootId = msgspec.field(name="host.boot_id")
    catalog_version: Whole
    created_by: Name
    clocks: tuple[ClockSnapshot, ...]
    tables: tuple[TableManifest, ...]
    loss: Annotated[tuple[LossTotal, ...], Meta(max_length=limits.LOSS_TOTALS)]
    digest: str = ""

    @property
    def begin_unix_nano(self) -> int:
        """Smallest `time_unix_nano` of all rows; 0 if there is none."""
        return min((batch.min_unix_nano for table in self.tables for batch in table.batches), default=0)

    @property
    def end_unix_nano(self) -> int:
        """Largest `time_unix_nano` of all rows; 0 if there is none."""
        return max((batch.max_unix_nano for table in self.tables for batch in table.batches), default=0)

    @property
    def begin_boot_ns(self) -> int:
        """Smallest `boot_time_ns` of all rows; 0 if there is none."""
        return min((batch.min_boot_ns for table in self.tables for batch in table.batches), default=0)

    @property
    def end_boot_ns(self) -> int:
        """Largest `boot_time_ns` of all rows; 0 if there is none."""
        return max((batch.max_boot_ns for table in self.tables for batch in table.batches), default=0)


def write_manifest(manifest: Manifest) -> bytes:
    """The canonical, digested text of a manifest."""
    content = msgspec.to_builtins(manifest)
    del content["digest"]
    return seal_json(
        {
            **content,
            "format": FORMAT,
            "version": [MAJOR, MINOR],
            "begin_unix_nano": manifest.begin_unix_nano,
            "end_unix_nano": manifest.end_unix_nano,
            "begin_boot_ns": manifest.begin_boot_ns,
            "end_boot_ns": manifest.end_boot_ns,
            "tables": [_table_to_json(table) for table in manifest.tables],
        }
    )


def _table_to_json(table: TableManifest) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.to_builtins(table)
    for low, high in (("min_unix_nano", "max_unix_nano"), ("min_boot_ns", "max_boot_ns"), ("min_seq", "max_seq")):
        content[low] = min((getattr(batch, low) for batch in table.batches), default=None)
        content[high] = max((getattr(batch, high) for batch in table.batches), default=None)
    return content


def read_manifest(raw: bytes | memoryview) -> Manifest:
    """The manifest of a text whose digest is right; fields that this version does not know are ignored.

    Raises:
        FormatError: a byte was changed, or a field is missing or of another kind.
        LimitError: it lists more than `limits` allow.
        VersionError: it is of a later major version.
    """
    manifest = read_sealed_json(raw, Manifest, name=FORMAT, major=MAJOR, what="the manifest")
    for table in manifest.tables:
        _check_batches(table)
    if len({table.name for table in manifest.tables}) != len(manifest.tables):
        raise FormatError("the manifest names a table twice")
    return manifest


def _check_batches(table: TableManifest) -> None:
    if len(table.batches) > limits.SEGMENT_BATCHES:
        raise LimitError("batches of a table", len(table.batches), limits.SEGMENT_BATCHES)
    offset = len(table.head)
    for batch in table.batches:
        if batch.offset != offset:
            raise FormatError(f"the manifest is malformed: the batches of {table.name} leave gaps or overlap")
        if batch.length > limits.FRAME_STORED_BYTES:
            raise LimitError("stored bytes of a batch", batch.length, limits.FRAME_STORED_BYTES)
        if batch.rows > limits.FRAME_ROWS:
            raise LimitError("rows of a batch", batch.rows, limits.FRAME_ROWS)
        offset += batch.length
    if offset > table.size or table.rows != sum(batch.rows for batch in table.batches):
        raise FormatError(f"the manifest is malformed: the batches of {table.name} do not add up to its file")
