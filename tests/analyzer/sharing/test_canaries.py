"""Planted values of every form are in no anonymized copy; `make canaries` measures more of them."""

from __future__ import annotations

import pytest

from fixtures.canaries.forms import FORMS, make_canaries
from fixtures.canaries.measure import is_left, measure, read_copy
from fixtures.canaries.planting import write_planted_capture

SEEDS = (101, 102, 103)
COUNT = 4 * len(FORMS)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_canary_of_any_form_is_left(seed: int) -> None:
    planted, left = measure(seed, COUNT)
    assert planted > COUNT * 0.9
    assert left == []


def test_canaries_are_found_where_they_are(tmp_path) -> None:
    # GIVEN a capture that is not anonymized WHEN it is searched THEN nearly all canaries are found
    canaries = make_canaries(1, COUNT)
    original = read_copy(write_planted_capture(tmp_path, canaries, 1))
    assert sum(is_left(canary, original) for canary in canaries) > COUNT * 0.95
