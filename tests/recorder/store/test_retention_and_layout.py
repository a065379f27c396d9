"""What is kept: the oldest goes first, when there is too much, when it is too old, when others need the space."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from formats.errors import PermissionDeniedError, UnavailableError
from recorder.config import RingConfig
from recorder.store.layout import DataDirectory, SegmentName, measure_tree
from recorder.store.retention import KeptSegment, choose_expired

DAY = 86_400 * 1_000_000_000
NOW = 1_700_000_000_000_000_000
MIB = 1 << 20


def segment(age_days: int, size: int = 10 * MIB) -> KeptSegment:
    begin = NOW - age_days * DAY
    return KeptSegment(SegmentName(begin, "0badcafe", begin, begin + DAY // 2, f"{age_days:032x}"), size)


SEGMENTS = [segment(days) for days in (5, 4, 3, 2, 1)]


def choose(*, max_mib: int = 1000, max_days: int = 100, keep_free: int = 0, other: int = 0, free: int = 1 << 40):
    limits = RingConfig(max_mib * MIB, max_days * DAY, keep_free)
    expired = choose_expired(SEGMENTS, limits, other_bytes=other, free_bytes=free, now_unix_nano=NOW)
    return [SEGMENTS.index(item) for item in expired]


def test_nothing_goes_without_need():
    assert choose() == []


@pytest.mark.parametrize(("max_mib", "gone"), [(50, []), (49, [0]), (30, [0, 1]), (1, [0, 1, 2, 3, 4])])
def test_the_oldest_go_until_the_rest_fits(max_mib: int, gone: list[int]):
    assert choose(max_mib=max_mib) == gone


def test_journals_count_against_the_bytes():
    assert choose(max_mib=50, other=11 * MIB) == [0, 1]


def test_what_is_too_old_goes():
    assert choose(max_days=3) == [0, 1]


def test_others_keep_their_space():
    assert choose(keep_free=100 * MIB, free=85 * MIB) == [0, 1]
    assert choose(keep_free=100 * MIB, free=100 * MIB) == []


def test_a_name_says_what_a_segment_holds():
    name = SEGMENTS[0].name
    assert SegmentName.parse(str(name)) == name
    assert name.end_unix_nano == name.begin_unix_nano + DAY // 2
    assert sorted([str(item.name) for item in reversed(SEGMENTS)]) == [str(item.name) for item in SEGMENTS]
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
