"""Promises of `analyzer.cache`: an offer that is only taken from where nobody else can put anything."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from analyzer.cache import MAX_ENTRIES, keep_entry, read_entry

KEY = "0" * 64
SUFFIX = ".knowledge"
PAYLOAD = b'{"title":"what is kept"}'


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("TAPIO_CACHE", raising=False)
    return tmp_path


@pytest.fixture
def kept(home: Path) -> Path:
    """The file of one entry, kept under `KEY`."""
    keep_entry(KEY, SUFFIX, PAYLOAD)
    (entry,) = (home / "tapio").iterdir()
    return entry


def test_what_was_kept_is_read_back(kept: Path) -> None:
    assert kept.exists()
    assert read_entry(KEY, SUFFIX) == PAYLOAD


def test_only_its_owner_can_read_and_write_the_cache(kept: Path) -> None:
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700


def _truncate(entry: Path) -> None:
    entry.write_bytes(entry.read_bytes()[:-1])


def _change_a_word(entry: Path) -> None:
    content = entry.read_bytes()
    entry.write_bytes(content.replace(b'"title":"', b'"title":"Not ', 1))
    assert entry.read_bytes() != content


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
    assert read_entry(KEY, SUFFIX) is None


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
    assert read_entry(KEY, SUFFIX) is None


def test_nothing_is_written_into_a_directory_that_others_may_write(home: Path) -> None:
    (home / "tapio").mkdir()
    (home / "tapio").chmod(0o777)
    keep_entry(KEY, SUFFIX, PAYLOAD)
    assert list((home / "tapio").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_no_error(home: Path) -> None:
    (home / "tapio").write_text("a file where the directory should be")
    keep_entry(KEY, SUFFIX, PAYLOAD)
    assert read_entry(KEY, SUFFIX) is None


def test_nothing_half_written_stays_when_the_disk_fails(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rename(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", rename)
    keep_entry(KEY, SUFFIX, PAYLOAD)
    assert list((home / "tapio").iterdir()) == []


def test_the_switch_turns_the_cache_off(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPIO_CACHE", "off")
    keep_entry("1" * 64, SUFFIX, PAYLOAD)
    assert read_entry(KEY, SUFFIX) is None
    assert list(kept.parent.iterdir()) == [kept]


def test_a_relative_cache_directory_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    keep_entry(KEY, SUFFIX, PAYLOAD)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_old_entries_of_a_sort_are_removed(kept: Path) -> None:
    directory = kept.parent
    keys = [f"{number:064x}" for number in range(1, MAX_ENTRIES + 4)]
    for number, key in enumerate(keys):
        keep_entry(key, ".analysis", PAYLOAD)
        os.utime(directory / f"{key}.analysis", (number, number))
    assert len(list(directory.glob("*.analysis"))) == MAX_ENTRIES
    assert read_entry(keys[0], ".analysis") is None
    assert read_entry(keys[-1], ".analysis") == PAYLOAD
    assert kept.exists(), "another sort"
