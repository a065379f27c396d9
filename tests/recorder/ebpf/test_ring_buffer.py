"""The mapped ring, on a mapping made in memory that the test writes as the kernel would."""

from __future__ import annotations

import mmap
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.errors import TapioError
from recorder.ebpf.ring_buffer import BUSY, DISCARDED, RingBuffer

RECORD = np.dtype([("number", "<u8"), ("name", "S4"), ("small", "<u4")])
SLOT = 8 + RECORD.itemsize
SIZE = 4096


class KernelHand:
    """Writes records into a ring's memory as bpf_ringbuf_reserve and bpf_ringbuf_submit do."""

    def __init__(self) -> None:
        self.consumer = mmap.mmap(-1, mmap.PAGESIZE)
        self.memory = mmap.mmap(-1, mmap.PAGESIZE + 2 * SIZE)
        self.produced = 0

    def start_at(self, position: int) -> None:
        self.produced = position
        self.consumer[:8] = struct.pack("<Q", position)
        self.memory[:8] = struct.pack("<Q", position)

    def write(self, number: int, flags: int = 0, length: int = RECORD.itemsize) -> int:
        at = self.produced
        self._store(at, struct.pack("<IIQ4sI", length | flags, 0, number, b"ab", 7))
        self.produced += SLOT
        self.memory[:8] = struct.pack("<Q", self.produced)
        return at

    def finish(self, at: int) -> None:
        self._store(at, struct.pack("<I", RECORD.itemsize))

    def _store(self, at: int, content: bytes) -> None:
        for index, byte in enumerate(content):  # the data is mapped twice: each byte shows at two places
            place = (at + index) % SIZE
            self.memory[mmap.PAGESIZE + place] = byte
            self.memory[mmap.PAGESIZE + SIZE + place] = byte

    def consumed(self) -> int:
        return int(struct.unpack("<Q", self.consumer[:8])[0])


@pytest.fixture
def hand() -> KernelHand:
    return KernelHand()


@pytest.fixture
def ring(hand: KernelHand):
    opened = RingBuffer(hand.consumer, hand.memory, RECORD)
    yield opened
    opened.close()


def test_an_empty_ring_gives_an_empty_array_of_the_record(ring: RingBuffer) -> None:
    # WHEN
    records = ring.take(100)

    # THEN
    assert records.dtype == RECORD
    assert len(records) == 0


def test_finished_records_come_in_order_and_their_place_is_freed(hand: KernelHand, ring: RingBuffer) -> None:
    # GIVEN
    for number in range(5):
        hand.write(number)

    # WHEN
    records = ring.take(100)

    # THEN
    assert records["number"].tolist() == [0, 1, 2, 3, 4]
    assert set(records["name"].tolist()) == {b"ab"}
    assert hand.consumed() == hand.produced
    assert ring.waiting_bytes() == 0


def test_what_comes_after_a_mark_waits_for_the_next_one(hand: KernelHand, ring: RingBuffer) -> None:
    # GIVEN
    hand.write(0)
    ring.mark()
    hand.write(1)

    # WHEN
    before = [ring.take(100)["number"].tolist() for _ in range(2)]
    ring.mark()
    after = ring.take(100)["number"].tolist()

    # THEN
    assert before == [[0], []]
    assert after == [1]


def test_records_that_wrap_around_the_end_are_read_whole(hand: KernelHand, ring: RingBuffer) -> None:
    # GIVEN a position from which the second record crosses the end of the data
    hand.start_at(SIZE * 3 - SLOT - 8)
    for number in range(4):
        hand.write(number)

    # WHEN
    records = ring.take(100)

    # THEN
    assert records["number"].tolist() == [0, 1, 2, 3]
    assert set(records["small"].tolist()) == {7}


def test_a_record_that_is_still_written_holds_back_those_behind_it(hand: KernelHand, ring: RingBuffer) -> None:
    # GIVEN
    hand.write(0)
    unfinished = hand.write(1, BUSY)
    hand.write(2)

    # WHEN
    first = ring.take(100)
    hand.finish(unfinished)
    second = ring.take(100)

    # THEN
    assert first["number"].tolist() == [0]
    assert second["number"].tolist() == [1, 2]


