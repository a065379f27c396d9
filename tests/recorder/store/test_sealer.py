"""At the recorder's end sealing is in a hurry: the child gets its priority back, also if it has only just lowered it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from recorder.store.layout import SegmentName
from recorder.store.sealer import ClosedJournal, Sealer

JOURNAL = ClosedJournal(Path("/nonexistent.journal"), SegmentName(1, "0" * 8, 1, 2, "0" * 32))


class SlowChild:
    """A child that is done at the third look, and is nice from when it has started."""

    pid = 4711

    def __init__(self, niceness: list[int]) -> None:
        self._niceness = niceness
        self._looks = 0

    def poll(self) -> int | None:
        return None

    def wait(self, timeout: float) -> int:
        self._looks += 1
        if self._looks == 1:
            self._niceness.append(10)
        if self._looks < 3:
            raise subprocess.TimeoutExpired("sealing", timeout)
        return 0

    def kill(self) -> None:
        """It ends."""

    def communicate(self) -> tuple[bytes, bytes]:
        return b"", b""


def test_a_child_that_was_just_started_is_in_a_hurry_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # GIVEN a child that lowers its own priority after its parent has raised it
    niceness: list[int] = []

    def start(module: str, arguments: Sequence[str]) -> SlowChild:
        assert module == "recorder.store.sealing_child"
        assert arguments[0] == str(tmp_path)
        return SlowChild(niceness)

    monkeypatch.setattr("recorder.store.sealer.start_child", start)
    monkeypatch.setattr(os, "setpriority", lambda _which, pid, value: niceness.append(value if pid == 4711 else -1))
    sealer = Sealer(tmp_path)
    sealer.submit(JOURNAL)
    assert sealer.advance(0) == []
    # WHEN the recorder waits for it at its end THEN what counts at last is the recorder's word
    sealer.wait(60)
    assert niceness == [0, 10, 0, 0]
    sealer.stop()
    assert sealer.waiting == (JOURNAL,), "what was not sealed waits for the next start"


def test_without_a_child_nothing_is_waited_for(tmp_path: Path):
    sealer = Sealer(tmp_path)
    sealer.wait(60)
    assert sealer.waiting == ()
