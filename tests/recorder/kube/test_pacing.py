"""Patience: never a tight loop, never all at once."""

from __future__ import annotations

import random

import pytest

from recorder.kube.pacing import Pacer, Timing

TIMING = Timing(list_interval=30.0, first_backoff=1.0, longest_backoff=60.0)


def test_waits_double_up_to_the_longest_with_jitter_and_begin_again_after_success():
    # GIVEN
    pacer = Pacer(TIMING, random.Random(1))

    # WHEN
    waits = [pacer.backoff() for _ in range(10)]
    pacer.succeeded()

    # THEN
    for number, wait in enumerate(waits):
        whole = min(2.0**number, 60.0)
        assert whole / 2 <= wait <= whole
    assert pacer.backoff() <= 1.0


@pytest.mark.parametrize(("asked", "least", "most"), [(0.0, 0.5, 1.1), (7.0, 7.0, 7.1), (100_000.0, 600.0, 600.1)])
def test_retry_after_is_heeded_within_reason(asked, least, most):
    assert least <= Pacer(TIMING, random.Random(2)).backoff(asked) <= most


def test_lists_of_one_resource_are_half_a_minute_apart():
    # GIVEN
    pacer = Pacer(TIMING, random.Random(3))
    assert pacer.before_list(100.0) == 0.0

    # WHEN
    pacer.list_began(100.0)

    # THEN
    assert 30.0 <= pacer.before_list(100.0) <= 36.0
    assert pacer.before_list(129.9) > 0.0
    assert pacer.before_list(136.1) == 0.0


def test_recorders_that_start_together_do_not_come_back_together():
    assert len({Pacer(TIMING, random.Random(seed)).backoff() for seed in range(50)}) == 50
