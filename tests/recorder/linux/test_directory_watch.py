"""The bell that rings when directories come and go."""

from __future__ import annotations

import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.linux.directory_watch import DirectoryWatch


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[DirectoryWatch]:
    watch = DirectoryWatch()
    watch.watch([tmp_path])
    yield watch
    watch.close()


def rings(watch: DirectoryWatch) -> bool:
    """Whether the descriptor is readable now."""
    return bool(select.select(watch.fds(), [], [], 0)[0])


def test_it_rings_when_a_directory_is_made_or_removed_and_then_is_quiet(watch: DirectoryWatch, tmp_path: Path):
    assert not rings(watch)
    (tmp_path / "a").mkdir()
    assert rings(watch)
    assert watch.has_changes()
    assert not rings(watch)
    assert not watch.has_changes()
    (tmp_path / "a").rmdir()
    assert watch.has_changes()


def test_a_directory_that_was_made_again_is_watched_again(watch: DirectoryWatch, tmp_path: Path):
    # GIVEN a watched directory that was removed and made again
    below = tmp_path / "a"
    below.mkdir()
    watch.watch([below])
    below.rmdir()
    assert watch.has_changes()
    below.mkdir()
    watch.has_changes()
    # WHEN it is watched again THEN what happens in it rings
    watch.watch([below])
    (below / "b").mkdir()
    assert watch.has_changes()


def test_directories_that_have_gone_are_left_out_and_the_watch_is_complete(watch: DirectoryWatch, tmp_path: Path):
    watch.watch([tmp_path / "gone", tmp_path])
    assert watch.is_complete


def test_a_closed_watch_is_silent_and_closes_twice(watch: DirectoryWatch, tmp_path: Path):
    watch.close()
    watch.close()
    watch.watch([tmp_path])
    assert watch.fds() == ()
    assert not watch.has_changes()
