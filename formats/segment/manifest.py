"""What a segment's `manifest.json` says (docs/format.md, section Segment)."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from formats import limits
from formats.clock import ClockSnapshot
from formats.errors import FormatError, LimitError, VersionError
from formats.segment.sealed_json import open_sealed_json, seal_json, sealed_digest

FORMAT = "tapio-segment"
MAJOR, MINOR = 1, 0
MANIFEST_NAME = "manifest.json"
MANIFEST_COPY_NAME = "manifest.copy.json"
"""The same bytes again. Why: one wound in the only list of digests would cost the whole segment."""

_TABLE_NAME = re.compile(r"[a-z][a-z_]{0,31}")
_HEX = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class LossTotal:
    """Events of one table that are missing for one reason.

    Attributes:
        table: the table that misses them.
        reason: of `formats.loss.LossReason`.
        count: how many, where known.
        unknown_gaps: intervals in which an unknown number is missing.
    """

    table: str
    reason: str
    count: int
    unknown_gaps: int


@dataclass(frozen=True, slots=True)
class BatchRange:
    """One record batch as a stretch of bytes of its file.

    Attributes:
        offset: of the first byte.
        length: in bytes.
        digest: of these bytes, 32 hexadecimal digits.
        rows: in it.
        min_unix_nano: smallest `time_unix_nano`; `max_unix_nano` the largest.
        min_boot_ns: smallest `boot_time_ns`; `max_boot_ns` the largest.
        min_seq: smallest `event_seq`; `max_seq` the largest.
    """

    offset: int
    length: int
    digest: str
    rows: int
    min_unix_nano: int
    max_unix_nano: int
    min_boot_ns: int
    max_boot_ns: int
    min_seq: int
    max_seq: int


@dataclass(frozen=True, slots=True)
class TableManifest:
    """One table of a segment and the bytes of its file `<name>.arrow`.

    Attributes:
        name: of the table.
        rows: in all batches.
        size: of the file in bytes.
        crc32: of the file, for the container.
        head: the file's first bytes: magic, schema and dictionaries, given again so that a wound there costs nothing.
        head_digest: of the head.
        batches: every record batch, in the order of the file, without gaps.
        tail_digest: of the bytes from the last batch's end to the end of the file.
    """

    name: str
    rows: int
    size: int
    crc32: int
    head: bytes
    head_digest: str
    batches: tuple[BatchRange, ...]
    tail_digest: str

    @property
    def file(self) -> str:
        """Name of the file."""
        return f"{self.name}.arrow"

    @property
    def tail_offset(self) -> int:
        """Where the file's tail begins: end-of-stream mark and footer."""
        return self.batches[-1].offset + self.batches[-1].length if self.batches else len(self.head)


@dataclass(frozen=True, slots=True)
class Manifest:
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

    id: str
    node_name: str
    boot_id: str
    catalog_version: int
    created_by: str
    clocks: tuple[ClockSnapshot, ...]
    tables: tuple[TableManifest, ...]
    loss: tuple[LossTotal, ...]
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
    return seal_json(
        {
            "format": FORMAT,
            "version": [MAJOR, MINOR],
            "id": manifest.id,
            "k8s.node.name": manifest.node_name,
            "host.boot_id": manifest.boot_id,
            "catalog_version": manifest.catalog_version,
            "created_by": manifest.created_by,
            "clocks": [dataclasses.asdict(clock) for clock in manifest.clocks],
            "loss": [dataclasses.asdict(total) for total in manifest.loss],
            "begin_unix_nano": manifest.begin_unix_nano,
            "end_unix_nano": manifest.end_unix_nano,
            "begin_boot_ns": manifest.begin_boot_ns,
            "end_boot_ns": manifest.end_boot_ns,
            "tables": [_table_to_json(table) for table in manifest.tables],
        }
    )


