"""Rows between the threads that receive and the one that drains: bounded by bytes, in the order of time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar


class Sized(Protocol):
    """A row that knows its size."""

    @property
    def stored_bytes(self) -> int:
        """About how many bytes it holds in memory."""


@dataclass(frozen=True, slots=True)
class ColumnsRow:
    """A row as its columns.

    Attributes:
        row: the columns by name, all but `boot_time_ns`.
    """

    row: dict[str, Any]

    @property
    def stored_bytes(self) -> int:
        """About how many bytes it holds in memory."""
        return 512 + sum(len(value) for value in self.row.values() if isinstance(value, str))


RowT = TypeVar("RowT", bound=Sized)


class RowQueue(Generic[RowT]):
    """A queue of rows and the times at which they were put.

    Args:
        capacity_bytes: more than this is not taken, but for what one message makes.
        boot_time_ns: reads CLOCK_BOOTTIME.
    """

    def __init__(self, capacity_bytes: int, boot_time_ns: Callable[[], int]) -> None:
        self._capacity = capacity_bytes
        self._boot_time_ns = boot_time_ns
        self._rows: deque[tuple[int, RowT]] = deque()
        self._bytes = 0
        self._condition = threading.Condition()
        self._is_closed = False
        self.put_rows = 0
        """Rows that were put so far."""

    def wait_for_room(self, timeout_s: float) -> bool:
        """Whether there is room, after at most so many seconds."""
        with self._condition:
            return self._condition.wait_for(lambda: self._is_closed or self._bytes < self._capacity, timeout_s)

    def put(self, rows: Sequence[RowT]) -> None:
        """Append rows with the time of now; call `wait_for_room` before."""
        with self._condition:
            now = self._boot_time_ns()
            for row in rows:
                self._rows.append((now, row))
                self._bytes += row.stored_bytes
            self.put_rows += len(rows)

    def take(self, rows: int) -> list[tuple[int, RowT]]:
        """The oldest rows, at most so many, with their times in ns."""
        with self._condition:
            taken = [self._rows.popleft() for _ in range(min(rows, len(self._rows)))]
            self._bytes -= sum(row.stored_bytes for _, row in taken)
            self._condition.notify_all()
            return taken

    def close(self) -> None:
        """Close the queue and wake all waiting threads."""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()
