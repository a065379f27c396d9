"""Rows of two runs, compared."""

import dataclasses

import pytest

from fixtures.accuracy.cases import RightObject, Scope, Truth
from fixtures.accuracy.rows import Row, compare_rows, read_rows, write_rows
from fixtures.accuracy.scoring import Score, score_failure

FAULTY = score_failure(Truth(RightObject(Scope.NODE, "node-1"), "kubelet-down"))
HEALTHY = score_failure(Truth(None, None))


def scored(**changes) -> Score:
    return dataclasses.replace(FAULTY, **changes)


def row(score: Score, case: str = "one", *, is_tuned: bool = True, error: str = "") -> Row:
    return Row(
        "made", "capture", case, "as recorded", "kubelet-down", is_tuned, score, (), f"first of {case}", 0.1, error
    )


@pytest.mark.parametrize(
    ("made", "grade"),
    [
        (row(FAULTY), 0),
        (row(scored(object_rank=4)), 0),
        (row(scored(object_rank=3)), 1),
        (row(scored(object_rank=1)), 2),
        (row(scored(object_rank=1, is_exact=True)), 3),
        (row(scored(object_rank=1, has_known_cause=False)), 3),
        (row(HEALTHY), 3),
        (row(dataclasses.replace(HEALTHY, findings=1)), 0),
        (row(HEALTHY, error="failed"), 0),
    ],
)
def test_grade_says_how_good_an_analysis_is(made, grade) -> None:
    assert made.grade == grade


def test_rows_are_read_back_as_they_were_written(tmp_path) -> None:
    # GIVEN
    rows = [row(scored(object_rank=1, is_exact=True)), row(HEALTHY, "two")]
    # WHEN
    write_rows(tmp_path / "rows.json", rows)
    # THEN
    assert read_rows(tmp_path / "rows.json") == rows


def test_comparison_lists_what_was_won_and_lost_and_only_counts_unseen_kinds() -> None:
    # GIVEN
    before = [
        row(FAULTY, "won"),
        row(scored(object_rank=1), "lost"),
        row(FAULTY, "same"),
        row(FAULTY, "x", is_tuned=False),
    ]
    after = [
        row(scored(object_rank=2), "won"),
        row(FAULTY, "lost"),
        row(FAULTY, "same"),
        row(scored(object_rank=1), "x", is_tuned=False),
        row(FAULTY, "new"),
    ]
    # WHEN
    text = "\n".join(compare_rows(before, after))
    # THEN
    assert "+ made capture won as recorded (kubelet-down): wrong → among the first three" in text
    assert "- made capture lost as recorded (kubelet-down): object right → wrong" in text
    assert text.endswith("unseen kinds: 1 better, 0 worse")
    assert not any(f"first of {name}" in text for name in ("same", "x", "new"))
