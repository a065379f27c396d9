"""Runs the tasks of a corpus on this machine, several at a time: each is a process, for which a thread waits."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from analyzer.corpus.asking import Task, ask
from analyzer.corpus.capture_rows import CaptureRows


def run_here(tasks: Sequence[Task], knowledge: bytes, *, workers: int) -> Generator[CaptureRows]:
    """The answers to tasks, in the order in which they are ready.

    Args:
        tasks: what is asked.
        knowledge: checked rules, as JSON.
        workers: how many captures are analyzed at a time.
    """
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(ask, task, knowledge) for task in tasks]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            for future in futures:
                future.cancel()
