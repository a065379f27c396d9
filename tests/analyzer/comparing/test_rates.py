"""Promises of the comparison of two rates."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analyzer.comparing.rates import MIN_FACTOR, compare_rates

counts = st.integers(0, 10**9)
lengths = st.floats(0.001, 10**6)


@given(counts, lengths)
def test_a_rate_is_no_different_from_itself(events: int, seconds: float) -> None:
    assert compare_rates((events, events), (seconds, seconds)).factor == 1


@example(0, 134_217_718, 1.0, 1.0)
@given(counts, counts, lengths, lengths)
def test_the_other_order_gives_the_same_factor(before: int, after: int, one: float, other: float) -> None:
    there = compare_rates((before, after), (one, other))
    back = compare_rates((after, before), (other, one))
    assert math.isclose(there.factor, back.factor, rel_tol=1e-9)
    assert there.low <= there.high


@given(st.integers(1, 10**6), st.integers(2, 100))
def test_more_of_the_same_makes_it_more_certain(events: int, times: int) -> None:
    few, many = compare_rates((events, 4 * events), (1, 1)), compare_rates((times * events, 4 * times * events), (1, 1))
    assert many.factor >= few.factor
    assert many.factor < 4


@pytest.mark.parametrize(
    ("events", "is_difference"), [((0, 3), False), ((0, 40), True), ((100, 130), False), ((1000, 2000), True)]
)
def test_few_events_are_no_difference_however_large_their_ratio(
    events: tuple[int, int], *, is_difference: bool
) -> None:
    assert (compare_rates(events, (60, 60)).factor >= MIN_FACTOR) == is_difference


def test_a_rate_is_by_time() -> None:
    assert compare_rates((1_000, 1_000), (10, 100)).ratio == pytest.approx(0.1)
    assert compare_rates((0, 5), (1, 1)).ratio == math.inf
    assert compare_rates((0, 0), (1, 2)).ratio == 1
