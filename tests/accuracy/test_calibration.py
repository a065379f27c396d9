"""Bins and the Brier score."""

import pytest

from fixtures.accuracy.calibration import BOUNDS, brier_score, sort_into_bins
from fixtures.accuracy.scoring import Judged


def test_every_finding_is_in_exactly_one_bin() -> None:
    # GIVEN confidences on both bounds and between them
    judged = [Judged(confidence, True) for confidence in (0.0, 0.49, 0.5, 0.8, 0.85, 0.9, 1.0)]
    # WHEN
    bins = sort_into_bins(judged)
    # THEN
    assert [(found.low, found.findings) for found in bins] == list(zip(BOUNDS, (2, 1, 0, 0, 2, 2), strict=False))


def test_bin_counts_what_was_right() -> None:
    # GIVEN / WHEN
    bins = sort_into_bins([Judged(0.8, True), Judged(0.84, True), Judged(0.88, False)])
    # THEN
    (told,) = [found for found in bins if found.findings]
    assert (told.findings, told.right) == (3, 2)
    assert told.mean_confidence == pytest.approx(0.84)


@pytest.mark.parametrize(
    ("judged", "score"),
    [
        ([], None),
        ([Judged(1.0, True)], 0.0),
        ([Judged(1.0, False)], 1.0),
        ([Judged(0.8, True), Judged(0.4, False)], (0.04 + 0.16) / 2),
    ],
)
def test_brier_score_is_the_mean_squared_error(judged, score) -> None:
    assert brier_score(judged) == (None if score is None else pytest.approx(score))
