"""Documents to report on, and a real Neo4j."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from formats.postmortem.document import Document
from formats.postmortem.reader import from_json

ROOT = Path(__file__).parents[2]


def _script(name: str, path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def incident() -> Document:
    return from_json((ROOT / "fixtures/documents/shop_incident.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def calm() -> Document:
    return from_json((ROOT / "fixtures/documents/calm.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def hostile() -> Document:
    return from_json((ROOT / "fixtures/documents/hostile.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def neo4j_server(tmp_path_factory) -> Iterator[object]:
    server = _script("neo4j_lab_server", "fixtures/lab/neo4j/server.py")
    with server.running(tmp_path_factory.mktemp("neo4j"), disposable=True) as running:
        yield running
