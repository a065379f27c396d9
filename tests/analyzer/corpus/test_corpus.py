"""Promises of the corpus: what was read is not read again, what changed is, and nothing that was known is forgotten."""

# ruff: noqa: F401, F811 - fixtures are imported

from __future__ import annotations

import dataclasses
import random
import shutil

import pytest

from analyzer.corpus import corpus as way
from analyzer.corpus.asking import tell_problem
from analyzer.corpus.capture_rows import make_rows
from analyzer.corpus.corpus import build_corpus
from analyzer.corpus.dataset import write_dataset
from analyzer.corpus.listing import digest_file
from fixtures.fleet.make import CAPTURES, FOLDER
from formats.capture.info import CaptureInfo
from formats.errors import MissingInputError
from tests.analyzed import document_of
from tests.object_store import DirectoryReader, bucket


class Analyst:
    """Answers as the real one, from documents that are made once; notes what it was asked.

    `tests/analyzer/corpus/test_asking.py` compares the real one with them.
    """

    def __init__(self, seed=None):
        self.asked = []
        self._seed = seed

    def __call__(self, tasks, knowledge):
        order = list(tasks)
        if self._seed is not None:
            random.Random(self._seed).shuffle(order)
        for task in order:
            self.asked.append(task.of.path)
            name = task.of.path.rpartition("/")[2]
            if name in {f"{known}.tapio" for known in CAPTURES}:
                yield make_rows(task.of, document_of(FOLDER / name), CaptureInfo(), 0)
            else:
                yield tell_problem(task.of, "it is not a capture")


@pytest.fixture
def archive(tmp_path):
    folder = tmp_path / "archive"
    folder.mkdir()
    for name in CAPTURES:
        shutil.copy(FOLDER / f"{name}.tapio", folder)
    return folder


def bytes_of(dataset):
    return {path.name: path.read_bytes() for path in dataset.iterdir()}


def run(archive, dataset=None, knowledge=b"{}", seed=None):
    analyst = Analyst(seed)
    return build_corpus(archive, knowledge, analyst, dataset=dataset), sorted(analyst.asked)


def test_a_fleet_is_told_with_recurrence_and_fix(archive):
    corpus, asked = run(archive)
    assert len(asked) == len(CAPTURES)
    east, west = corpus.objects
    assert [one.cluster for one in east.occurrences] == ["east"] * 3
    assert [one.recurrence for one in east.occurrences] == [None, "unknown", "after-fix"]
    assert [one.ended_by for one in east.occurrences] == [None, "kubectl-edit", None]
    assert len(east.occurrences[2].files) == 2
    assert len(west.occurrences) == 1


def test_a_second_run_analyzes_nothing_and_changes_no_byte(archive, tmp_path):
    first, _ = run(archive, tmp_path / "corpus")
    before = bytes_of(tmp_path / "corpus")
    second, asked = run(archive, tmp_path / "corpus")
    assert asked == []
    assert second == first
    assert bytes_of(tmp_path / "corpus") == before


def test_what_is_new_is_analyzed_and_the_result_is_that_of_one_run(archive, tmp_path):
    late = archive / "again.tapio"
    kept = late.rename(tmp_path / "again.tapio")
    run(archive, tmp_path / "corpus")
    shutil.copy(kept, late)
    grown, asked = run(archive, tmp_path / "corpus")
    assert asked == ["again.tapio"]
    assert grown == run(archive, tmp_path / "at-once")[0]
    assert bytes_of(tmp_path / "corpus") == bytes_of(tmp_path / "at-once")


def test_the_order_in_which_captures_are_done_makes_no_difference(archive, tmp_path):
    run(archive, tmp_path / "corpus")
    for seed in range(3):
        run(archive, tmp_path / f"corpus-{seed}", seed=seed)
        assert bytes_of(tmp_path / f"corpus-{seed}") == bytes_of(tmp_path / "corpus")


def test_other_knowledge_analyzes_all_again(archive, tmp_path):
    run(archive, tmp_path / "corpus")
    assert len(run(archive, tmp_path / "corpus", knowledge=b"[]")[1]) == len(CAPTURES)


def test_a_file_with_other_bytes_is_analyzed_again_and_its_old_rows_stay(archive, tmp_path):
    run(archive, tmp_path / "corpus")
    with (archive / "quiet.tapio").open("ab") as file:
        file.write(b"more")
    corpus, asked = run(archive, tmp_path / "corpus")
    assert asked == ["quiet.tapio"]
    assert [one.is_present for one in corpus.captures if one.path == "quiet.tapio"].count(True) == 1


def test_a_moved_capture_is_known_by_its_bytes_and_a_copy_counts_once(archive, tmp_path):
    run(archive, tmp_path / "corpus")
    (archive / "node-1").mkdir()
    (archive / "first.tapio").rename(archive / "node-1/first.tapio")
    shutil.copy(archive / "fixed.tapio", archive / "node-1/fixed.tapio")
    corpus, asked = run(archive, tmp_path / "corpus")
    assert asked == []
    assert "node-1/first.tapio" in [one.path for one in corpus.captures]
    assert len(corpus.captures) == len(CAPTURES)


def test_a_capture_that_was_deleted_stays_in_the_history(archive, tmp_path):
    before, _ = run(archive, tmp_path / "corpus")
    (archive / "fixed.tapio").unlink()
    corpus, asked = run(archive, tmp_path / "corpus")
    assert (asked, corpus.objects) == ([], before.objects)
    assert [one.path for one in corpus.captures if not one.is_present] == ["fixed.tapio"]


