"""Promises of the dataset: any tool opens it, the next run reads back what was written, and nothing else is taken for it."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analyzer.corpus.capture_rows import CaptureRows
from analyzer.corpus.dataset import read_dataset, write_dataset
from analyzer.corpus.occurrences import find_occurrences
from formats.errors import FormatError, OutputError
from tests.analyzer.corpus.hand_made import at, capture, finding, fixed

ROWS = [
    CaptureRows(capture("a", 0, 10), (finding("a", 0, 5, 10, workloads=("Deployment shop/cache",), **fixed(4)),)),
    CaptureRows(capture("b", 60, 70), (finding("b", 60, None, 70),)),
    CaptureRows(capture("c", 60, 70, problem="c.tapio: it is damaged"), ()),
]


def write(directory, rows=ROWS):
    write_dataset(directory, rows, find_occurrences(one for each in rows for one in each.findings))
    return directory


def test_what_was_written_is_read_back(tmp_path):
    assert read_dataset(write(tmp_path / "corpus")) == ROWS


def test_the_same_rows_in_another_order_are_the_same_bytes(tmp_path):
    one, other = write(tmp_path / "one"), write(tmp_path / "other", ROWS[::-1])
    names = sorted(path.name for path in one.iterdir())
    assert names == ["captures.parquet", "findings.parquet", "occurrences.parquet"]
    for name in names:
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_duckdb_reads_names_times_and_lists(tmp_path):
    write(tmp_path)
    rows = duckdb.sql(
        f"""
        SELECT path, failure, f.begin = TIMESTAMPTZ '{at(0)}', ended_by, workloads[1]
        FROM '{tmp_path}/findings.parquet' AS f JOIN '{tmp_path}/captures.parquet' USING (file) WHERE NOT is_ongoing
        """
    ).fetchall()
    assert rows == [("a.tapio", "config-out-of-memory", True, "kubectl-edit", "Deployment shop/cache")]


def test_times_are_timestamps_in_utc_for_other_tools(tmp_path):
    write(tmp_path)
    table = pq.read_table(tmp_path / "occurrences.parquet")
    assert table.schema.field("begin").type == pa.timestamp("ns", "UTC")
    assert table["recurrence"].to_pylist() == [None, "after-fix"]


def test_a_directory_without_dataset_is_empty(tmp_path):
    assert read_dataset(tmp_path / "missing") == []


@pytest.mark.parametrize("content", [b"", b"PAR1 not really", b"\0" * 100])
def test_a_file_that_is_no_dataset_is_refused(content, tmp_path):
    (write(tmp_path) / "captures.parquet").write_bytes(content)
    with pytest.raises(FormatError, match="the dataset cannot be read"):
        read_dataset(tmp_path)


def test_a_table_of_somebody_else_is_refused(tmp_path):
    pq.write_table(pa.table({"file": ["a"]}), tmp_path / "captures.parquet")
    pq.write_table(pa.table({"file": ["a"]}), tmp_path / "findings.parquet")
    with pytest.raises(FormatError, match="not a corpus of this version"):
        read_dataset(tmp_path)


def test_a_dataset_that_cannot_be_written_stays_as_it_was(tmp_path):
    write(tmp_path, ROWS[:1])
    (tmp_path / "occurrences.parquet").unlink()
    (tmp_path / "occurrences.parquet").mkdir()
    with pytest.raises(OutputError):
        write(tmp_path)
    assert [one.capture.file for one in read_dataset(tmp_path)] == ["a"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
