"""What is read of an object is fetched once, with what costs less to fetch with it, and nothing else."""

from __future__ import annotations

import os
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.remote.fetched_bytes import AHEAD_BYTES, GAP_BYTES, LEAST_BYTES, PIECE_BYTES, FetchedBytes, Intervals
from formats.errors import StorageError
from tests.recorder.store.uploads import make_content

KIB = 1 << 10
CONTENT = make_content(12 << 20)


class Store:
    """An object, and what was fetched of it."""

    def __init__(self, content: bytes = CONTENT) -> None:
        self.asked: list[list[tuple[int, int]]] = []
        self._content = content
        self.bytes = FetchedBytes(len(content), self.fetch, where="s3://b/x")

    def fetch(self, ranges):
        self.asked.append(list(ranges))
        return [self._content[offset : offset + length] for offset, length in ranges]

    def read(self, offset, length, following=()):
        found = self.bytes.read(offset, length, following)
        assert found.to_pybytes() == self._content[offset : offset + length]
        return found


def test_what_was_fetched_is_not_fetched_again():
    store = Store()
    for _ in range(2):
        store.read(1_000, 10)
        store.read(1_005, 32 * KIB)
        assert store.asked == [[(1_000, LEAST_BYTES)]]
    # WHEN a part of it is missing THEN that part is fetched
    store.read(1_000 + LEAST_BYTES - 1, 300 * KIB)
    assert store.asked[1:] == [[(1_000 + LEAST_BYTES, 300 * KIB - 1)]]
    assert store.bytes.fetched == LEAST_BYTES + 300 * KIB - 1


def test_what_follows_is_fetched_with_it_up_to_a_limit():
    store = Store()
    store.read(0, 10, [(4 << 20, 100), ((4 << 20) + 100 + GAP_BYTES, 100), (8 << 20, 100)])
    # THEN small gaps are fetched too, large ones are not
    assert store.asked == [[(0, LEAST_BYTES), (4 << 20, 200 + GAP_BYTES), (8 << 20, 100)]]
    again = Store()
    again.read(0, 10, [(1 << 20, len(CONTENT))])
    assert sum(length for asked in again.asked for _, length in asked) == LEAST_BYTES + AHEAD_BYTES
    assert max(length for asked in again.asked for _, length in asked) == PIECE_BYTES


def test_where_the_object_ends_less_is_read():
    store = Store(b"x" * 100)
    assert store.bytes.read(90, 20).to_pybytes() == b"x" * 10
    assert store.bytes.read(200, 20).size == 0
    assert store.asked == [[(90, 10)]]
    assert Store(b"").bytes.read(0, 1).size == 0


@given(st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 800), st.integers(0, 3_000)), max_size=12))
def test_whatever_is_read_in_whatever_order_the_bytes_are_those_of_the_object(reads):
    content = make_content(3_000)
    store = Store(content)
    for offset, length, following in reads:
        store.read(offset, length, [(following, 50), (following // 2, 500)])
    assert store.bytes.fetched <= len(content)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=20), st.integers(0, 60), st.integers(0, 30))
def test_intervals_are_sets_of_numbers(added, begin, length):
    intervals, there = Intervals(), set()
    for first, size in added:
        if size:
            intervals.add(first, first + size)
            there |= set(range(first, first + size))
    missing = [number for first, last in intervals.missing(begin, begin + length) for number in range(first, last)]
    assert missing == [number for number in range(begin, begin + length) if number not in there]


def test_a_full_disk_is_one_sentence_that_names_the_directory(monkeypatch):
    def refuse(*_: object) -> int:
        raise OSError(28, "No space left on device")

    store = Store()
    monkeypatch.setattr(os, "pwrite", refuse)
    with pytest.raises(StorageError, match=f"s3://b/x: .* cannot be kept in {tempfile.gettempdir()} .No space left"):
        store.read(0, 1)
    monkeypatch.setattr(os, "ftruncate", refuse)
    with pytest.raises(StorageError, match="set TMPDIR"):
        Store()