def test_a_file_that_cannot_be_read_is_a_sentence_each_time_and_the_rest_goes_on(archive, tmp_path):
    (archive / "foreign.tapio").write_text("hello")
    for _ in range(2):
        corpus, asked = run(archive, tmp_path / "corpus")
        assert "foreign.tapio" in asked
        assert [one.problem for one in corpus.captures if one.problem] == ["foreign.tapio: it is not a capture"]
    (archive / "foreign.tapio").unlink()
    assert not [one for one in run(archive, tmp_path / "corpus")[0].captures if one.problem]


def test_the_sentence_of_a_damaged_capture_follows_it_to_another_path(archive, tmp_path):
    analyst = Analyst()

    def answer(tasks, knowledge):
        for rows in analyst(tasks, knowledge):
            capture = dataclasses.replace(rows.capture, problem=f"{rows.capture.path}: it is damaged")
            yield dataclasses.replace(rows, capture=capture)

    build_corpus(archive, b"{}", answer, dataset=tmp_path / "corpus")
    (archive / "first.tapio").rename(archive / "other.tapio")
    corpus, asked = run(archive, tmp_path / "corpus")
    assert asked == []
    assert "other.tapio: it is damaged" in [one.problem for one in corpus.captures]


def test_what_was_analyzed_before_a_run_ended_early_is_not_analyzed_again(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(way, "KEPT_EVERY", 2)

    def interrupted(tasks, knowledge):
        yield from Analyst()(tasks[:3], knowledge)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_corpus(archive, b"{}", interrupted, dataset=tmp_path / "corpus")
    _, asked = run(archive, tmp_path / "corpus")
    assert len(asked) == len(CAPTURES) - 2


def test_progress_is_told_for_what_is_analyzed(archive):
    told = []
    build_corpus(archive, b"{}", Analyst(), advance=lambda done, of: told.append((done, of)))
    assert told == [(number, len(CAPTURES)) for number in range(1, len(CAPTURES) + 1)]


def test_a_directory_without_captures_is_an_error(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(MissingInputError, match="contains no captures"):
        run(tmp_path)


def test_a_large_dataset_is_not_written_again_for_each_few_captures(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(way, "KEPT_EVERY", 1)
    monkeypatch.setattr(way, "KEPT_SHARE", 2)
    written = []

    def write(dataset, rows, occurrences):
        written.append(len(rows))
        write_dataset(dataset, rows, occurrences)

    monkeypatch.setattr(way, "write_dataset", write)
    run(archive, tmp_path / "corpus")
    assert written == [1, 2, 3, 5, len(CAPTURES)]


# Captures in an object store.


NAMES = sorted(CAPTURES)


class StoreAnalyst(Analyst):
    """As the real one, which learns the digest of an object when it reads it."""

    def __init__(self, folder, seed=None):
        super().__init__(seed)
        self._folder = folder

    def __call__(self, tasks, knowledge):
        read = []
        for task in tasks:
            digest = digest_file(self._folder / task.of.path)
            read.append(dataclasses.replace(task, of=dataclasses.replace(task.of, file=digest)))
        yield from super().__call__(read, knowledge)


def run_store(bucket, dataset=None, seed=None):
    analyst = StoreAnalyst(bucket, seed)
    return build_corpus("s3://captures", b"{}", analyst, dataset=dataset), sorted(analyst.asked)


def test_objects_that_are_known_by_path_size_and_time_are_not_read_again(bucket, tmp_path, monkeypatch):
    monkeypatch.setattr("analyzer.corpus.listing.Reader", DirectoryReader)
    # GIVEN objects in folders, one of them twice
    for number, name in enumerate(NAMES):
        (bucket / f"node-{number % 2}").mkdir(exist_ok=True)
        shutil.copy(FOLDER / f"{name}.tapio", bucket / f"node-{number % 2}")
    first = f"node-0/{NAMES[0]}.tapio"
    shutil.copy(bucket / first, bucket / "zzz.tapio")
    one, two = tmp_path / "one", tmp_path / "two"
    # WHEN they are read in another order THEN the dataset has the same bytes
    corpus, asked = run_store(bucket, one, seed=1)
    run_store(bucket, two, seed=2)
    assert bytes_of(one) == bytes_of(two)
    assert len(asked) == len(CAPTURES) + 1
    assert first in {row.path for row in corpus.captures}
    # AND the second time, only the copy is: the dataset has its path no more
    again, asked = run_store(bucket, one)
    assert (asked, again) == (["zzz.tapio"], corpus)
    assert DirectoryReader.fetched == 0, "nothing is read to find out"
    # WHEN one is replaced, and one removed
    other = f"node-1/{NAMES[1]}.tapio"
    shutil.copy(FOLDER / f"{NAMES[2]}.tapio", bucket / other)
    (bucket / "zzz.tapio").unlink()
    later, asked = run_store(bucket, one)
    # THEN it is read, and what was removed stays in the history
    assert asked == [other]
    assert {row.path for row in later.captures if not row.is_present} == {other}


def test_what_is_no_folder_is_told(bucket, monkeypatch):
    monkeypatch.setattr("analyzer.corpus.listing.Reader", DirectoryReader)
    (bucket / "x.tapio").write_bytes(b"x")
    with pytest.raises(MissingInputError, match="it is an object and not a folder; give a folder of captures"):
        build_corpus("s3://captures/x.tapio", b"{}", Analyst())
    (bucket / "x.tapio").unlink()
    with pytest.raises(MissingInputError, match="contains no captures"):
        build_corpus("s3://captures", b"{}", Analyst())
