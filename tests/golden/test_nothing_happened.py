"""A recording in which nothing at all happened is an answer, too."""

from pathlib import Path

from analyzer.analyze import analyze_capture
from formats.capture.reading import open_capture
from tests.analyzed import shipped_knowledge
from tests.analyzer.capture_builder import CaptureBuilder


def test_capture_without_any_symptom_has_a_document_without_findings(tmp_path: Path) -> None:
    # GIVEN one pod that is there, and no symptom of any kind
    path = CaptureBuilder(tmp_path).pod("api").write()
    # WHEN
    capture = open_capture(path)
    document = analyze_capture(capture, shipped_knowledge())
    # THEN
    assert (document.findings, document.symptoms, document.edges) == ((), (), ())
