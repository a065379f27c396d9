"""A sealed segment's files are standard Arrow: tools that know nothing of Tapio open them."""

from __future__ import annotations

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pytest

from formats.catalog import TABLES
from formats.segment.reading import open_segment
from tests.formats.recordings import make_batch, rows_of, seal


@pytest.fixture(scope="module")
def segment(tmp_path_factory):
    return seal(tmp_path_factory.mktemp("tools"), {table.name: [make_batch(table.name, 100)] for table in TABLES})


@pytest.mark.parametrize("table", [table.name for table in TABLES])
def test_pyarrow_reads_the_same_rows_as_we_do(segment, table):
    ours, _ = rows_of(open_segment(segment).batches(table))

    with pa.ipc.open_file(segment / f"{table}.arrow") as reader:
        theirs = reader.read_all()

    assert theirs.schema.equals(open_segment(segment).schema(table))
    assert theirs.to_pylist() == ours


@pytest.mark.parametrize("table", [table.name for table in TABLES])
def test_duckdb_counts_and_groups_them(segment, table):
    rows = pyarrow.dataset.dataset(segment / f"{table}.arrow", format="ipc")

    with duckdb.connect() as database:
        database.register("recorded", rows)
        counted = database.execute("SELECT count(*), min(boot_time_ns), max(event_seq) FROM recorded").fetchone()

    assert counted == (100, 1_000_000, 99)


@pytest.mark.parametrize("table", [table.name for table in TABLES])
def test_polars_opens_them(segment, table):
    ours, _ = rows_of(open_segment(segment).batches(table, ["event_name", "event_seq"]))

    frame = pl.read_ipc(segment / f"{table}.arrow", columns=["event_name", "event_seq"])

    assert frame.to_dicts() == ours
