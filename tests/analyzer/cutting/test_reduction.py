"""Promises of delta debugging."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from analyzer.cutting.reduction import remove_groups


@given(st.integers(0, 60), st.sets(st.integers(0, 59)))
def test_exactly_the_groups_that_are_needed_are_left(count: int, wanted: set[int]) -> None:
    # GIVEN groups of which some are needed, whatever the others are
    needed = {number for number in wanted if number < count}
    # WHEN the others are removed THEN the needed ones are left, in their order
    assert remove_groups(range(count), lambda kept: needed <= set(kept)) == tuple(sorted(needed))


@given(st.integers(1, 40), st.sets(st.integers(0, 39), min_size=1), st.integers(0, 30))
def test_a_search_that_is_ended_early_still_leaves_what_is_needed(count: int, wanted: set[int], allowed: int) -> None:
    # GIVEN a limit of answers
    needed = {number for number in wanted if number < count}
    asked: list[Sequence[int]] = []

    def still_holds(kept: Sequence[int]) -> bool | None:
        if len(asked) == allowed:
            return None
        asked.append(kept)
        return needed <= set(kept)

    # WHEN the search ends by it THEN it holds for what is left, and no more was asked
    assert needed <= set(remove_groups(range(count), still_holds))
    assert len(asked) <= allowed


def test_one_question_is_enough_where_nothing_is_needed() -> None:
    asked = []

    def still_holds(kept: Sequence[int]) -> bool:
        asked.append(kept)
        return True

    assert remove_groups(range(1_000), still_holds) == ()
    assert asked == [()]
