"""One case on its way from the recording to its row."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from fixtures.accuracy.case_sets import Catalog, read_incidents
from fixtures.accuracy.cases import Case
from fixtures.accuracy.causes import read_causes
from fixtures.accuracy.measuring import Job, measure_case
from fixtures.accuracy.variants import Variant

pytestmark = pytest.mark.slow

INCIDENTS = Path(__file__).parents[2] / "fixtures" / "incidents"


@pytest.fixture(scope="module")
def case() -> Case:
    catalog = Catalog(read_causes(), {"incidents": None})
    return next(case for case in read_incidents(INCIDENTS, "incidents", catalog) if case.name == "bad-image")


@pytest.mark.parametrize("variant", [Variant.WHOLE, Variant.ANONYMIZED])
def test_incident_is_right_whatever_its_objects_are_called(variant, case, tmp_path) -> None:
    # GIVEN / WHEN
    row = measure_case(Job(case, variant, tmp_path, tmp_path, 1))
    # THEN
    assert (row.error, row.score.object_rank, row.score.wrong_links) == ("", 1, 0)
    assert row.first
    # AND the second time nothing is analyzed again
    assert measure_case(Job(case, variant, tmp_path, tmp_path, 1)) == row


def test_row_of_an_unseen_kind_does_not_say_what_was_found(case, tmp_path) -> None:
    row = measure_case(Job(dataclasses.replace(case, is_tuned=False), Variant.WHOLE, tmp_path, tmp_path, 1))
    assert (row.score.object_rank, row.first) == (1, "")


def test_recording_that_cannot_be_read_is_a_wrong_answer_with_its_error(case, tmp_path) -> None:
    # GIVEN
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_text("nothing that an API server would send\n")
    broken = dataclasses.replace(case, source=damaged, is_capture=False)
    # WHEN
    row = measure_case(Job(broken, Variant.WHOLE, tmp_path, tmp_path, 1))
    # THEN
    assert row.score.object_rank is None
    assert row.error
