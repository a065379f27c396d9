"""The queue and the journal: numbers are dense, disks are believed, and every row is recorded or counted as lost."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from formats.errors import StorageError, TapioError
from formats.journal.reading import JournalFrame, open_journal
from formats.loss import LossReason
from formats.tables import interface_state, pressure
from recorder.config import JournalConfig
from recorder.ledger import LossEntry, LossLedger
from recorder.store.journaling import Journaling
from recorder.store.layout import DataDirectory
from recorder.store.node import Node
from recorder.store.sequences import read_newest_sequences
from recorder.wall_clock import WallClock
from tests.recorder.recorder_fakes import SECOND, make_rows

NODE = Node("n1", "00000000-1111-2222-3333-444444444444")
START = 100 * SECOND


class SickDisk:
    """Makes the system calls of journals fail on demand, and notes syncs of a file after a sync of it failed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.write_error = 0
        self.sync_error = 0
        self.short = 0
        self.failed_syncs: list[int] = []
        self.synced_after_failure: list[int] = []
        self._write, self._sync = os.write, os.fdatasync
        monkeypatch.setattr(os, "write", self.write)
        monkeypatch.setattr(os, "fdatasync", self.fdatasync)

    def write(self, fd: int, data: bytes) -> int:
        if self.short:
            part, self.short = data[: self.short], 0
            return self._write(fd, part)
        if self.write_error:
            raise OSError(self.write_error, os.strerror(self.write_error))
        return self._write(fd, data)

    def fdatasync(self, fd: int) -> None:
        file = os.fstat(fd).st_ino
        if file in self.failed_syncs:
            self.synced_after_failure.append(file)
        if self.sync_error:
            self.failed_syncs.append(file)
            raise OSError(self.sync_error, os.strerror(self.sync_error))
        self._sync(fd)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> SickDisk:
    return SickDisk(monkeypatch)


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    found = DataDirectory(tmp_path / "data")
    found.create()
    return found


def make_journaling(
    directory: DataDirectory, ledger: LossLedger, queue_bytes: int = 1 << 20, **next_seq: int
) -> Journaling:
    wall_clock = WallClock(1_700_000_000 * SECOND)
    return Journaling(
        directory, JournalConfig(), NODE, wall_clock, queue_bytes=queue_bytes, ledger=ledger, next_seq=next_seq
    )


def read_rows(directory: DataDirectory, table: str = "pressure") -> Iterator[dict[str, object]]:
    for path in sorted(directory.journals.glob("*.journal")):
        for frame in open_journal(path).items():
            assert isinstance(frame, JournalFrame), frame
            if frame.table == table:
                yield from frame.batch.to_pylist()


def test_numbers_are_dense_over_flushes_and_go_on_where_they_ended(directory: DataDirectory):
    # GIVEN numbers of a run before
    journaling = make_journaling(directory, LossLedger(), pressure=7)

    # WHEN batches come between flushes
    for second in range(3):
        journaling.add(pressure.TABLE, make_rows([START + second * SECOND] * 2))
        journaling.add(pressure.TABLE, make_rows([START + second * SECOND]))
        journaling.flush(START + second * SECOND, at_once=True)
    journaling.close(START + 3 * SECOND)

    # THEN the rows have dense numbers, the node and the wall clock
    rows = list(read_rows(directory))
    assert [row["event_seq"] for row in rows] == list(range(7, 16))
    assert {row["k8s.node.name"] for row in rows} == {"n1"}
    assert rows[0]["time_unix_nano"] == START + 1_700_000_000 * SECOND
    assert journaling.acknowledged == {"pressure": 16}
    assert read_newest_sequences(directory) == {"pressure": 7}
    (closed,) = journaling.take_closed()
    assert closed.name.begin_boot_ns == START
    assert closed.name.end_boot_ns == START + 2 * SECOND


