"""How long to wait before trying again, so that a broken API server is not broken further."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """The patience of a watch, in seconds.

    Attributes:
        list_interval: least time between two lists of one resource after a failure.
        first_backoff: wait after the first failure; it doubles with each further one.
        longest_backoff: longest wait after failures.
        denied_retry: wait before a resource that is forbidden or not served is tried again.
        watch: how long the server shall keep one watch open.
        silence: maximum time without data, after which the connection is considered dead. Why less than `watch`:
            bookmarks come about every minute.
        queue: longest wait for room among the rows that were not drained yet.
    """

    list_interval: float = 30.0
    first_backoff: float = 1.0
    longest_backoff: float = 60.0
    denied_retry: float = 600.0
    watch: float = 300.0
    silence: float = 150.0
    queue: float = 5.0


class Pacer:
    """Waits of one watch. Jitter spreads the recorders of a cluster over time.

    Args:
        timing: the patience.
        randomness: of the jitter.
    """

    def __init__(self, timing: Timing, randomness: random.Random) -> None:
        self._timing = timing
        self._random = randomness
        self._failures = 0
        self._last_list: float | None = None

    def succeeded(self) -> None:
        """The next failure is a first one."""
        self._failures = 0

    def backoff(self, retry_after_s: float | None = None) -> float:
        """Seconds to wait after a failure, between half and the whole of the doubled time, or longer if told so."""
        whole = min(self._timing.first_backoff * 2.0**self._failures, self._timing.longest_backoff)
        self._failures = min(self._failures + 1, 32)
        waits = whole * self._random.uniform(0.5, 1.0)
        if retry_after_s is not None:
            # All who were told the same second must not come back in the same second.
            return min(max(waits, retry_after_s), 600.0) + waits * 0.1
        return waits

    def before_list(self, now_s: float) -> float:
        """Seconds to wait before the next list may begin; 0 for the first one."""
        if self._last_list is None:
            return 0.0
        interval = self._timing.list_interval * self._random.uniform(1.0, 1.2)
        return max(self._last_list + interval - now_s, 0.0)

    def list_began(self, now_s: float) -> None:
        """A list begins."""
        self._last_list = now_s

    def spread(self, seconds: float) -> float:
        """A time with a tenth of jitter."""
        return seconds * self._random.uniform(0.9, 1.1)