def test_a_first_record_that_is_still_written_gives_nothing_and_frees_nothing(
    hand: KernelHand, ring: RingBuffer
) -> None:
    # GIVEN
    hand.write(0, BUSY)

    # WHEN
    records = ring.take(100)

    # THEN
    assert len(records) == 0
    assert hand.consumed() == 0


def test_discarded_records_are_left_out_and_their_place_is_freed(hand: KernelHand, ring: RingBuffer) -> None:
    # GIVEN
    hand.write(0)
    hand.write(1, DISCARDED)
    hand.write(2)

    # WHEN
    records = ring.take(100)

    # THEN
    assert records["number"].tolist() == [0, 2]
    assert hand.consumed() == 3 * SLOT


def test_the_limit_leaves_the_rest_for_the_next_call(hand: KernelHand, ring: RingBuffer) -> None:
    # GIVEN
    for number in range(5):
        hand.write(number)

    # WHEN
    taken = [ring.take(2)["number"].tolist() for _ in range(4)]

    # THEN
    assert taken == [[0, 1], [2, 3], [4], []]


def test_records_stay_good_after_their_place_is_written_again(hand: KernelHand, ring: RingBuffer) -> None:
    # GIVEN
    hand.write(1)
    records = ring.take(100)

    # WHEN the kernel goes once around
    for number in range(SIZE // SLOT):
        hand.write(1_000 + number)

    # THEN
    assert records["number"].tolist() == [1]


@pytest.mark.parametrize("length", [0, RECORD.itemsize - 8, RECORD.itemsize + 8, 0x3FFF_FFFF])
def test_a_record_of_another_length_is_an_error_that_names_both(
    hand: KernelHand, ring: RingBuffer, length: int
) -> None:
    # GIVEN
    hand.write(0, length=length)

    # WHEN, THEN
    with pytest.raises(TapioError, match=f"a record of {length:,} bytes in a ring of 4,096 bytes with records of 16"):
        ring.take(100)
    assert hand.consumed() == 0


@pytest.mark.parametrize("producer", [SIZE + 8, 2**63, 2**64 - 8])
def test_a_producer_position_beyond_the_ring_is_an_error(hand: KernelHand, ring: RingBuffer, producer: int) -> None:
    # GIVEN
    hand.memory[:8] = struct.pack("<Q", producer)

    # WHEN, THEN
    with pytest.raises(TapioError, match="producer position"):
        ring.take(100)


def test_a_record_is_padded_to_eight_bytes_as_the_kernel_does() -> None:
    # GIVEN
    odd = np.dtype([("number", "<u4")])
    hand = KernelHand()
    ring = RingBuffer(hand.consumer, hand.memory, odd)
    for index in range(2):
        hand._store(index * 16, struct.pack("<IIII", 4, 0, 40 + index, 0xDEAD))
    hand.memory[:8] = struct.pack("<Q", 32)

    # WHEN
    records = ring.take(100)
    ring.close()

    # THEN
    assert records["number"].tolist() == [40, 41]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["write", "busy", "discard", "finish", "take"]), st.integers(1, 9)), max_size=60)
)
def test_any_history_gives_every_kept_record_once_and_in_order(history: list[tuple[str, int]]) -> None:
    # GIVEN
    hand = KernelHand()
    ring = RingBuffer(hand.consumer, hand.memory, RECORD)
    kept: list[int] = []
    unfinished: list[int] = []
    given_back: list[int] = []
    written = 0

    # WHEN
    for action, argument in history:
        has_room = hand.produced - hand.consumed() + SLOT <= SIZE
        if action == "take":
            given_back += ring.take(argument)["number"].tolist()
        elif action == "finish" and unfinished:
            hand.finish(unfinished.pop(0))
        elif has_room and action in ("write", "busy", "discard"):
            at = hand.write(written, {"write": 0, "busy": BUSY, "discard": DISCARDED}[action])
            if action == "busy":
                unfinished.append(at)
            if action != "discard":
                kept.append(written)
            written += 1
    for at in unfinished:
        hand.finish(at)
    given_back += ring.take(10_000)["number"].tolist()
    ring.close()

    # THEN
    assert given_back == kept
