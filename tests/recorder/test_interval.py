"""When it is time to look again."""

from __future__ import annotations

from recorder.interval import PollingInterval


class Clock:
    """A clock that a test sets."""

    now = 0

    def __call__(self) -> int:
        return self.now


def test_interval_is_over_at_once_and_then_once_per_interval() -> None:
    clock = Clock()
    interval = PollingInterval(10, clock)
    over = []
    for clock.now in (0, 0, 9, 10, 11, 20):
        over.append(interval.is_over())
    assert over == [True, False, False, True, False, True]


def test_being_late_does_not_make_the_next_ones_bunch_up() -> None:
    clock = Clock()
    interval = PollingInterval(10, clock)
    assert interval.is_over()
    clock.now = 1_000
    assert [interval.is_over() for _ in range(3)] == [True, True, False]
