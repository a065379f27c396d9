"""Promises of `analyzer.knowledge.cache`: an offer that is only taken from where nobody else can put anything."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import analyzer.knowledge
from analyzer.knowledge import cache, shipped
from analyzer.knowledge.cache import MAX_ENTRIES, keep_cached, knowledge_key, read_cached
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


@pytest.fixture
def kept(home: Path, knowledge: Knowledge) -> Path:
    """The file of one entry, kept under `KEY`."""
    keep_cached(KEY, knowledge)
    (entry,) = (home / "tapio").iterdir()
    return entry


def test_kept_knowledge_is_read_back_equal(kept: Path, knowledge: Knowledge) -> None:
    assert read_cached(KEY) == knowledge
    assert knowledge.symptoms, "compared something"


def test_only_its_owner_can_read_and_write_the_cache(kept: Path) -> None:
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700


def test_an_entry_is_data_and_not_code(kept: Path) -> None:
    assert kept.read_bytes()[32:].startswith(b'{"symptoms":[')


def _truncate(entry: Path) -> None:
    entry.write_bytes(entry.read_bytes()[:-1])


def _change_a_word(entry: Path) -> None:
    content = entry.read_bytes()
    entry.write_bytes(content.replace(b'"title":"', b'"title":"Not ', 1))
    assert entry.read_bytes() != content


def _fill_with_another_shape(entry: Path) -> None:
    payload = b'{"symptoms": 1}'
    entry.write_bytes(cache._digest(payload) + payload)


def _link_the_entry(entry: Path) -> None:
    elsewhere = entry.parent.parent / "elsewhere"
    entry.rename(elsewhere)
    entry.symlink_to(elsewhere)


def _link_the_directory(entry: Path) -> None:
    elsewhere = entry.parent.parent / "elsewhere"
    entry.parent.rename(elsewhere)
    entry.parent.symlink_to(elsewhere, target_is_directory=True)


def _make_the_entry_a_pipe(entry: Path) -> None:
    entry.unlink()
    os.mkfifo(entry, 0o600)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(Path.unlink, id="missing"),
        pytest.param(_truncate, id="truncated"),
        pytest.param(_change_a_word, id="changed"),
        pytest.param(_fill_with_another_shape, id="of-another-shape"),
        pytest.param(_link_the_entry, id="a-symbolic-link"),
        pytest.param(_link_the_directory, id="in-a-linked-directory"),
        pytest.param(_make_the_entry_a_pipe, id="a-pipe"),
        pytest.param(lambda entry: entry.chmod(0o620), id="writable-by-the-group"),
        pytest.param(lambda entry: entry.chmod(0o602), id="writable-by-all"),
        pytest.param(lambda entry: entry.parent.chmod(0o720), id="in-a-directory-of-the-group"),
        pytest.param(lambda entry: entry.parent.chmod(0o702), id="in-a-directory-of-all"),
    ],
)
def test_an_entry_that_is_not_as_we_left_it_is_not_read(kept: Path, spoil: Callable[[Path], None]) -> None:
    spoil(kept)
    assert read_cached(KEY) is None


@pytest.mark.parametrize("owned", ["entry", "directory"])
def test_what_belongs_to_another_user_is_not_read(kept: Path, monkeypatch: pytest.MonkeyPatch, owned: str) -> None:
    real = os.fstat
    inode = (kept if owned == "entry" else kept.parent).stat().st_ino

    def fstat(descriptor: int) -> os.stat_result:
        status = real(descriptor)
        if status.st_ino != inode:
            return status
        return os.stat_result((*status[:4], status.st_uid + 1, *status[5:]))

    monkeypatch.setattr(os, "fstat", fstat)
    assert read_cached(KEY) is None


def test_nothing_is_written_into_a_directory_that_others_may_write(home: Path, knowledge: Knowledge) -> None:
    (home / "tapio").mkdir()
    (home / "tapio").chmod(0o777)
    keep_cached(KEY, knowledge)
    assert list((home / "tapio").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_no_error(home: Path, knowledge: Knowledge) -> None:
    (home / "tapio").write_text("a file where the directory should be")
    keep_cached(KEY, knowledge)
    assert read_cached(KEY) is None


def test_nothing_half_written_stays_when_the_disk_fails(
    home: Path, knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rename(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", rename)
    keep_cached(KEY, knowledge)
    assert list((home / "tapio").iterdir()) == []


def test_the_switch_turns_the_cache_off(kept: Path, knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPIO_CACHE", "off")
    keep_cached("1" * 64, knowledge)
    assert read_cached(KEY) is None
    assert list(kept.parent.iterdir()) == [kept]


def test_a_relative_cache_directory_is_ignored(
    tmp_path: Path, knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    keep_cached(KEY, knowledge)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_old_entries_are_removed(home: Path, knowledge: Knowledge) -> None:
    small = dataclasses.replace(knowledge, symptoms=(), causes=(), patterns=())
    keys = [f"{number:064x}" for number in range(MAX_ENTRIES + 3)]
    for number, key in enumerate(keys):
        keep_cached(key, small)
        os.utime(home / "tapio" / f"{key}.knowledge", (number, number))
    assert len(list((home / "tapio").iterdir())) == MAX_ENTRIES
    assert read_cached(keys[0]) is None
    assert read_cached(keys[-1]) == small


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
