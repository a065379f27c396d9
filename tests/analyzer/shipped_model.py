"""Models of captures, with the changes that the shipped knowledge sees in them."""

from __future__ import annotations

from typing import Any

from analyzer.knowledge.compile_changes import change_macros
from analyzer.model import build
from analyzer.model.engine import Engine
from analyzer.model.segment_reading import Window
from formats.capture.reading import Capture
from tests.analyzed import shipped_knowledge


def build_model(capture: Capture, engine: Engine, window: Window = (None, None), **options: Any) -> build.Model:
    """As `analyzer.model.build.build_model`."""
    macros = change_macros(shipped_knowledge().changes)
    return build.build_model(capture, engine, window, change_macros=macros, **options)
