"""The bytes of an object, fetched when they are read, and at most once: an instance of `formats`' interface `Bytes`.

They are kept in a file without a name, of the size of the object, that takes only the space of what was fetched. It is
mapped: what was fetched is read as any capture is, and does not count as memory of the command.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from threading import Lock

import pyarrow as pa

from formats.errors import StorageError
from formats.segment.stored_files import Range

LEAST_BYTES = 64 << 10
"""Fetched where something is missing. Why: an answer takes as long to begin as so many bytes take to arrive."""

GAP_BYTES = 64 << 10
"""Between two ranges that are fetched as one, for the same reason."""

AHEAD_BYTES = 8 << 20
"""Of what is said to follow, fetched together with what is read."""

PIECE_BYTES = 2 << 20
"""Of one request."""

_ROUND_BYTES = 16 << 20
"""Of one question to the process that reads; it keeps them all before it answers."""


class FetchedBytes:
    """The bytes of one object.

    Args:
        size: of the object.
        fetch: gives ranges of it.
        where: the object, for messages.

    Attributes:
        size: of the object.
        fetched: how many bytes were fetched.

    Raises:
        StorageError: there is no room for a file of that size.
    """

    def __init__(self, size: int, fetch: Callable[[Sequence[Range]], list[bytes]], *, where: str) -> None:
        self.size = size
        self.fetched = 0
        self._fetch = fetch
        self._where = where
        self._there = Intervals()
        self._lock = Lock()
        try:
            with tempfile.TemporaryFile(prefix="tapio-input-") as file:
                os.ftruncate(file.fileno(), size)
                mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) if size else b""
                self._file = os.dup(file.fileno())
        except OSError as error:
            raise self._no_room(error) from error
        weakref.finalize(self, os.close, self._file)
        self._data = pa.py_buffer(mapped)

    def read(self, offset: int, length: int, following: Iterable[Range] = ()) -> pa.Buffer:
        """See `formats.segment.stored_files.Bytes.read`."""
        begin = min(offset, self.size)
        end = min(begin + length, self.size)
        with self._lock:
            if any(self._there.missing(begin, end)):
                for places in _rounds(self._choose(begin, end, following)):
                    self._keep(places, self._fetch(places))
        return self._data.slice(begin, end - begin)

    def _choose(self, begin: int, end: int, following: Iterable[Range]) -> list[Range]:
        """What is fetched now, as begin and end, in order, without what is there."""
        wanted = [(begin, min(max(end, begin + LEAST_BYTES), self.size))]
        left = AHEAD_BYTES
        for offset, length in following:
            if left <= 0:
                break
            stop = min(offset + min(length, left), self.size)
            wanted.append((offset, stop))
            left -= length
        missing = sorted(chain.from_iterable(self._there.missing(*one) for one in wanted))
        joined: list[Range] = []
        for first, last in missing:
            if joined and self._is_small_gap(joined[-1][1], first):
                joined[-1] = (joined[-1][0], max(joined[-1][1], last))
            else:
                joined.append((first, last))
        return joined

    def _is_small_gap(self, begin: int, end: int) -> bool:
        """Whether it costs less to fetch what lies between two ranges than to make two requests."""
        return end <= begin or (end - begin <= GAP_BYTES and [*self._there.missing(begin, end)] == [(begin, end)])

    def _keep(self, places: Sequence[Range], pieces: Sequence[bytes]) -> None:
        for (offset, length), piece in zip(places, pieces, strict=True):
            try:
                left = memoryview(piece)
                while left:
                    left = left[os.pwrite(self._file, left, offset + len(piece) - len(left)) :]
            except OSError as error:
                raise self._no_room(error) from error
            self._there.add(offset, offset + length)
            self.fetched += length

    def _no_room(self, error: OSError) -> StorageError:
        return StorageError(
            f"what is read of it cannot be kept in {tempfile.gettempdir()} ({error.strerror})",
            errno=error.errno or 0,
            where=self._where,
            next_step="free space there, or set TMPDIR to another directory",
        )


class Intervals:
    """Disjoint stretches, each from a begin to an end that is not a part of it."""

    def __init__(self) -> None:
        self._begins: list[int] = []
        self._ends: list[int] = []

    def missing(self, begin: int, end: int) -> Iterator[Range]:
        """What of a stretch is not there, as begins and ends."""
        for index in range(bisect_right(self._ends, begin), len(self._begins)):
            if begin >= end or self._begins[index] >= end:
                break
            if self._begins[index] > begin:
                yield begin, self._begins[index]
            begin = self._ends[index]
        if begin < end:
            yield begin, end

    def add(self, begin: int, end: int) -> None:
        """A stretch is there from now on."""
        first, last = bisect_left(self._ends, begin), bisect_right(self._begins, end)
        if first < last:
            begin, end = min(begin, self._begins[first]), max(end, self._ends[last - 1])
        self._begins[first:last], self._ends[first:last] = [begin], [end]


def _rounds(stretches: Iterable[Range]) -> Iterator[list[Range]]:
    """The stretches as offsets and lengths of pieces, so many together as one question may ask for."""
    round_: list[Range] = []
    for begin, end in stretches:
        for offset in range(begin, end, PIECE_BYTES):
            round_.append((offset, min(PIECE_BYTES, end - offset)))
            if len(round_) * PIECE_BYTES >= _ROUND_BYTES:
                yield round_
                round_ = []
    if round_:
        yield round_
