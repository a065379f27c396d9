"""Promises of workers: all captures are answered, several at a time, and what is not begun is not begun after an end."""

from __future__ import annotations

import threading

import pytest

from analyzer.corpus import workers
from analyzer.corpus.asking import Task, tell_problem
from analyzer.corpus.capture_rows import CaptureFile
from analyzer.corpus.workers import run_here

TASKS = [Task("/archive", CaptureFile(f"{number:032}", f"{number}.tapio", "rules"), "code", 1) for number in range(8)]


def test_as_many_captures_are_analyzed_at_a_time_as_there_are_workers(monkeypatch):
    together = threading.Barrier(4)

    def ask(task, knowledge):
        assert knowledge == b"{}"
        together.wait(timeout=60)
        return tell_problem(task.of, "met the others")

    monkeypatch.setattr(workers, "ask", ask)
    answers = list(run_here(TASKS, b"{}", workers=4))
    assert sorted(one.capture.path for one in answers) == [f"{number}.tapio" for number in range(8)]


def test_after_an_end_no_further_capture_is_begun(monkeypatch):
    # GIVEN a second task that lasts until the caller has given up
    begun, given_up = [], threading.Event()

    def ask(task, knowledge):
        begun.append(task.of.path)
        if len(begun) > 1:
            given_up.wait(timeout=60)
        return tell_problem(task.of, "done")

    monkeypatch.setattr(workers, "ask", ask)
    answers = run_here(TASKS, b"{}", workers=1)
    next(answers)
    # WHEN the caller takes no more answers
    threading.Timer(0.05, given_up.set).start()
    answers.close()
    # THEN at most the task that was running then is finished
    assert begun in (["0.tapio"], ["0.tapio", "1.tapio"])


def test_what_a_task_raises_is_raised(monkeypatch):
    def ask(task, knowledge):
        raise MemoryError

    monkeypatch.setattr(workers, "ask", ask)
    with pytest.raises(MemoryError):
        list(run_here(TASKS, b"{}", workers=2))
