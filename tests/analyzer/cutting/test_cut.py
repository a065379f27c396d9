"""Promises of cutting a capture for one of its findings."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.analyze import analyze_capture
from analyzer.cutting.cut import CutResult, Limits, cut_capture
from analyzer.cutting.wanted import WantedFinding
from formats.capture.reading import open_capture
from formats.errors import OutputError, UsageError
from formats.postmortem.document import Document
from tests.analyzed import document_of, shipped_knowledge
from tests.sweeps import share

FIXTURES = Path(__file__).parents[3] / "fixtures"
PROBE = FIXTURES / "states" / "probe-changed.tapio"


def cut(source: Path, target: Path, *, analyses: int = 5, rank: int = 1) -> CutResult:
    limits = Limits(analyses, lambda: False)
    return cut_capture(
        source, target, shipped_knowledge(), rank=rank, limits=limits, on_progress=lambda *_numbers: None
    )


def analyze(path: Path) -> Document:
    return analyze_capture(open_capture(path), shipped_knowledge())


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CutResult]:
    """The capture, cut with few analyses."""
    path = tmp_path_factory.mktemp("cut") / "small.tapio"
    return path, cut(PROBE, path)


def test_a_cut_capture_is_whole_and_gives_the_finding(small: tuple[Path, CutResult]) -> None:
    # GIVEN a capture that was cut
    path, result = small
    # THEN it is a capture without damage, smaller than the original
    capture = open_capture(path)
    assert list(capture.verify()) == []
    assert capture.events == result.rows < open_capture(PROBE).events
    # AND gives the same finding
    wanted = WantedFinding.of(document_of(PROBE), 1, where="")
    assert wanted.find_in(analyze(path)) == result.finding


def test_a_cut_capture_says_what_it_was_cut_from(small: tuple[Path, CutResult]) -> None:
    path, result = small
    cut_info = open_capture(path).info.cut
    assert cut_info is not None
    assert cut_info.capture == open_capture(PROBE).id
    assert cut_info.pattern == document_of(PROBE).findings[0].pattern
    assert cut_info.rows - cut_info.rows_left_out == result.rows
    assert open_capture(PROBE).info.cut is None


def test_events_keep_their_ids(small: tuple[Path, CutResult]) -> None:
    path, result = small
    evidence = {event for step in result.finding.chain for event in step.evidence}
    assert evidence == {event for step in document_of(PROBE).findings[0].chain for event in step.evidence}
    assert evidence <= set(analyze(path).evidence)


@pytest.mark.slow
def test_the_same_capture_is_cut_to_the_same_bytes(small: tuple[Path, CutResult], tmp_path: Path) -> None:
    path, _ = small
    cut(PROBE, tmp_path / "again.tapio")
    assert (tmp_path / "again.tapio").read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_the_limits_end_the_search(tmp_path: Path) -> None:
    # GIVEN a search that is over at once
    limits = Limits(50, lambda: True)
    # WHEN a capture is cut
    result = cut_capture(
        PROBE,
        tmp_path / "whole.tapio",
        shipped_knowledge(),
        rank=1,
        limits=limits,
        on_progress=lambda *_numbers: None,
    )
    # THEN the copy was still analyzed, and the result says that more could be left out
    assert (result.analyses, result.is_complete) == (1, False)
    assert open_capture(tmp_path / "whole.tapio").events == result.rows == result.rows_before


def test_a_finding_that_is_not_there_cannot_be_cut_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no finding 9"):
        cut(PROBE, tmp_path / "x.tapio", rank=9)


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "taken.tapio"
    path.write_text("mine")
    with pytest.raises(OutputError, match="already exists"):
        cut(PROBE, path)
    assert path.read_text() == "mine"


@pytest.mark.slow
@pytest.mark.parametrize(
    "source",
    share(
        [
            FIXTURES / "captures" / "pvc-no-storageclass.tapio",
            FIXTURES / "captures" / "configmap-oom-crashloop.tapio",
            FIXTURES / "incidents" / "demo.tapio",
        ]
    ),
    ids=lambda path: path.stem,
)
def test_most_of_a_recording_is_not_needed(source: Path, tmp_path: Path) -> None:
    result = cut(source, tmp_path / "small.tapio", analyses=12)
    assert result.rows < result.rows_before / 2
    assert WantedFinding.of(document_of(source), 1, where="").find_in(analyze(tmp_path / "small.tapio"))
