"""Rows between threads: in order, with the time at which they came, bounded by bytes."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from recorder.row_queue import RowQueue


@dataclass(frozen=True)
class Row:
    """A row of a given size."""

    name: str
    stored_bytes: int = 10


def make_queue(capacity: int = 25) -> RowQueue[Row]:
    return RowQueue(capacity, itertools.count(100).__next__)


def test_rows_come_out_in_order_with_the_time_of_their_put() -> None:
    queue = make_queue()
    queue.put([Row("a"), Row("b")])
    queue.put([Row("c")])
    assert [(at, row.name) for at, row in queue.take(2)] == [(100, "a"), (100, "b")]
    assert [(at, row.name) for at, row in queue.take(9)] == [(101, "c")]
    assert queue.take(1) == []
    assert queue.put_rows == 3


def test_room_is_counted_in_bytes_and_comes_back_with_what_is_taken() -> None:
    queue = make_queue(capacity=25)
    queue.put([Row("a"), Row("b")])
    assert queue.wait_for_room(0)
    queue.put([Row("c")])
    assert not queue.wait_for_room(0)
    queue.take(1)
    assert queue.wait_for_room(0)


def test_one_message_larger_than_the_queue_is_taken_whole() -> None:
    queue = make_queue(capacity=25)
    assert queue.wait_for_room(0)
    queue.put([Row("a", 1_000)])
    assert not queue.wait_for_room(0)
    assert [row.name for _, row in queue.take(1)] == ["a"]


def test_closed_queue_lets_nobody_wait() -> None:
    queue = make_queue(capacity=1)
    queue.put([Row("a")])
    queue.close()
    assert queue.wait_for_room(3600)
