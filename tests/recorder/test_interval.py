"""When it is time to look, and at what: nothing is looked at twice in a round, and nothing is forgotten."""

from __future__ import annotations

from recorder.interval import Interval, Rounds


class Clock:
    """A clock that passes `step` ns with each look at it."""

    def __init__(self, step: int = 0) -> None:
        self.now, self.step = 0, step

    def __call__(self) -> int:
        self.now += self.step
        return self.now


def test_interval_is_over_at_once_and_then_once_per_interval() -> None:
    clock = Clock()
    interval = Interval(10, clock)
    over = []
    for clock.now in (0, 0, 9, 10, 11, 20):
        over.append(interval.is_over())
    assert over == [True, False, False, True, False, True]


def test_being_late_does_not_make_the_next_ones_bunch_up() -> None:
    clock = Clock()
    interval = Interval(10, clock)
    assert interval.is_over()
    clock.now = 1_000
    assert [interval.is_over() for _ in range(3)] == [True, True, False]


def test_round_gives_every_thing_once_and_then_rests() -> None:
    clock = Clock()
    rounds = Rounds(10, clock, lambda: "abc")
    assert list(rounds.take(1)) == ["a", "b", "c"]
    assert list(rounds.take(1)) == []
    clock.now = 10
    assert list(rounds.take(1)) == ["a", "b", "c"]


def test_round_that_exceeds_the_budget_goes_on_where_it_ended() -> None:
    # GIVEN a clock that passes 1 ns with each look
    rounds = Rounds(1_000, Clock(step=1), lambda: "abcde")
    # WHEN several calls have a budget of 2 ns each
    taken = [list(rounds.take(2)) for _ in range(4)]
    # THEN none gives more than two things, and together they give each once
    assert max(len(things) for things in taken) == 2
    assert [thing for things in taken for thing in things] == list("abcde")


def test_things_are_listed_at_the_begin_of_each_round() -> None:
    clock, things = Clock(), ["a"]
    rounds = Rounds(10, clock, lambda: list(things))
    assert list(rounds.take(1)) == ["a"]
    things.append("b")
    clock.now = 10
    assert list(rounds.take(1)) == ["a", "b"]
