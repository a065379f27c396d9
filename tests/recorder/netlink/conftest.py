"""A host without anything, and networks of a test's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recorder.netlink.own_network import OwnNetwork
from tests.recorder.sources.fake_host import FakeHost


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


@pytest.fixture
def network(host: FakeHost) -> Iterator[OwnNetwork]:
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    made = OwnNetwork(host)
    yield made
    made.close()
