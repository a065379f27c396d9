"""Promises of the rows of a capture and of their groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analyzer.cutting.rows import LOSS, count_rows, list_groups, read_rows
from analyzer.cutting.search import needed_rows
from analyzer.cutting.writing import write_rows
from formats.capture.reading import open_capture
from formats.loss import Damage
from tests.analyzer.capture_builder import CaptureBuilder


def capture_of(tmp_path: Path) -> Path:
    builder = CaptureBuilder(tmp_path)
    for second in range(40):
        builder.row("request", "request.responses", second, cgroup_id=second % 2 + 1, count=1)
    return builder.write()


def wound(path: Path, table: str) -> Path:
    """Damages the first batch of a table."""
    segment = open_capture(path).segments[0]
    place = path.read_bytes().index(
        segment.manifest.tables[[t.name for t in segment.manifest.tables].index(table)].head
    )
    batch = segment.batch_index(table)[0]
    content = bytearray(path.read_bytes())
    content[place + batch.offset + batch.length // 2] ^= 0xFF
    wounded = path.with_name("wounded.tapio")
    wounded.write_bytes(content)
    return wounded


@pytest.mark.parametrize("parts", [None, 1, 4, 16])
def test_every_row_that_is_not_needed_is_in_one_group(tmp_path: Path, parts: int | None) -> None:
    # GIVEN the rows of a capture, none of them needed
    sources = read_rows(open_capture(capture_of(tmp_path)))
    kept = [np.ones(source.rows.num_rows, np.bool_) for source in sources]
    # WHEN they are grouped
    groups = list_groups(sources, kept, needed_rows(sources, frozenset()), parts)
    # THEN each row is in exactly one group
    seen = [np.zeros(source.rows.num_rows, np.int64) for source in sources]
    for group in groups:
        for index, rows in group.rows:
            seen[index][rows] += 1
    assert all((count == (source.table != LOSS)).all() for source, count in zip(sources, seen, strict=True))
    requests = [group for group in groups if group.key[0] == "request"]
    assert len(requests) == {None: 1, 1: 2, 4: 8, 16: 32}[parts]


def test_a_group_with_an_event_of_the_chain_is_no_candidate(tmp_path: Path) -> None:
    sources = read_rows(open_capture(capture_of(tmp_path)))
    kept = [np.ones(source.rows.num_rows, np.bool_) for source in sources]
    needed = needed_rows(sources, frozenset({"request:node-1:3", "request:other:4", "oom:node-1:5"}))
    assert count_rows(needed) == 1
    keys = [group.key for group in list_groups(sources, kept, needed, 1)]
    assert [key[:2] for key in keys if key[0] == "request"] == [("request", "2")]


def test_damage_of_the_original_is_a_loss_of_the_copy(tmp_path: Path) -> None:
    # GIVEN a capture with a damaged batch
    path = wound(capture_of(tmp_path), "request")
    capture = open_capture(path)
    damage = [item for item in capture.batches("request") if isinstance(item, Damage)]
    assert len(damage) == 1
    # WHEN what can be read is written
    sources = read_rows(capture)
    (tmp_path / "work").mkdir()
    kept = [np.ones(source.rows.num_rows, np.bool_) for source in sources]
    write_rows(tmp_path / "copy.tapio", tmp_path / "work", capture, sources, kept, pattern=None)
    # THEN the copy is whole, and says how many rows of which time are missing
    copy = open_capture(tmp_path / "copy.tapio")
    assert list(copy.verify()) == []
    (total,) = copy.info.loss
    assert (total.table, total.reason, total.count) == ("request", "damaged", 40)
    (row,) = (row for batch in copy.batches("loss") for row in batch.to_pylist())
    ranges = capture.segments[0].batch_index("request")
    assert (row["loss.from_boot_ns"], row["loss.to_boot_ns"]) == (ranges[0].min_boot_ns, ranges[0].max_boot_ns)
