"""Full journals become segments, one after the other, in a child: draining never waits for it."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from recorder.child import start_child
from recorder.ledger import LossEntry
from recorder.store.layout import SegmentName, measure_tree
from recorder.store.sealing_child import parse_reports

_PER_CHILD = 32
"""Journals that one child seals. Why not one: starting a child costs as much as sealing a small journal."""
_ATTEMPTS = 5
_FIRST_PAUSE_NS = 1_000_000_000
_MAX_PAUSE_NS = 60_000_000_000
_URGE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class ClosedJournal:
    """A journal that nothing is written to any more.

    Attributes:
        path: of the file.
        name: of the segment that it becomes.
        damage_seq: `event_seq` of the first loss row about damage in it.
    """

    path: Path
    name: SegmentName
    damage_seq: int = 0


@dataclass(frozen=True, slots=True)
class SealedJournal:
    """What became of a closed journal.

    Attributes:
        journal: that was sealed.
        size: of the segment on disk; None if it could not be sealed and must be set aside.
        problem: why not; empty if it was.
        is_damaged: the journal has damage other than a truncated end, so it is kept for inspection.
        undecoded: what the segment lacks because it does not decode, and does not say itself.
    """

    journal: ClosedJournal
    size: int | None
    problem: str = ""
    is_damaged: bool = False
    undecoded: tuple[LossEntry, ...] = ()


class Sealer:
    """Seals journals one at a time, in the order in which they were closed.

    Args:
        ring: where segments are.
    """

    def __init__(self, ring: Path) -> None:
        self._ring = ring
        self._waiting: deque[ClosedJournal] = deque()
        self._child: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._not_before_ns = 0
        self.problem = ""
        """Why the last attempt failed; empty if it did not."""

    @property
    def waiting(self) -> tuple[ClosedJournal, ...]:
        """Journals that are not sealed yet, those in work first."""
        return tuple(self._waiting)

    def submit(self, journal: ClosedJournal) -> None:
        """Seal this one after those before it."""
        self._waiting.append(journal)

    def advance(self, now_ns: int) -> list[SealedJournal]:
        """Start a child if there is work, and give what is done; never waits."""
        done: list[SealedJournal] = []
        if self._child is not None and self._child.poll() is not None:
            done = self._finish(self._child, now_ns)
            self._child = None
        if self._child is None and self._waiting and now_ns >= self._not_before_ns:
            arguments = [str(self._ring)]
            for journal in itertools.islice(self._waiting, _PER_CHILD):
                arguments += [str(journal.path), str(journal.name), str(journal.damage_seq)]
            try:
                self._child = start_child("recorder.store.sealing_child", arguments)
            except OSError as error:
                self._fail(f"cannot start a child process ({error.strerror})", now_ns)
        return done

    def wait(self, seconds: float) -> None:
        """Wait for the child that runs, at most that long; it need not be considerate any more.

        Its priority is set repeatedly, because a child that has only just started lowers it itself.
        """
        deadline = time.monotonic() + seconds
        while self._child is not None and (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self._child.pid, 0)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(min(left, _URGE_SECONDS))
                return

    def stop(self) -> None:
        """End the child; its journal stays and is sealed at the next start."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def _finish(self, child: subprocess.Popen[bytes], now_ns: int) -> list[SealedJournal]:
        """What the child sealed are the first ones that wait; the next one is where it failed, if it did."""
        output, errors = child.communicate()
        reports = parse_reports(output)
        done: list[SealedJournal] = []
        while self._waiting and (report := reports.get(str(self._waiting[0].name))) is not None:
            journal = self._waiting.popleft()
            size = measure_tree(self._ring / str(journal.name))
            done.append(SealedJournal(journal, size, is_damaged=report.is_damaged, undecoded=report.undecoded))
        if done:
            self._failures = 0
            self.problem = ""
        if child.returncode == 0 or not self._waiting:
            return done
        lines = errors.decode("utf-8", "replace").strip().splitlines()
        self._fail(
            lines[-1] if lines else f"the child process that seals segments exited with code {child.returncode}", now_ns
        )
        if self._failures >= _ATTEMPTS:
            done.append(SealedJournal(self._waiting.popleft(), None, self.problem))
            self._failures = self._not_before_ns = 0
        return done

    def _fail(self, problem: str, now_ns: int) -> None:
        self.problem = problem
        self._failures += 1
        self._not_before_ns = now_ns + min(_FIRST_PAUSE_NS << self._failures, _MAX_PAUSE_NS)
