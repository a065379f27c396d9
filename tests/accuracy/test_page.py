"""The page, from rows made by hand."""

import dataclasses

from fixtures.accuracy.cases import RightObject, Scope, Truth
from fixtures.accuracy.causes import read_causes
from fixtures.accuracy.page import write_page
from fixtures.accuracy.rows import Row
from fixtures.accuracy.scoring import Judged, Score, score_failure
from fixtures.accuracy.variants import Variant

CAUSES = read_causes()
FAULTY = score_failure(Truth(RightObject(Scope.NODE, "node-1"), "kubelet-down"))
RIGHT = dataclasses.replace(
    FAULTY,
    object_rank=1,
    is_domain_right=True,
    is_exact=True,
    findings=2,
    named=1,
    right_links=3,
    wrong_links=1,
    judged=(Judged(0.85, True), Judged(0.85, False)),
)
HEALTHY = score_failure(Truth(None, None))


def row(set_name: str, case: str, score: Score, *, kind: str = "kubelet-down", is_tuned: bool = True, **changes) -> Row:
    made = Row(set_name, "watch10", case, str(Variant.WHOLE), kind, is_tuned, score, (), "", 0.0, "")
    return dataclasses.replace(made, **changes)


ROWS = [
    row("incidents", "one", RIGHT),
    row("incidents", "one", FAULTY, variant=str(Variant.LOST_10)),
    row("incidents", "calm", HEALTHY, kind="healthy"),
    row("benchmark", "secret-name-1", RIGHT, patterns=("a-new-pattern",)),
    row("benchmark", "secret-name-2", FAULTY, kind="memory-limit", is_tuned=False),
]


def lines_of(rows: list[Row], absent: dict[str, str]) -> list[str]:
    return write_page(rows, absent, CAUSES).splitlines()


def test_sets_are_summed_and_split_into_tuned_and_unseen_kinds() -> None:
    lines = lines_of(ROWS, {})
    assert (
        "| incidents, watch10 | 1 | 1 (100%) | 1 (100%) | 1 (100%) | 1 (100%) | 2.00 | 1 (50%) | 3 | 1 (25%) | 0 | 0 of 1 |"
        in lines
    )
    assert any(line.startswith("| benchmark, watch10 | 2 | 1 (50%) |") for line in lines)
    assert any(line.startswith("| benchmark, watch10: tuned kinds | 1 | 1 (100%) |") for line in lines)
    assert any(line.startswith("| benchmark, watch10: unseen kinds | 1 | 0 (0%) |") for line in lines)


def test_variants_are_beside_the_whole_recordings() -> None:
    lines = lines_of(ROWS, {})
    assert any(line.startswith("| incidents: as recorded | 1 | 1 (100%) |") for line in lines)
    assert any(line.startswith("| incidents: 10 % of rows lost | 1 | 0 (0%) |") for line in lines)
    assert not any(line.startswith("| benchmark: as recorded") for line in lines)


def test_calibration_counts_the_findings_of_whole_recordings() -> None:
    assert "| 80% to 90% | 4 | 2 (50%) | 85% |" in lines_of(ROWS, {})


def test_goals_are_beside_what_was_measured() -> None:
    # GIVEN an incident of a kind that was used for tuning and one of a kind that was not
    made = [row("made", "one", FAULTY), row("made", "two", RIGHT, is_tuned=False), row("made", "calm", HEALTHY)]
    # WHEN
    lines = lines_of([*ROWS, *made], {})
    # THEN
    assert "| benchmark, watch10 | top-1 | ≥ 88 % | 1 (50%) |" in lines
    assert "| made, watch10, unseen kinds | top-1 | ≥ 90 % | 1 (100%) |" in lines
    assert "| made, watch10, unseen kinds | wrong links | ≤ 5 % | 1 (25%) |" in lines
    assert "| made, watch10, unseen kinds | healthy recordings with a finding | 0 | 0 |" in lines


def test_page_names_absent_sets_and_unknown_patterns_and_no_case() -> None:
    text = write_page(ROWS, {"made": "../data is missing"}, CAUSES)
    assert "Not measured: ../data is missing." in text
    assert "does not know: a-new-pattern." in text
    assert "secret-name" not in text


def test_analysis_that_ended_with_an_error_is_shown() -> None:
    failed = dataclasses.replace(ROWS[0], error="the capture is damaged")
    assert "(1 ended with an error)" in write_page([failed], {}, CAUSES)
