"""A test API server, and sources that follow it, both ended after the test."""

from __future__ import annotations

import pytest

from fixtures.lab.api_server import ApiServer
from tests.recorder.kube.following import Following


@pytest.fixture
def server(tmp_path):
    """A running server."""
    with ApiServer(tmp_path / "server", bookmark_seconds=60.0) as running:
        yield running


@pytest.fixture
def follow(server):
    """Opens a source on the server; by default one that follows pods alone, with little patience."""
    opened = []

    def begin(source=None, **options):
        if source is None:
            options.setdefault("resources", ("pods",))
        opened.append(Following(server, source, **options))
        return opened[-1]

    yield begin
    for following in opened:
        following.close()
