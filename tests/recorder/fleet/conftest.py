"""A test API server that serves Captures, and nodes that take part."""

from __future__ import annotations

import pytest

from fixtures.lab.api_server import ApiServer
from fixtures.lab.api_server.kinds import CAPTURE, KINDS
from tests.recorder.fleet.nodes import SECOND, Clock, Node


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def kinds():
    """What the server serves."""
    return (*KINDS, CAPTURE)


@pytest.fixture
def server(tmp_path, clock, kinds):
    with ApiServer(tmp_path / "server", kinds=kinds) as running:
        running.store.read_time = lambda: clock.now().unix_nano / SECOND
        yield running


@pytest.fixture
def make_node(server, clock, tmp_path):
    return lambda name, **options: Node(server, name, clock, tmp_path, **options)
