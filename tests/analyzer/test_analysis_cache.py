"""Promises of `analyzer.analysis_cache`: a kept document is the one that an analysis would give now."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import analyzer
import analyzer.analyze
from analyzer import analysis_cache
from analyzer.analysis_cache import NAMES_SUFFIX, SUFFIX, analyze_file, analyze_file_with_names
from analyzer.cache import keep_entry
from analyzer.knowledge.rules import Knowledge
from analyzer.model.named_entities import NamedEntity, Names
from analyzer.model.segment_reading import Window
from formats.capture.reading import Capture
from formats.errors import FormatError, KnowledgeError, MissingInputError
from formats.postmortem.document import Document
from formats.times import parse_time
from tests.analyzed import document_of

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "fixtures/incidents/demo.tapio"
NAMES = Names(
    (NamedEntity("Pod/1", "Pod", "shop", "cache-1", "Pod/1", None),), (("Node/a", "Pod/1"),), (("c0ffee", "c"),)
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TAPIO_CACHE", raising=False)
    return tmp_path


@pytest.fixture
def demo(home: Path) -> Path:
    """A copy of the demo capture."""
    return Path(shutil.copy(DEMO, home / "demo.tapio"))


@pytest.fixture
def analyses(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The captures that were analyzed so far; of each the document of the demo is said, or an empty one of a window."""
    done: list[Path] = []

    def analyze(capture: Capture, _knowledge: Knowledge, *, window: Window) -> tuple[Document, Names]:
        done.append(capture.path)
        whole = document_of(DEMO)
        return whole if window == (None, None) else replace(whole, findings=()), NAMES

    monkeypatch.setattr(analyzer.analyze, "analyze_with_names", analyze)
    return done


@pytest.fixture
def document(demo: Path, analyses: list[Path]) -> Document:
    """The document of the demo capture, which is kept now."""
    kept = analyze_file(demo)
    del analyses[:]
    return kept


def test_the_second_question_gets_the_same_document_without_an_analysis(
    demo: Path, document: Document, analyses: list[Path]
) -> None:
    assert document.findings, "compares something"
    assert analyze_file(demo) == document
    assert analyses == []


def test_names_are_kept_with_the_document(demo: Path, document: Document, analyses: list[Path]) -> None:
    assert analyze_file_with_names(demo) == (document, NAMES)
    assert analyses == []


@pytest.mark.parametrize("suffix", [SUFFIX, NAMES_SUFFIX])
def test_a_question_with_names_needs_both_entries(
    home: Path, demo: Path, document: Document, analyses: list[Path], suffix: str
) -> None:
    (entry,) = (home / "cache/tapio").glob(f"*{suffix}")
    entry.unlink()
    assert analyze_file_with_names(demo) == (document, NAMES)
    assert analyses == [demo]


def test_a_copy_of_the_capture_is_the_same_capture(home: Path, document: Document, analyses: list[Path]) -> None:
    assert analyze_file(Path(shutil.copy(DEMO, home / "copy.tapio"))) == document
    assert analyses == []


@pytest.mark.usefixtures("document")
def test_a_changed_capture_is_analyzed(demo: Path, analyses: list[Path]) -> None:
    content = demo.read_bytes()
    demo.write_bytes(content[: len(content) // 2])
    analyze_file(demo)
    assert analyses == [demo]


def test_another_window_is_analyzed(demo: Path, document: Document, analyses: list[Path]) -> None:
    end = parse_time(document.capture.begin) + 1
    assert analyze_file(demo, window=(None, end)) != document
    assert analyses == [demo]


@pytest.mark.usefixtures("document")
def test_additional_knowledge_is_used(home: Path, demo: Path, analyses: list[Path]) -> None:
    own = home / "own.yaml"
    own.write_text("kind: Change\nname: own\nmeaning: m\nwhat: nothing\n")
    with pytest.raises(KnowledgeError):
        analyze_file(demo, knowledge=[own])
    assert analyses == []


@pytest.mark.usefixtures("document")
@pytest.mark.parametrize("is_beside", [True, False], ids=["beside-the-knowledge", "named"])
def test_verdicts_are_used(home: Path, demo: Path, analyses: list[Path], *, is_beside: bool) -> None:
    own = home / "own"
    own.mkdir()
    analyze_file(demo, knowledge=[own])
    del analyses[:]
    verdicts = own / "feedback.jsonl" if is_beside else home / "verdicts.jsonl"
    verdicts.write_text("")
    analyze_file(demo, knowledge=[own], feedback=None if is_beside else verdicts)
    assert analyses == [demo]


@pytest.mark.usefixtures("document")
def test_other_code_analyzes_again(demo: Path, analyses: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    version = Path(analyzer.__path__[0]) / "model/engine.py"
    real = Path.stat

    def stat(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        status = real(path, follow_symlinks=follow_symlinks)
        if path != version:
            return status
        return os.stat_result((*status[:6], status.st_size + 1, *status[7:]))

    monkeypatch.setattr(Path, "stat", stat)
    analyze_file(demo)
    assert analyses == [demo]


@pytest.mark.usefixtures("document")
def test_other_libraries_analyze_again(demo: Path, analyses: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis_cache, "LIBRARIES", ("duckdb",))
    analyze_file(demo)
    assert analyses == [demo]


@pytest.mark.usefixtures("document")
def test_the_switch_turns_it_off(demo: Path, analyses: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPIO_CACHE", "off")
    analyze_file(demo)
    assert analyses == [demo]


def test_an_entry_that_is_no_document_is_not_used(
    demo: Path, document: Document, analyses: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analysis_cache, "read_entry", lambda _key, _suffix: b'{"findings": []}')
    assert analyze_file(demo) == document
    assert analyses == [demo]


def test_a_capture_that_is_written_meanwhile_is_not_kept(
    demo: Path, analyses: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[str] = []
    monkeypatch.setattr(
        analysis_cache, "keep_entry", lambda key, suffix, payload: kept.append(key) or keep_entry(key, suffix, payload)
    )
    fake = analyzer.analyze.analyze_with_names

    def analyze_and_touch(capture: Capture, knowledge: Knowledge, *, window: Window) -> tuple[Document, Names]:
        os.utime(demo, ns=(1, 1))
        return fake(capture, knowledge, window=window)

    monkeypatch.setattr(analyzer.analyze, "analyze_with_names", analyze_and_touch)
    analyze_file(demo)
    assert analyses == [demo]
    assert kept == []
    analyze_file(demo)
    assert kept, "a capture that stays as it is, is"


def test_a_directory_is_analyzed_each_time(home: Path, analyses: list[Path]) -> None:
    segments = home / "segments"
    segments.mkdir()
    for _ in range(2):
        with pytest.raises((FormatError, MissingInputError)):
            analyze_file(segments)
    assert analyses == []
    assert not (home / "cache/tapio").exists() or not list((home / "cache/tapio").glob("*.analysis"))
