"""Captures of containers whose memory follows a line, for tests of predictions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from analyzer.prediction.outcomes import Judged
from analyzer.prediction.predict import predict_capture
from fixtures.prediction.cluster import follow_line
from fixtures.prediction.shapes import Curve
from formats.capture.reading import open_capture
from tests.analyzed import shipped_knowledge
from tests.analyzer.capture_builder import CaptureBuilder

MIB = 1 << 20


def judged_in(path: Path, name: str = "memory-reaches-limit") -> tuple[Judged, ...]:
    """The predictions of one shipped rule in a capture."""
    _predictions, judged, _events = predict_capture(open_capture(path), shipped_knowledge())
    return tuple(one for one in judged if one.issued.alarm.rule == name)


def capture_of(folder: Path, line: Callable[[Curve], Curve], *, seconds: float = 1_800, name: str = "worker") -> Path:
    """A capture of one container whose memory follows a line, as a share of its limit."""
    builder = CaptureBuilder(folder)
    follow_line(builder, name, line, limit=256 * MIB, seconds=seconds)
    return builder.kube_object("ConfigMap", "last", {}, at=seconds).write()