def _table_to_json(table: TableManifest) -> dict[str, Any]:
    content = dataclasses.asdict(table)
    content["head"] = base64.b64encode(table.head).decode()
    content["batches"] = [list(dataclasses.astuple(batch)) for batch in table.batches]
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
    content = open_sealed_json(raw)
    check_version(content, FORMAT, MAJOR)
    try:
        tables = tuple(_table_from_json(table) for table in _typed(content["tables"], list))
        manifest = Manifest(
            id=_matching(content["id"], _HEX),
            node_name=_typed(content["k8s.node.name"], str),
            boot_id=_typed(content["host.boot_id"], str),
            catalog_version=_typed(content["catalog_version"], int),
            created_by=_typed(content["created_by"], str),
            clocks=tuple(_clock_from_json(clock) for clock in _typed(content["clocks"], list)),
            tables=tables,
            loss=tuple(loss_from_json(total) for total in _typed(content["loss"], list)),
            digest=sealed_digest(raw),
        )
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise FormatError(f"the manifest is malformed ({type(error).__name__}: {str(error)[:80]})") from error
    if len({table.name for table in tables}) != len(tables):
        raise FormatError("the manifest names a table twice")
    return manifest


def check_version(content: dict[str, Any], name: str, major: int) -> None:
    """Refuse what another program wrote, or a later major version.

    Raises:
        FormatError: `format` is not `name`, or there is no version.
        VersionError: the version is a later major one.
    """
    version = content.get("version")
    if content.get("format") != name or not (
        isinstance(version, list) and len(version) == 2 and all(type(part) is int for part in version)
    ):
        raise FormatError(f"the text is no {name} of any version")
    if version[0] > major:
        raise VersionError(
            f"it is of {name} version {version[0]}.{version[1]}, this program reads up to {major}",
            next_step=f"use a version of Tapio that reads {name} version {version[0]}",
        )


def _table_from_json(content: dict[str, Any]) -> TableManifest:
    batches = _typed(content["batches"], list)
    if len(batches) > limits.SEGMENT_BATCHES:
        raise LimitError("batches of a table", len(batches), limits.SEGMENT_BATCHES)
    table = TableManifest(
        name=_matching(content["name"], _TABLE_NAME),
        rows=_natural(content["rows"]),
        size=_natural(content["size"]),
        crc32=_natural(content["crc32"]),
        head=base64.b64decode(content["head"], validate=True),
        head_digest=_matching(content["head_digest"], _HEX),
        batches=tuple(_batch_from_json(batch) for batch in batches),
        tail_digest=_matching(content["tail_digest"], _HEX),
    )
    offset = len(table.head)
    for batch in table.batches:
        if batch.offset != offset:
            raise ValueError("the batches leave gaps or overlap")
        if batch.length > limits.FRAME_STORED_BYTES:
            raise LimitError("stored bytes of a batch", batch.length, limits.FRAME_STORED_BYTES)
        if batch.rows > limits.FRAME_ROWS:
            raise LimitError("rows of a batch", batch.rows, limits.FRAME_ROWS)
        offset += batch.length
    if offset > table.size or table.rows != sum(batch.rows for batch in table.batches):
        raise ValueError("the batches do not add up to the file")
    return table


def _batch_from_json(content: Sequence[Any]) -> BatchRange:
    offset, length, digest, rows, *bounds = _typed(content, list)[:10]
    if len(bounds) != 6 or not all(type(bound) is int for bound in bounds):
        raise ValueError("a batch has not its ten figures")
    return BatchRange(_natural(offset), _natural(length), _matching(digest, _HEX), _natural(rows), *bounds)


def _clock_from_json(content: dict[str, Any]) -> ClockSnapshot:
    error = content["max_error_ns"]
    return ClockSnapshot(
        time_unix_nano=_typed(content["time_unix_nano"], int),
        boot_time_ns=_typed(content["boot_time_ns"], int),
        monotonic_ns=_typed(content["monotonic_ns"], int),
        read_window_ns=_typed(content["read_window_ns"], int),
        max_error_ns=None if error is None else _typed(error, int),
        is_synchronized=_typed(content["is_synchronized"], bool),
    )


def loss_from_json(content: dict[str, Any]) -> LossTotal:
    """One loss total. KeyError or ValueError if a field is missing or of another kind."""
    return LossTotal(
        table=_typed(content["table"], str),
        reason=_typed(content["reason"], str),
        count=_natural(content["count"]),
        unknown_gaps=_natural(content["unknown_gaps"]),
    )


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{type(value).__name__} instead of {kind.__name__}")
    return value


def _natural(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ValueError("a count is no natural number")
    return value


def _matching(value: Any, form: re.Pattern[str]) -> str:
    if not isinstance(value, str) or form.fullmatch(value) is None:
        raise ValueError("a name or digest is not of its form")
    return value
