"""Asks `analyzer.corpus.one_capture` for the rows of a capture, in this process or in one of another machine."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import msgspec

from analyzer.corpus.capture_rows import CaptureFile, CaptureRows
from analyzer.corpus.listing import place_in
from analyzer.corpus.one_capture import Question
from analyzer.corpus.rules import digest_code
from formats.errors import ExitCode
from formats.postmortem.corpus import CorpusCapture
from formats.text import cut_text, escape_text

TRIES = 3
"""How often a capture is analyzed if the process that does it is killed or crashes. Why: memory of the machine may
have been short, or a person may have killed it; a capture that crashes it does so each time."""

_PROBLEM_CHARACTERS = 600


@dataclass(frozen=True, slots=True)
class Task:
    """One capture to be analyzed; everything that another machine needs for it except the file itself.

    Attributes:
        directory: of the corpus, or the URI of a folder of a store.
        of: the file.
        code: digest of the analyzer that asks.
        threads: of the engine; None = by the size of the capture.
    """

    directory: str
    of: CaptureFile
    code: str
    threads: int | None


def ask(task: Task, knowledge: bytes) -> CaptureRows:
    """The rows of a capture; those of one that cannot be read say why.

    Args:
        task: the capture.
        knowledge: checked rules, as JSON.
    """
    if task.code != digest_code():
        return tell_problem(task.of, "it was not read, because the worker has another version of Tapio")
    question = msgspec.json.encode(Question(task.of, msgspec.Raw(knowledge), task.threads))
    # -P: a folder `analyzer` beside the captures is not the analyzer.
    is_object = task.of.size is not None
    place = place_in(task.directory, task.of.path) if is_object else task.of.path
    directory = None if is_object else task.directory
    command = [sys.executable, "-P", "-m", "analyzer.corpus.one_capture", "read", "--", place]
    problem = ""
    for _ in range(TRIES):
        try:
            done = subprocess.run(command, cwd=directory, input=question, capture_output=True, check=False)
        except OSError as error:
            return tell_problem(task.of, f"the directory of the captures cannot be opened ({error.strerror})")
        if done.returncode == ExitCode.OK:
            return msgspec.json.decode(done.stdout, type=CaptureRows)
        problem = _sentence_of(done)
        if done.returncode >= 0 and done.returncode != ExitCode.SOFTWARE:
            break
    return tell_problem(task.of, problem.removeprefix(escape_text(place)).removeprefix(":").lstrip())


def _sentence_of(done: subprocess.CompletedProcess[bytes]) -> str:
    """What the program said of itself at its end; libraries may write to standard error as well."""
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    told = [line.removeprefix("tapio: ") for line in lines if line.startswith("tapio: ")]
    return told[-1] if told else f"it could not be read: the process ended with {done.returncode}"


def tell_problem(of: CaptureFile, problem: str) -> CaptureRows:
    """The rows of a capture that could not be read: why, as one sentence with its path."""
    sentence = cut_text(f"{of.path}: {problem}", _PROBLEM_CHARACTERS)
    row = CorpusCapture(
        of.file, of.path, is_present=True, rules=of.rules, problem=sentence, size=of.size, modified=of.modified
    )
    return CaptureRows(row, ())
