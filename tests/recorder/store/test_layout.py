"""The data directory: names that say what a segment holds, rights, one recorder at a time, sizes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from formats.errors import PermissionDeniedError, UnavailableError
from recorder.store.layout import DataDirectory, SegmentName, measure_tree

DAY = 86_400 * 1_000_000_000


def name_of(day: int) -> SegmentName:
    begin = 1_700_000_000_000_000_000 + day * DAY
    return SegmentName(begin, "0badcafe", begin, begin + DAY // 2, f"{day:032x}")


def test_a_name_says_what_a_segment_holds():
    name = name_of(0)
    assert SegmentName.parse(str(name)) == name
    assert name.end_unix_nano == name.begin_unix_nano + DAY // 2
    assert sorted(str(name_of(day)) for day in (3, 0, 2, 1)) == [str(name_of(day)) for day in range(4)], "oldest first"
    for other in ("", "lost+found", str(name).replace("-", "_"), f"{name}.deleting", f"x{name}"):
        assert SegmentName.parse(other) is None


def test_folders_are_for_the_owner_alone_and_for_one_recorder(tmp_path: Path):
    # GIVEN a directory that a recorder uses
    directory = DataDirectory(tmp_path / "data")
    directory.create()
    directory.create()
    assert {oct(path.stat().st_mode & 0o777) for path in directory.root.iterdir()} == {"0o700"}
    fd = directory.lock()

    # WHEN another wants it THEN it is told so, until the first ends
    with pytest.raises(UnavailableError, match="another recorder"):
        directory.lock()
    os.close(fd)
    os.close(directory.lock())


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(PermissionDeniedError):
        DataDirectory(tmp_path / "data").create()


def test_a_tree_is_measured_as_it_lies_on_disk(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"x" * 10_000)
    (tmp_path / "link").symlink_to("/")
    assert 8_192 <= measure_tree(tmp_path / "a") <= 20_000
    assert measure_tree(tmp_path / "gone") == 0