def test_it_syncs_when_the_interval_is_over_or_at_once(directory: DataDirectory, disk: SickDisk):
    journaling = make_journaling(directory, LossLedger())
    journaling.add(pressure.TABLE, make_rows([START]))
    journaling.flush(START)
    assert journaling.acknowledged == {"pressure": 1}
    journaling.add(pressure.TABLE, make_rows([START + 1]))
    journaling.flush(START + SECOND // 2)
    assert journaling.acknowledged == {"pressure": 1}, "not yet"
    journaling.flush(START + SECOND // 2, at_once=True)
    assert journaling.acknowledged == {"pressure": 2}
    journaling.add(pressure.TABLE, make_rows([START + 2]))
    journaling.flush(START + 2 * SECOND)
    assert journaling.acknowledged == {"pressure": 3}


def test_losses_are_written_first_and_merge_until_they_are(directory: DataDirectory):
    # GIVEN many losses of one kind
    ledger = LossLedger()
    for second in range(100):
        ledger.add(LossEntry("tcp", LossReason.KERNEL_RING_FULL, 3, second, second + 1))
    journaling = make_journaling(directory, ledger)
    journaling.add(pressure.TABLE, make_rows([START]))

    # WHEN they are flushed
    journaling.flush(START, at_once=True)

    # THEN they are one row, in the first frame
    (path,) = directory.journals.glob("*.journal")
    frames = [item for item in open_journal(path).items() if isinstance(item, JournalFrame)]
    assert [frame.table for frame in frames] == ["loss", "pressure"]
    (row,) = frames[0].batch.to_pylist()
    assert (row["loss.count"], row["loss.from_boot_ns"], row["loss.to_boot_ns"]) == (300, 0, 100)
    assert len(ledger) == 0


def test_a_full_disk_loses_nothing_while_the_queue_has_room(directory: DataDirectory, disk: SickDisk):
    # GIVEN something that is safe, and a disk that is full now, in the middle of a write
    journaling = make_journaling(directory, LossLedger())
    journaling.add(pressure.TABLE, make_rows([START]))
    journaling.flush(START, at_once=True)
    disk.write_error, disk.short = errno.ENOSPC, 100

    # WHEN more comes, and later there is space again
    for second in range(1, 5):
        journaling.add(pressure.TABLE, make_rows([START + second * SECOND]))
        journaling.flush(START + second * SECOND, at_once=True)
    assert "No space left" in journaling.problem
    disk.write_error = 0
    journaling.flush(START + 10 * SECOND, at_once=True)

    # THEN everything is there, in whole journals without damage
    assert [row["event_seq"] for row in read_rows(directory)] == [0, 1, 2, 3, 4]
    assert journaling.problem == ""
    assert journaling.acknowledged == {"pressure": 5}


def test_what_does_not_fit_the_queue_is_counted_exactly(directory: DataDirectory, disk: SickDisk):
    # GIVEN a full disk and a small queue
    ledger = LossLedger()
    journaling = make_journaling(directory, ledger, queue_bytes=20_000)
    disk.write_error = errno.ENOSPC

    # WHEN more comes than fits
    for second in range(200):
        journaling.add(pressure.TABLE, make_rows([START + second * SECOND] * 10))
        journaling.flush(START + second * SECOND, at_once=True)
        assert journaling.queued_bytes <= 20_000
    disk.write_error = 0
    journaling.flush(START + 300 * SECOND, at_once=True)

    # THEN recorded and lost add up, and the loss is placed in time
    recorded = len(list(read_rows(directory)))
    (loss,) = read_rows(directory, "loss")
    assert recorded + loss["loss.count"] == 2_000
    assert recorded > 0
    assert loss["loss.reason"] == "disk_full"
    assert loss["loss.from_boot_ns"] == START


def test_a_failed_sync_is_believed(directory: DataDirectory, disk: SickDisk):
    # GIVEN three rows that are safe, and two that are written when the sync fails
    ledger = LossLedger()
    journaling = make_journaling(directory, ledger)
    journaling.add(pressure.TABLE, make_rows([START, START + 1, START + 2]))
    journaling.flush(START, at_once=True)
    (first,) = directory.journals.glob("*.journal")
    ledger.add(LossEntry("tcp", LossReason.KERNEL_RING_FULL, 5, 0, START))
    journaling.add(pressure.TABLE, make_rows([START + 3, START + 4]))
    disk.sync_error = errno.EIO
    journaling.flush(START + SECOND, at_once=True)

    # WHEN the disk is well again
    disk.sync_error = 0
    journaling.add(pressure.TABLE, make_rows([START + 5]))
    journaling.flush(START + 5 * SECOND, at_once=True)
    journaling.close(START + 6 * SECOND)

    # THEN that file is set aside and never synced again
    assert (directory.quarantine / first.name).exists()
    assert disk.synced_after_failure == []
    # AND what was safe is kept, what was not is lost and counted, also the losses that it told of
    assert [row["event_seq"] for row in read_rows(directory)] == [0, 1, 2, 5]
    losses = {row["loss.table"]: row for row in read_rows(directory, "loss")}
    assert losses["pressure"]["loss.count"] == 2
    assert losses["pressure"]["loss.reason"] == "disk_error"
    assert (losses["pressure"]["loss.from_boot_ns"], losses["pressure"]["loss.to_boot_ns"]) == (START + 3, START + 4)
    assert losses["tcp"]["loss.count"] == 5
    assert len(journaling.take_closed()) == 2


def test_a_disk_that_takes_no_new_file_is_tried_again(directory: DataDirectory, monkeypatch: pytest.MonkeyPatch):
    # GIVEN a directory that cannot be written
    journaling = make_journaling(directory, LossLedger())
    journaling.add(pressure.TABLE, make_rows([START]))
    attempts = []

    def refuse(path: Path, header: object) -> None:
        attempts.append(path)
        raise StorageError("the journal cannot be created", errno=errno.EROFS)

    with monkeypatch.context() as patch:
        patch.setattr("recorder.store.open_journal.JournalWriter", refuse)
        for tenth in range(20):
            journaling.flush(START + tenth * SECOND // 10, at_once=True)

    # THEN it was asked once a second, and the row waits
    assert len(attempts) == 2
    assert journaling.open_path is None
    journaling.flush(START + 60 * SECOND, at_once=True)
    assert [row["event_seq"] for row in read_rows(directory)] == [0]


def test_a_batch_of_another_schema_is_refused_and_takes_no_number(directory: DataDirectory):
    journaling = make_journaling(directory, LossLedger())
    with pytest.raises(TapioError):
        journaling.add(interface_state.TABLE, make_rows([START]))
    with pytest.raises(TapioError):
        journaling.add(pressure.TABLE, pa.RecordBatch.from_pydict({"a": [1]}))
    assert journaling.next_seq("interface_state") == 0


def test_a_row_that_no_frame_takes_is_lost_alone(directory: DataDirectory, monkeypatch: pytest.MonkeyPatch):
    # GIVEN a limit that one row breaks
    ledger = LossLedger()
    journaling = make_journaling(directory, ledger)
    giant = make_rows([START])
    monkeypatch.setattr("formats.limits.FRAME_WRITE_BYTES", 10)
    monkeypatch.setattr("formats.limits.TEXT_BYTES", 10)
    journaling.add(pressure.TABLE, giant)

    # WHEN it is flushed
    journaling.flush(START, at_once=True)
    monkeypatch.undo()
    journaling.add(pressure.TABLE, make_rows([START + 1]))
    journaling.flush(START + 5 * SECOND, at_once=True)

    # THEN it is counted as rejected, and what comes after it is recorded
    assert [row["event_seq"] for row in read_rows(directory)] == [1]
    (loss,) = read_rows(directory, "loss")
    assert (loss["loss.reason"], loss["loss.count"]) == ("rejected", 1)


def test_a_journal_without_rows_leaves_nothing(directory: DataDirectory):
    journaling = make_journaling(directory, LossLedger())
    assert journaling.begin(START)
    assert journaling.is_full(START + 3_600 * SECOND)
    journaling.close(START)
    assert journaling.take_closed() == []
    assert list(directory.journals.iterdir()) == []


def test_a_journal_is_full_by_size_rows_or_age(directory: DataDirectory, monkeypatch: pytest.MonkeyPatch):
    journaling = make_journaling(directory, LossLedger())
    assert not journaling.is_full(START), "there is none"
    journaling.add(pressure.TABLE, make_rows([START] * 10))
    journaling.flush(START, at_once=True)
    assert not journaling.is_full(START)
    assert journaling.is_full(START + 600 * SECOND)
    with monkeypatch.context() as patch:
        patch.setattr("recorder.store.journaling._MAX_ROWS", 10)
        assert journaling.is_full(START)
    monkeypatch.setattr(journaling, "_config", JournalConfig(max_bytes=journaling.open_bytes))
    assert journaling.is_full(START)
