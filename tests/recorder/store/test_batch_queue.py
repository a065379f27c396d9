"""The queue: numbers are dense, the bound holds, and what is given up is handed over to be counted."""

from __future__ import annotations

import pytest

from formats.errors import TapioError
from formats.tables import interface_state, pressure
from recorder.store.batch_queue import BatchQueue, concat_by_table
from recorder.wall_clock import WallClock
from tests.recorder.recorder_fakes import make_rows


def make_queue(max_bytes: int = 1 << 20, **next_seq: int) -> BatchQueue:
    return BatchQueue("n1", WallClock(1_000), max_bytes=max_bytes, next_seq=next_seq)


def test_numbers_go_on_and_a_new_journal_begins_with_the_first_that_waits():
    queue = make_queue(pressure=7)
    queue.add(pressure.TABLE, make_rows([]))
    assert len(queue) == 0
    queue.add(pressure.TABLE, make_rows([1, 2]))
    queue.add(pressure.TABLE, make_rows([3]))
    assert queue.numbers == {"pressure": 10}
    assert queue.first_unwritten() == {"pressure": 7}
    queue.remove(queue.waiting()[:1])
    assert queue.first_unwritten() == {"pressure": 9}
    queue.remove(queue.waiting())
    assert queue.first_unwritten() == {"pressure": 10}
    assert queue.bytes == 0


def test_a_batch_of_another_table_takes_no_number():
    queue = make_queue()
    with pytest.raises(TapioError):
        queue.add(interface_state.TABLE, make_rows([1]))
    assert (queue.numbers, len(queue), queue.bytes) == ({}, 0, 0)


def test_the_oldest_is_given_up_first_and_the_bound_holds():
    # GIVEN a bound of three batches
    size = make_queue()
    size.add(pressure.TABLE, make_rows([0]))
    queue = make_queue(max_bytes=3 * size.bytes)
    # WHEN five wait
    for time in range(5):
        queue.add(pressure.TABLE, make_rows([time]))
    dropped = queue.drop_excess()
    # THEN the two oldest go, with the time that they are of
    assert [(item.from_boot_ns, item.to_boot_ns) for item in dropped] == [(0, 0), (1, 1)]
    assert [item.from_boot_ns for item in queue.waiting()] == [2, 3, 4]
    assert queue.bytes == 3 * size.bytes
    assert queue.drop_excess() == []


def test_batches_of_a_table_become_one_until_a_frame_is_full(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("recorder.store.batch_queue.FRAME_ROWS", 4)
    queue = make_queue()
    for rows in (3, 1, 2, 9):
        queue.add(pressure.TABLE, make_rows([1] * rows))
    assert [batch.num_rows for batch in concat_by_table(queue.waiting())] == [4, 2, 9]
