"""The store is ready when it is open, goes on where the one before ended, and lets go of its directory at its end."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from formats.capture.reading import open_capture
from formats.errors import ConfigurationError, UnavailableError
from formats.loss import LossReason
from formats.tables import oom, pressure
from recorder.config import HostConfig
from recorder.ledger import LossEntry
from recorder.store.store import Store
from recorder.wall_clock import WallClock
from tests.recorder.recorder_fakes import SECOND, FakeClock, make_config, make_rows

pytestmark = pytest.mark.usefixtures("inline_children")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def open_store(data: Path, clock: FakeClock, log: list[str] | None = None, **changes) -> Store:
    wall_clock = WallClock(1_700_000_000 * SECOND)
    return Store.open(make_config(data, **changes), wall_clock, clock(), log=[].append if log is None else log.append)


def read(data: Path, table: str) -> list[dict[str, object]]:
    capture = open_capture(data / "ring")
    assert list(capture.verify()) == []
    return [row for batch in capture.batches(table) for row in batch.to_pylist()]


def test_a_store_goes_on_where_the_one_before_ended(tmp_path: Path, clock: FakeClock):
    # GIVEN a store with rows and a loss
    store = open_store(tmp_path, clock)
    store.note_downtime(["pressure"], clock())
    assert store.add(pressure.TABLE, make_rows([clock()] * 3), clock())
    store.note_losses([LossEntry("tcp", LossReason.REJECTED, 2, 0, clock())])
    store.flush(clock(), at_once=True)
    assert store.acknowledged == {"pressure": 3, "loss": 1}
    store.close(clock)
    # WHEN it is opened again
    clock.pass_seconds(60)
    second = open_store(tmp_path, clock)
    # THEN numbers go on, and the time between is a loss
    assert second.next_seq("pressure") == 3
    assert second.describe(clock()).segments == 1
    second.note_downtime(["pressure"], clock())
    second.close(clock)
    losses = read(tmp_path, "loss")
    assert [(row["loss.table"], row["loss.reason"], row["loss.count"]) for row in losses] == [
        ("tcp", "rejected", 2),
        ("pressure", "recorder_down", None),
    ], "the first start had nothing before it"
    assert losses[1]["loss.to_boot_ns"] - losses[1]["loss.from_boot_ns"] == 60 * SECOND


def test_one_directory_has_one_store_until_it_is_closed(tmp_path: Path, clock: FakeClock):
    store = open_store(tmp_path, clock)
    with pytest.raises(UnavailableError, match="another recorder"):
        open_store(tmp_path, clock)
    store.close(clock)
    open_store(tmp_path, clock).close(clock)


def test_a_batch_of_another_table_is_counted_and_logged(tmp_path: Path, clock: FakeClock):
    log: list[str] = []
    store = open_store(tmp_path, clock, log)
    assert not store.add(oom.TABLE, make_rows([clock()] * 2), clock())
    assert store.describe(clock()).losses == (("oom", "rejected", 2),)
    assert len(log) == 1
    assert log[0].startswith("source oom: ")
    store.close(clock)


def test_a_segment_that_ends_is_sealed_and_the_next_one_begins(tmp_path: Path, clock: FakeClock):
    store = open_store(tmp_path, clock)
    store.add(pressure.TABLE, make_rows([clock()]), clock())
    store.flush(clock(), at_once=True)
    assert not store.wants_new_segment(clock())
    clock.pass_seconds(60)
    assert store.wants_new_segment(clock())
    store.end_segment(clock())
    assert store.open_journal is None
    assert store.describe(clock()).unsealed_journals == 1
    for _ in range(2):  # one call starts the child, the next one takes over what it made
        store.advance(clock())
    status = store.describe(clock())
    assert (status.segments, status.unsealed_journals, status.written) == (1, 0, {"pressure": 1})
    store.close(clock)


def test_without_a_boot_id_nothing_is_touched(tmp_path: Path, clock: FakeClock):
    (tmp_path / "proc").mkdir()
    with pytest.raises(ConfigurationError, match="boot"):
        open_store(tmp_path / "data", clock, host=HostConfig(proc=tmp_path / "proc"))
    assert not (tmp_path / "data").exists()


def test_rows_that_no_reader_accepts_are_a_loss_and_their_journal_is_kept(tmp_path: Path, clock: FakeClock):
    # GIVEN rows without a value that their table requires, which no source may give, between rows that are right
    log: list[str] = []
    store = open_store(tmp_path, clock, log)
    rows = make_rows([clock()] * 2)
    place = rows.schema.get_field_index("cgroup_id")
    wrong = rows.set_column(place, rows.schema.field(place), pa.nulls(2, rows.schema.field(place).type))
    begin = clock()
    for batch in (rows, wrong, rows):
        assert store.add(pressure.TABLE, batch, clock())
        store.flush(clock(), at_once=True)
        clock.pass_seconds(1)
    # WHEN the segment is sealed
    store.end_segment(clock())
    for _ in range(2):
        store.advance(clock())
    # THEN the others are in it, the journal is kept for people, and the log says so
    assert len(read(tmp_path, "pressure")) == 4
    assert len(list((tmp_path / "quarantine").iterdir())) == 1
    assert any("2 events of pressure cannot be read" in line for line in log), log
    # AND the next segment has the loss, with the time of the frame
    store.close(clock)
    (loss,) = read(tmp_path, "loss")
    assert (loss["loss.table"], loss["loss.reason"], loss["loss.count"]) == ("pressure", "damaged", 2)
    assert begin <= loss["loss.from_boot_ns"] <= loss["loss.to_boot_ns"] < clock()
