"""A test kubelet, ended after the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recorder.kubelet.fake_kubelet import FakeKubelet


@pytest.fixture
def kubelet(tmp_path: Path) -> Iterator[FakeKubelet]:
    """A running kubelet."""
    with FakeKubelet(tmp_path) as running:
        yield running
