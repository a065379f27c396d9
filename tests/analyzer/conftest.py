"""What tests of the analyzer share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from analyzer.model.build import Model
from analyzer.model.engine import Engine
from formats.capture.reading import open_capture
from tests.analyzer.shipped_model import build_model


@pytest.fixture
def engine() -> Iterator[Engine]:
    """A fresh engine, closed after the test."""
    with Engine.for_events(0) as opened:
        yield opened


@pytest.fixture
def model_of(engine: Engine) -> Callable[..., Model]:
    """Builds the complete model of a capture, or only the tables and facts that are named, with what these read."""

    def build(path: Path, *wanted: str) -> Model:
        model = build_model(open_capture(path), engine, wanted=wanted or None)
        model.go_through()
        return model

    return build
