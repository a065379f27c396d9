"""The way from a directory of captures to their corpus, station after station: list, analyze what is new, tell."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from analyzer.corpus.asking import Task
from analyzer.corpus.capture_rows import CaptureFile, CaptureRows
from analyzer.corpus.dataset import read_dataset, write_dataset
from analyzer.corpus.histories import tell_history
from analyzer.corpus.listing import FoundCapture, digest_file, list_captures, list_objects
from analyzer.corpus.rules import digest_code, digest_rules
from formats.errors import MissingInputError
from formats.postmortem.corpus import Corpus, CorpusCapture

KEPT_EVERY = 64
"""Captures after which the dataset is written: what was analyzed until then survives the end of the run."""

KEPT_SHARE = 10
"""At least one of so many rows is new when the dataset is written. Why: it is written whole, and may be large."""

Runner = Callable[[Sequence[Task], bytes], Iterator[CaptureRows]]
"""Answers tasks, with checked knowledge as JSON, in any order."""


def build_corpus(
    directory: Path | str,
    knowledge: bytes,
    run: Runner,
    *,
    dataset: Path | None = None,
    threads: int | None = None,
    advance: Callable[[int, int], None] = lambda _done, _of: None,
) -> Corpus:
    """The corpus of all captures below a directory, and of those that the dataset remembers.

    The same files, dataset, knowledge and version give the same corpus and the same bytes on disk, whatever runs the
    tasks and in which order they end.

    Args:
        directory: of captures; the URI of a folder of a store, as text.
        knowledge: checked rules, as JSON.
        run: analyzes what is new.
        dataset: directory of earlier runs, which is continued; None = nothing is kept.
        threads: of each analysis; None = by the size of the capture.
        advance: is told how many captures are done, of how many.

    Raises:
        MissingInputError: the directory cannot be read, or there is no capture.
        FormatError: the dataset is not one.
        OutputError, StorageError: the dataset cannot be written.
    """
    kept = [] if dataset is None else read_dataset(dataset)
    rules = digest_rules(knowledge)
    unreadable: list[CaptureRows] = []
    if isinstance(directory, str):
        files, place = _identify_objects(list_objects(directory), kept, rules), directory
    else:
        files, unreadable = _identify(directory, list_captures(directory).paths, rules)
        place = str(directory.resolve())
    if not files and not unreadable and not kept:
        raise MissingInputError(
            "contains no captures", where=str(directory), next_step="give a directory that has `.tapio` files"
        )
    known = {
        rows.capture.file: rows for rows in kept if rows.capture.capture is not None and rows.capture.file not in files
    }
    rows: dict[str, CaptureRows] = {file: _with_place(one, one.capture.path, False) for file, one in known.items()}
    for one in kept:
        of = files.get(one.capture.file)
        if of is not None and one.capture.capture is not None and one.capture.rules == rules:
            rows[of.file] = _with_place(one, of.path, True)
    tasks = [Task(place, of, digest_code(), threads) for of in files.values() if of.file not in rows]
    kept_at = 0
    for done, one in enumerate(run(tasks, knowledge), start=1):
        key = one.capture.file or one.capture.path
        if key not in rows or not rows[key].capture.is_present or one.capture.path < rows[key].capture.path:
            rows[key] = one
        advance(done, len(tasks))
        if dataset is not None and done - kept_at >= max(KEPT_EVERY, len(rows) // KEPT_SHARE):
            kept_at = done
            _tell_and_write(dataset, rows.values())
    all_rows = [*rows.values(), *unreadable]
    return _tell(all_rows) if dataset is None else _tell_and_write(dataset, all_rows)


def _identify(directory: Path, paths: Iterable[str], rules: str) -> tuple[dict[str, CaptureFile], list[CaptureRows]]:
    """The files by digest, each copy once, and those that cannot be read."""
    files: dict[str, CaptureFile] = {}
    unreadable = []
    for path in paths:
        try:
            digest = digest_file(directory / path)
        except OSError as error:
            problem = f"{path}: it cannot be read ({error.strerror})"
            unreadable.append(CaptureRows(CorpusCapture("", path, is_present=True, rules=rules, problem=problem), ()))
        else:
            files.setdefault(digest, CaptureFile(digest, path, rules))
    return files, unreadable


def _identify_objects(found: Iterable[FoundCapture], kept: Iterable[CaptureRows], rules: str) -> dict[str, CaptureFile]:
    """The objects by digest, if an earlier run knew it, else by path: they are read by whoever analyzes them."""
    known: dict[tuple[str, int | None, str | None], str] = {
        (one.capture.path, one.capture.size, one.capture.modified): one.capture.file
        for one in kept
        if one.capture.modified is not None
    }
    files: dict[str, CaptureFile] = {}
    for one in found:
        digest = known.get((one.path, one.size, one.modified), "")
        files.setdefault(digest or one.path, CaptureFile(digest, one.path, rules, one.size, one.modified))
    return files


def _with_place(rows: CaptureRows, path: str, is_present: bool) -> CaptureRows:
    capture = dataclasses.replace(rows.capture, path=path, is_present=is_present)
    if capture.problem is not None:
        # It begins with the path, which may be another one now.
        problem = capture.problem.removeprefix(f"{rows.capture.path}: ")
        capture = dataclasses.replace(capture, problem=f"{path}: {problem}")
    return CaptureRows(capture, rows.findings)


def _tell(rows: Iterable[CaptureRows]) -> Corpus:
    listed = list(rows)
    return tell_history((one.capture for one in listed), (finding for one in listed for finding in one.findings))


def _tell_and_write(dataset: Path, rows: Iterable[CaptureRows]) -> Corpus:
    listed = list(rows)
    corpus = _tell(listed)
    occurrences = sorted(
        (one for history in corpus.objects for one in history.occurrences),
        key=lambda one: (
            one.begin,
            one.failure,
            one.cluster or "",
            one.kind,
            one.namespace or "",
            one.name,
            one.number,
        ),
    )
    write_dataset(dataset, listed, occurrences)
    return corpus
