"""Polling: one look every interval."""

from __future__ import annotations

from collections.abc import Callable


class PollingInterval:
    """Says when it is time for the next look.

    Args:
        interval_ns: from one look to the next.
        clock: reads a clock in ns.
    """

    def __init__(self, interval_ns: int, clock: Callable[[], int]) -> None:
        self._interval_ns = interval_ns
        self._clock = clock
        self._next_ns = clock()

    def is_over(self) -> bool:
        """Whether it is time; if so, the next interval begins. Being late does not make the next ones bunch up."""
        now = self._clock()
        if now < self._next_ns:
            return False
        self._next_ns = max(self._next_ns + self._interval_ns, now)
        return True
