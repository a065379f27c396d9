"""A BPF ring buffer as an array: what waits in it is viewed with one NumPy dtype and copied out.

Layout (kernel/bpf/ringbuf.c): page 0 of the map is the consumer position, which we write; page 1 the producer
position; then the data, mapped twice in a row, so that what wraps around is still one stretch. A record is a length
(bit 31: still being written, bit 30: discarded), a page number, and its bytes, rounded up to 8. Here all records of a
ring have one size.
"""

from __future__ import annotations

import mmap
import threading
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from formats.errors import TapioError

BUSY: Final = 1 << 31
DISCARDED: Final = 1 << 30
_HEADER: Final = (("ring_length", "<u4"), ("ring_page", "<u4"))

Records = npt.NDArray[Any]
"""A structured array, one element per record."""


class RingBuffer:
    """The reading end of one BPF ring buffer of fixed-size records.

    Args:
        consumer: the page of the consumer position, writable.
        producer_and_data: the page of the producer position and the data twice, read-only.
        record: dtype of what the program writes, without the ring's own header.
    """

    def __init__(self, consumer: mmap.mmap, producer_and_data: mmap.mmap, record: np.dtype[Any]) -> None:
        padding = -record.itemsize % 8
        fields: list[Any] = [*_HEADER, ("record", record)]
        if padding:
            fields.append(("padding", f"V{padding}"))
        self._slot = np.dtype(fields)
        self._record_bytes = record.itemsize
        self._nothing: Records = np.empty(0, record)
        self._maps = (consumer, producer_and_data)
        self._size = (len(producer_and_data) - mmap.PAGESIZE) // 2
        self._consumer: Records = np.frombuffer(consumer, "<u8", 1)
        self._producer: Records = np.frombuffer(producer_and_data, "<u8", 1)
        self._data: Records = np.frombuffer(producer_and_data, "u1", 2 * self._size, mmap.PAGESIZE)
        self._mark: int | None = None
        # Why a lock that no one else takes: taking it is the one memory barrier that Python has, and arm64 needs one
        # between reading a position and what it covers.
        self._barrier = threading.Lock()

    @classmethod
    def map(cls, descriptor: int, size: int, record: np.dtype[Any]) -> RingBuffer:
        """Map the ring of a map descriptor.

        Args:
            descriptor: of the BPF map; the caller keeps it.
            size: bytes of its data, as the map was made.
            record: see the class.
        """
        consumer = mmap.mmap(descriptor, mmap.PAGESIZE, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=0)
        producer_and_data = mmap.mmap(
            descriptor, mmap.PAGESIZE + 2 * size, mmap.MAP_SHARED, mmap.PROT_READ, offset=mmap.PAGESIZE
        )
        return cls(consumer, producer_and_data, record)

    @property
    def size(self) -> int:
        """Bytes of data that fit."""
        return self._size

    def mark(self) -> None:
        """From now on `take` gives only what is reserved already, until the next mark.

        Why: copying out while records keep coming would go on for ever, a few records at a time.
        """
        self._mark = int(self._producer[0])

    def take(self, limit: int) -> Records:
        """Copy out up to `limit` finished records in the order in which they were reserved, and free their place.

        Stops at the first record that is still being written; leaves discarded ones out. An empty array if nothing
        waits.

        Raises:
            TapioError: the positions or a record's length are impossible: the program and the dtype do not belong
                together.
        """
        begin = int(self._consumer[0])
        end = int(self._producer[0]) if self._mark is None else self._mark
        if begin == end:
            return self._nothing
        with self._barrier:
            pass
        waiting = (end - begin) & 0xFFFF_FFFF_FFFF_FFFF
        if waiting > self._size:
            raise self._mismatch(f"producer position {end:,} is {waiting:,} bytes after consumer position {begin:,}")
        count = min(waiting // self._slot.itemsize, limit)
        offset = begin & (self._size - 1)
        slots = self._data[offset : offset + count * self._slot.itemsize].view(self._slot)
        states = slots["ring_length"].copy()
        with self._barrier:
            pass
        is_busy = states & BUSY != 0
        if is_busy.any():
            count = int(is_busy.argmax())
            slots, states = slots[:count], states[:count]
        if count == 0:
            return self._nothing
        is_discarded = states & DISCARDED != 0
        lengths = states & ~np.uint32(DISCARDED)
        if (lengths != self._record_bytes).any():
            wrong = int(lengths[lengths != self._record_bytes][0])
            raise self._mismatch(f"a record of {wrong:,} bytes")
        records: Records = slots["record"][~is_discarded] if is_discarded.any() else slots["record"].copy()
        with self._barrier:
            pass
        self._consumer[0] = begin + count * self._slot.itemsize
        return records

    @property
    def slot_bytes(self) -> int:
        """Bytes that one record takes in the ring."""
        return self._slot.itemsize

    def waiting_bytes(self) -> int:
        """Bytes that are reserved or finished and not yet taken."""
        return int(self._producer[0]) - int(self._consumer[0])

    def close(self) -> None:
        """Unmap; a second call does nothing."""
        empty: Records = np.empty(0)
        self._consumer = self._producer = self._data = empty
        for mapping in self._maps:
            mapping.close()

    def _mismatch(self, problem: str) -> TapioError:
        return TapioError(
            f"{problem} in a ring of {self._size:,} bytes with records of {self._record_bytes}",
            where="BPF ring buffer",
            next_step="please report this: the kernel program and its reader do not match",
        )
