"""Promises of `analyzer.knowledge.cache`: checked rules are read back equal, and another state of them has another key."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import analyzer.knowledge
from analyzer.cache import keep_entry, read_entry
from analyzer.knowledge import cache, shipped
from analyzer.knowledge.cache import SUFFIX, keep_cached, knowledge_key, read_cached
from analyzer.knowledge.files import KnowledgeFile
from analyzer.knowledge.rules import Knowledge
from formats.errors import KnowledgeError

KEY = "0" * 64
FACTS = {"oom_kill": {"pid": "BIGINT"}}
FILES = (KnowledgeFile("a.yaml", "kind: Symptom\n"),)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("TAPIO_CACHE", raising=False)
    return tmp_path


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return shipped.read_knowledge()


@pytest.mark.usefixtures("home")
def test_kept_knowledge_is_read_back_equal(knowledge: Knowledge) -> None:
    keep_cached(KEY, knowledge)
    assert read_cached(KEY) == knowledge
    assert knowledge.symptoms, "compared something"


@pytest.mark.usefixtures("home")
def test_an_entry_is_data_and_not_code(knowledge: Knowledge) -> None:
    keep_cached(KEY, knowledge)
    payload = read_entry(KEY, SUFFIX)
    assert payload is not None
    assert payload.startswith(b'{"symptoms":[')


@pytest.mark.usefixtures("home")
def test_an_entry_of_another_shape_is_not_read() -> None:
    keep_entry(KEY, SUFFIX, b'{"symptoms": 1}')
    assert read_cached(KEY) is None


@pytest.mark.parametrize(
    ("files", "facts"),
    [
        pytest.param((KnowledgeFile("a.yaml", "kind: Cause\n"),), FACTS, id="text"),
        pytest.param((KnowledgeFile("b.yaml", "kind: Symptom\n"),), FACTS, id="file-name"),
        pytest.param((*FILES, KnowledgeFile("b.yaml", "")), FACTS, id="one-more-file"),
        pytest.param(FILES, {"oom_kill": {"pid": "INTEGER"}}, id="fact-column"),
    ],
)
def test_another_state_of_the_rules_has_another_key(
    files: tuple[KnowledgeFile, ...], facts: dict[str, dict[str, str]]
) -> None:
    assert knowledge_key(files, facts) != knowledge_key(FILES, FACTS)


def test_another_checker_has_another_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "knowledge"
    shutil.copytree(Path(cache.__file__).parent, package)
    monkeypatch.setattr(analyzer.knowledge, "__path__", [str(package)])
    before = knowledge_key(FILES, FACTS)
    with (package / "check.py").open("a") as file:
        file.write("# stricter\n")
    assert knowledge_key(FILES, FACTS) != before


def test_knowledge_is_checked_once_and_then_taken_from_the_cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = []
    monkeypatch.setattr(shipped, "check_knowledge", lambda knowledge, _: checked.append(knowledge))
    first, second = shipped.read_knowledge(), shipped.read_knowledge()
    assert checked == [first] == [second]


def test_added_knowledge_that_is_wrong_is_refused_every_time(home: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("kind: Nonsense\n")
    for _ in range(2):
        with pytest.raises(KnowledgeError, match=r"wrong\.yaml:1:7"):
            shipped.read_knowledge([wrong])
