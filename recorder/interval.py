"""Polling: one look every interval, or one look at each of many things, spread over calls by a budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Interval:
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


class Rounds(Generic[Thing]):
    """Gives the things to look at now.

    Args:
        interval_ns: from the begin of one round to the begin of the next.
        clock: reads a clock in ns; the budget is measured by it, too.
        list_things: what there is, called at the begin of each round.
    """

    def __init__(self, interval_ns: int, clock: Callable[[], int], list_things: Callable[[], Iterable[Thing]]) -> None:
        self._interval = Interval(interval_ns, clock)
        self._clock = clock
        self._list_things = list_things
        self._left: Iterator[Thing] | None = None

    def take(self, budget_ns: int) -> Iterator[Thing]:
        """The things whose turn it is, until the budget is used up; the next call goes on where this one ended."""
        begin = self._clock()
        if self._left is None:
            if not self._interval.is_over():
                return
            self._left = iter(self._list_things())
        for thing in self._left:
            yield thing
            if self._clock() - begin >= budget_ns:
                return
        self._left = None
