"""A survey of a journal tells merging what decoding everything once more would tell it, and nothing wrong unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from formats.batches import full_schema
from formats.catalog import TABLE_BY_NAME
from formats.errors import FormatError
from formats.journal.reading import open_journal
from formats.journal.survey import Survey, survey_batches
from formats.segment.merging import merge_batches
from tests.formats.recordings import make_batch, write_journal

TABLE = "process"
SCHEMA = full_schema(TABLE_BY_NAME[TABLE])


def assert_same(found: Survey, expected: Survey) -> None:
    assert found.lowest == expected.lowest
    assert {name: texts.to_pylist() for name, texts in found.texts.items()} == {
        name: texts.to_pylist() for name, texts in expected.texts.items()
    }


def test_a_journal_is_surveyed_as_its_decoded_batches_are(tmp_path: Path) -> None:
    # GIVEN frames of other texts each, some late, one of them repeated, and texts that the rows of a slice do not have
    large = make_batch(TABLE, 40, seed=9, first_seq=300, boot=40_000)
    batches = [
        make_batch(TABLE, 30, seed=1, boot=50_000),
        make_batch(TABLE, 30, seed=1, boot=90_000, first_seq=100),
        make_batch(TABLE, 5, seed=2, boot=20_000, first_seq=200),
        large.slice(0, 3),
        large.slice(3, 2),
    ]
    opened = open_journal(write_journal(tmp_path / "a.journal", batches))

    # WHEN
    survey = opened.survey(TABLE)

    # THEN
    assert_same(survey, survey_batches(opened.batches(TABLE), SCHEMA))
    assert survey.lowest == (50_000, 90_000, 20_000, 40_000, 43_000)


def test_merging_with_a_survey_gives_the_same_batches_as_without(tmp_path: Path) -> None:
    # GIVEN
    batches = [make_batch(TABLE, 20, seed=n, boot=n * 7_000, first_seq=20 * n) for n in (3, 1, 0, 2)]
    opened = open_journal(write_journal(tmp_path / "a.journal", batches))

    # WHEN
    surveyed = list(merge_batches(lambda: opened.batches(TABLE), SCHEMA, opened.survey(TABLE)))
    read_twice = list(merge_batches(lambda: iter(batches), SCHEMA))

    # THEN
    assert surveyed == read_twice
    assert [batch.column("process.command").dictionary for batch in surveyed] == [
        batch.column("process.command").dictionary for batch in read_twice
    ]


def test_frames_with_equal_and_with_other_heads_are_decoded_right(tmp_path: Path) -> None:
    # GIVEN heads that are equal, other, and equal to the first again
    first, other = make_batch(TABLE, 4, seed=1), make_batch(TABLE, 6, seed=2)
    opened = open_journal(write_journal(tmp_path / "a.journal", [first, first, other, first, other, other]))

    # WHEN
    read = list(opened.batches(TABLE))

    # THEN
    assert [batch.to_pylist() for batch in read] == [
        batch.to_pylist() for batch in (first, first, other, first, other, other)
    ]


def test_a_batch_that_the_survey_knows_and_that_does_not_come_only_delays_the_others() -> None:
    # GIVEN
    batches = [make_batch(TABLE, 5, seed=n, boot=n * 1_000_000, first_seq=5 * n) for n in range(3)]
    survey = survey_batches(batches, SCHEMA)

    # WHEN the second is left out
    merged = list(merge_batches(lambda: iter([batches[0], batches[2]]), SCHEMA, survey))

    # THEN
    assert [row for batch in merged for row in batch.to_pylist()] == batches[0].to_pylist() + batches[2].to_pylist()


def test_a_text_that_the_survey_has_not_is_an_error_and_never_another_text() -> None:
    # GIVEN
    known, unknown = make_batch(TABLE, 5, seed=1), make_batch(TABLE, 5, seed=2)
    survey = survey_batches([known], SCHEMA)

    # WHEN / THEN
    with pytest.raises(FormatError, match="has a text that the survey of its table does not contain"):
        list(merge_batches(lambda: iter([unknown]), SCHEMA, survey))
