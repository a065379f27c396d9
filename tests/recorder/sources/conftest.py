"""A host for polled sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recorder.sources.fake_host import FakeHost


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    """A host without anything yet."""
    return FakeHost(tmp_path)
