"""Polling in rounds: every interval, one look at each of many things, spread over calls by a budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Rounds(Generic[Thing]):
    """Gives the things to look at now.

    Args:
        interval_ns: from the begin of one round to the begin of the next.
        clock: reads a clock in ns; the budget is measured by it, too.
        list_things: what there is, called at the begin of each round.
    """

    def __init__(self, interval_ns: int, clock: Callable[[], int], list_things: Callable[[], Iterable[Thing]]) -> None:
        self._interval_ns = interval_ns
        self._clock = clock
        self._list_things = list_things
        self._left: Iterator[Thing] | None = None
        self._next_round_ns = clock()

    def take(self, budget_ns: int) -> Iterator[Thing]:
        """The things whose turn it is, until the budget is used up; the next call goes on where this one ended."""
        begin = self._clock()
        if self._left is None:
            if begin < self._next_round_ns:
                return
            # A round that was late does not make the following ones bunch up.
            self._next_round_ns = max(self._next_round_ns + self._interval_ns, begin)
            self._left = iter(self._list_things())
        for thing in self._left:
            yield thing
            if self._clock() - begin >= budget_ns:
                return
        self._left = None
