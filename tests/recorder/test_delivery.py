"""The capture reaches the path that a person gave, whole, or not at all and with a sentence that says where it is."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from formats.errors import OutputError, PermissionDeniedError, StorageError, UnavailableError
from recorder.delivery import Destination, choose_destination, deliver_capture, find_capture


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """What the recorder has written."""
    path = tmp_path / "data/captures/freeze-1.tapio"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a capture")
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of the person."""
    path = tmp_path / "here"
    (path / "directory").mkdir(parents=True)
    monkeypatch.chdir(path)
    return path


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("night", "night.tapio"),
        ("night.tapio", "night.tapio"),
        ("./night.2026-11-21", "night.2026-11-21.tapio"),
        ("directory/night", "directory/night.tapio"),
        ("directory", "directory/freeze-1.tapio"),
        ("directory/", "directory/freeze-1.tapio"),
        (".", "freeze-1.tapio"),
    ],
)
def test_every_way_to_name_a_file_leads_to_it(capture: Path, here: Path, output: str, expected: str):
    # WHEN the output is relative, or absolute THEN the capture is there, and nothing else is
    for given in (output, f"{here}/{output}"):
        path = deliver_capture(capture, choose_destination(given, may_replace=True))
        assert path == here / expected
        assert path.read_bytes() == b"a capture"
        assert [item for item in here.rglob("*") if item.is_file()] == [path]
    assert capture.exists(), "the recorder's own stays"


def test_on_one_file_system_it_takes_no_space(capture: Path, here: Path):
    assert deliver_capture(capture, Destination(here, "night.tapio")).samefile(capture)


def _refuse_links(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM])
@pytest.mark.parametrize("may_replace", [False, True])
def test_where_it_cannot_be_linked_it_is_copied(
    capture: Path, here: Path, monkeypatch: pytest.MonkeyPatch, number: int, *, may_replace: bool
):
    # GIVEN another file system, or one without hard links
    _refuse_links(monkeypatch, number)
    # WHEN the capture is delivered THEN it is a copy that only its owner can read
    path = deliver_capture(capture, Destination(here, "night.tapio", may_replace))
    assert path.read_bytes() == b"a capture"
    assert not path.samefile(capture)
    assert path.stat().st_mode & 0o777 == 0o600
    assert {item.name for item in here.iterdir()} == {"night.tapio", "directory"}


def test_what_exists_is_replaced_only_if_asked(capture: Path, here: Path):
    (here / "night.tapio").write_text("precious")
    # WHEN it exists from the begin THEN nothing is frozen
    with pytest.raises(OutputError, match="the file exists; choose another path with -o, or use --force"):
        choose_destination("night")
    # WHEN it appears while the recorder freezes THEN it stays, and the sentence says where the capture is
    with pytest.raises(OutputError, match=f"the file exists; copy it from {capture}"):
        deliver_capture(capture, Destination(here, "night.tapio"))
    assert (here / "night.tapio").read_text() == "precious"
    # WHEN replacing is asked for THEN it is replaced
    deliver_capture(capture, choose_destination("night", may_replace=True))
    assert (here / "night.tapio").read_bytes() == b"a capture"


def test_without_hard_links_what_exists_stays_too(capture: Path, here: Path, monkeypatch: pytest.MonkeyPatch):
    (here / "night.tapio").write_text("precious")
    _refuse_links(monkeypatch, errno.EPERM)
    with pytest.raises(OutputError, match="the file exists"):
        deliver_capture(capture, Destination(here, "night.tapio"))
    assert (here / "night.tapio").read_text() == "precious"


def test_a_symbolic_link_is_never_followed(capture: Path, here: Path, tmp_path: Path):
    # GIVEN a name that leads elsewhere
    victim = tmp_path / "victim"
    (here / "night.tapio").symlink_to(victim)
    # WHEN it is delivered there THEN it is refused, or the link is replaced; what it leads to is not touched
    with pytest.raises(OutputError, match="the file exists"):
        choose_destination("night")
    deliver_capture(capture, choose_destination("night", may_replace=True))
    assert not (here / "night.tapio").is_symlink()
    assert not victim.exists()


def test_a_directory_of_that_name_is_never_replaced(here: Path):
    (here / "night.tapio").mkdir()
    with pytest.raises(OutputError, match="a directory of that name exists"):
        choose_destination("night", may_replace=True)


def test_a_path_that_cannot_be_written_is_told_before_anything_is_frozen(here: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(OutputError, match="the directory does not exist"):
        choose_destination("missing/night")
    with pytest.raises(OutputError, match="the directory does not exist"):
        choose_destination("missing/")
    monkeypatch.setattr(os, "access", lambda *_: False)  # tests may run as root, to whom nothing is forbidden
    with pytest.raises(PermissionDeniedError, match="the directory is not writable"):
        choose_destination("night")


def test_a_disk_that_fails_meanwhile_leaves_nothing_and_says_where_the_capture_is(
    capture: Path, here: Path, monkeypatch: pytest.MonkeyPatch
):
    # GIVEN a copy that finds the disk full
    _refuse_links(monkeypatch, errno.EXDEV)

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", refuse)
    # WHEN it fails THEN nothing is left
    with pytest.raises(StorageError, match=f"No space left on device.*copy it from {capture}"):
        deliver_capture(capture, Destination(here, "night.tapio"))
    assert {item.name for item in here.iterdir()} == {"directory"}


def test_a_recorder_in_another_mount_namespace_is_understood(capture: Path):
    # GIVEN a path as a container sees it WHEN the capture is below our own data directory THEN it is found
    inside = Path("/nonexistent/captures") / capture.name
    assert find_capture((inside, capture), len(b"a capture")) == capture
    # WHEN another file has that name, or there is none THEN the sentence says where the recorder has written it
    with pytest.raises(UnavailableError, match=f"{inside} or {capture}: the capture was written, but"):
        find_capture((inside, capture), 4711)


def test_the_recorder_s_own_directory_may_be_the_destination(capture: Path):
    assert deliver_capture(capture, choose_destination(str(capture.parent))) == capture
    assert list(capture.parent.iterdir()) == [capture]
