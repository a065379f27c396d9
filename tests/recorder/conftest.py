"""A recorder on a bench."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recorder.recorder_bench import Bench
from tests.recorder.recorder_fakes import run_children_inline


@pytest.fixture
def inline_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children of the recorder do their work before they are started."""
    run_children_inline(monkeypatch)


@pytest.fixture
def bench(tmp_path: Path, inline_children: None) -> Iterator[Bench]:
    """A recorder in its own directory; its children are inline."""
    found = Bench(tmp_path / "data")
    yield found
    found.daemon.finish()
