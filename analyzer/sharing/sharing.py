"""From a capture to one that can be shared: collect, replace, write, search, and only then release."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyarrow as pa

from analyzer.guard.opening import open_capture
from analyzer.sharing.batches import BatchRewriter
from analyzer.sharing.collecting import Collector
from analyzer.sharing.names import rewrite_identifier, rewrite_name
from analyzer.sharing.ports import collect_ports
from analyzer.sharing.prose import NOTHING_VOUCHED, Vouching, reduce_note
from analyzer.sharing.pseudonyms import Pseudonyms, Replacement
from analyzer.sharing.scan.search import Leak, Originals, find_leaks, read_originals
from analyzer.sharing.scan.texts import list_texts
from formats.capture.info import CaptureInfo, Cut
from formats.capture.reading import Capture
from formats.capture.writing import write_capture
from formats.catalog import TABLE_BY_NAME
from formats.errors import OutputError, explain_unwritten
from formats.loss import Damage
from formats.segment.reading import Segment
from formats.segment.sealing import SegmentHeader, seal_segment

_PROGRAM = re.compile(r"tapio(?:-recorder| import| cut| merge)?(?: [0-9]{1,4}(?:\.[0-9]{1,4}){0,3})?")
_FINGERPRINT_OF = "fingerprint of the key"
_LEAKS = 1_000
"""The scan ends when it has found so many."""
_PLACES = 5
"""Maximum number of places that the refusal names."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What was done.

    Attributes:
        replaced: distinct sensitive values that were replaced.
        damaged: stretches of the input that could not be read and are not in the output.
        dropped_tables: tables that this version does not know and that were left out.
    """

    replaced: int
    damaged: int
    dropped_tables: tuple[str, ...]


def anonymize_capture(source: Path, target: Path, *, key: bytes) -> Shared:
    """Write a copy of a capture in which no name, address, path or id of the original is left.

    Args:
        source: the capture.
        target: the new capture; it appears only after the scan found nothing.
        key: the secret of the pseudonyms. The same key gives the same pseudonyms for the same capture.

    Raises:
        OutputError: the target exists or cannot be written, or the scan found an original value in it.
        StorageError: the disk failed or is full.
    """
    if target.exists():
        raise OutputError(
            "the file already exists", where=str(target), next_step="choose another name or delete the file"
        )
    capture = open_capture(source)
    originals = _collect(capture)
    rewriter = BatchRewriter(Pseudonyms(key, originals), _vouching_of(originals))
    fingerprint = _keyed_digest(key, _FINGERPRINT_OF)
    try:
        with tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=f".{target.name}.") as directory:
            draft = Path(directory) / "draft.tapio"
            segments = [
                _write_segment(Path(directory), number, segment, rewriter, key)
                for number, segment in enumerate(capture.segments)
            ]
            write_capture(draft, segments, info=_rewrite_info(capture.info, rewriter, fingerprint))
            _refuse_leaks(draft, read_originals(list_texts(capture)), target)
            draft.rename(target)
    except OSError as error:
        raise explain_unwritten(
            error, "the copy", where=str(target), next_step="choose an existing, writable directory"
        ) from error
    unknown = sorted({table for table in capture.tables if table not in TABLE_BY_NAME})
    damaged = len(capture.damage) + sum(
        isinstance(item, Damage) for table in capture.tables for item in capture.batches(table, columns=[])
    )
    replaced = len(originals.tokens) + len(originals.identifiers) + len(originals.addresses)
    return Shared(replaced, damaged, tuple(unknown))


def _collect(capture: Capture) -> Collector:
    """Every sensitive piece of the capture: one walk with the same code that replaces later."""
    collector = Collector()
    rewriter = BatchRewriter(collector, NOTHING_VOUCHED)
    for segment in capture.segments:
        _rewrite_header(segment, segment.manifest.id, collector)
        for text in (segment.manifest.node_name, segment.manifest.boot_id):
            collector.see(text)
        for table in _known_tables(segment):
            for batch in _whole_batches(segment, table):
                rewriter.rewrite_batch(TABLE_BY_NAME[table], batch)
                collect_ports(batch, collector)
    for because in (capture.info.frozen_because, *(part.frozen_because for part in capture.info.merged)):
        collector.see(because or "")
    return collector


def _vouching_of(originals: Collector) -> Vouching:
    return Vouching(originals.is_known_name, originals.is_known_token, originals.ports.__contains__)


def _write_segment(parent: Path, number: int, segment: Segment, rewriter: BatchRewriter, key: bytes) -> Path:
    def rewritten(table: str) -> Iterator[pa.RecordBatch]:
        for batch in _whole_batches(segment, table):
            yield rewriter.rewrite_batch(TABLE_BY_NAME[table], batch)

    name = f"segment-{number:06d}"
    header = _rewrite_header(segment, _keyed_digest(key, segment.manifest.id), rewriter.replacement)
    seal_segment(parent, name, header, rewritten, _known_tables(segment))
    return parent / name


def _rewrite_header(segment: Segment, new_id: str, replacement: Replacement) -> SegmentHeader:
    manifest = segment.manifest
    return SegmentHeader(
        id=new_id,
        node_name=rewrite_name(manifest.node_name, replacement),
        boot_id=rewrite_identifier(manifest.boot_id, replacement),
        created_by=_program_of(manifest.created_by),
        clocks=manifest.clocks,
        catalog_version=manifest.catalog_version,
    )


def _keyed_digest(key: bytes, text: str) -> str:
    """32 hexadecimal digits that only the key makes of the text. Why: of one key, one segment stays one segment."""
    return hashlib.blake2b(text.encode(), key=key, digest_size=16).hexdigest()


def _rewrite_info(info: CaptureInfo, rewriter: BatchRewriter, fingerprint: str) -> CaptureInfo:
    return msgspec.structs.replace(
        info,
        id="",
        created_by=_program_of(info.created_by),
        cut=_rewrite_cut(info.cut),
        frozen_because=_rewrite_reason(info.frozen_because, rewriter),
        merged=tuple(
            msgspec.structs.replace(
                part,
                capture=None,
                created_by=_program_of(part.created_by),
                cut=_rewrite_cut(part.cut),
                frozen_because=_rewrite_reason(part.frozen_because, rewriter),
            )
            for part in info.merged
        ),
        anonymized_with=fingerprint,
    )


def _rewrite_cut(cut: Cut | None) -> Cut | None:
    return None if cut is None else msgspec.structs.replace(cut, capture=None, pattern=None)


def _rewrite_reason(because: str | None, rewriter: BatchRewriter) -> str | None:
    return None if because is None else reduce_note(because, rewriter.replacement, rewriter.vouching)


def _program_of(created_by: str) -> str:
    """The program and version that wrote a file, unless the text says anything else."""
    return created_by if _PROGRAM.fullmatch(created_by) else ""


def _refuse_leaks(draft: Path, originals: Originals, target: Path) -> None:
    leaks: list[Leak] = []
    for leak in find_leaks(list_texts(open_capture(draft)), originals):
        leaks.append(leak)
        if len(leaks) == _LEAKS:
            break
    if leaks:
        places = ", ".join(sorted({f"{leak.where}: {leak.kind}" for leak in leaks})[:_PLACES])
        raise OutputError(
            f"the scan of the copy found {len(leaks):,} original values ({places}), so the file was not released",
            where=str(target),
            next_step="please report this; the values are not printed here on purpose",
        )


def _known_tables(segment: Segment) -> list[str]:
    return [table for table in segment.tables if table in TABLE_BY_NAME]


def _whole_batches(segment: Segment, table: str) -> Iterator[pa.RecordBatch]:
    for batch in segment.batches(table):
        if not isinstance(batch, Damage):
            yield batch
