"""Documents of the recordings in `fixtures`, each made once per test process."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from analyzer.analyze import analyze_capture
from analyzer.knowledge.rules import Knowledge
from analyzer.knowledge.shipped import read_knowledge
from formats.capture.reading import open_capture
from formats.postmortem.document import Document


@cache
def shipped_knowledge() -> Knowledge:
    """All rules that come with Tapio."""
    return read_knowledge()


@cache
def document_of(path: Path) -> Document:
    """The document of a recording, by the shipped rules."""
    capture = open_capture(path)
    return analyze_capture(capture, shipped_knowledge())
