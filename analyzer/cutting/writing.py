"""Writes some of the rows of a capture as a capture of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa

from analyzer.cutting.rows import Mask, TableRows, count_rows
from formats.capture.info import Cut
from formats.capture.reading import Capture
from formats.capture.writing import write_capture
from formats.journal.layout import digest_of
from formats.segment.sealing import SegmentHeader, seal_segment


def write_rows(
    target: Path,
    workspace: Path,
    capture: Capture,
    sources: Sequence[TableRows],
    kept: Sequence[Mask],
    *,
    pattern: str | None,
) -> None:
    """Write a capture of the kept rows. The same rows of the same capture give the same bytes.

    Numbers, times, nodes, boots and clocks stay as they were, so that evidence has the same ids. Only the ids of the
    segments are new.

    Args:
        target: the file.
        workspace: an empty directory for the segments.
        capture: the original.
        sources: its rows.
        kept: which of them are written.
        pattern: of the finding that it is cut for.
    """
    created_by = f"tapio cut {version('tapio')}"
    segments = []
    for number, segment in enumerate(capture.segments):
        own = {
            source.table: source.rows.filter(mask)
            for source, mask in zip(sources, kept, strict=True)
            if source.segment == number and mask.any()
        }
        if not own:
            continue
        manifest = segment.manifest
        digests = [
            np.packbits(mask).tobytes() for source, mask in zip(sources, kept, strict=True) if source.segment == number
        ]
        header = SegmentHeader(
            id=digest_of(bytes.fromhex(manifest.id), *digests).hex(),
            node_name=manifest.node_name,
            boot_id=manifest.boot_id,
            created_by=manifest.created_by,
            clocks=manifest.clocks,
            catalog_version=manifest.catalog_version,
        )
        name = f"segment-{number:06d}"
        seal_segment(workspace, name, header, partial(_batches, own), tuple(own))
        segments.append(workspace / name)
    rows = sum(source.rows.num_rows for source in sources)
    cut = Cut(capture.id, pattern, rows, rows - count_rows(kept))
    write_capture(target, segments, info=msgspec.structs.replace(capture.info, id="", created_by=created_by, cut=cut))


def _batches(rows: Mapping[str, pa.Table], table: str) -> Iterator[pa.RecordBatch]:
    return iter(rows[table].to_batches())
