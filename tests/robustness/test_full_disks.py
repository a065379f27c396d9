"""An output on a full disk, or in a directory that vanished, is one sentence, a documented exit code, and no half file."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from formats.errors import OutputError, StorageError
from recorder.delivery import choose_destination, deliver_capture

pytestmark = pytest.mark.no_cover

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "fixtures/incidents/demo.tapio"
WRITING = (
    ("report", str(DEMO), "-o", "{}/page.html"),
    ("report", str(DEMO), "-o", "{}/page.md"),
    ("graph", str(DEMO), "-o", "{}/graph.graphml"),
    ("anonymize", str(DEMO), "-o", "{}/shared.tapio"),
    ("merge", str(DEMO), "-o", "{}/merged.tapio"),
    ("import", "{source}", "-o", "{}/imported.tapio"),
    ("feedback", str(DEMO), "1", "--right", "--file", "{}/verdicts.jsonl"),
)
"""Commands that write a file into a directory."""


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own on which nothing is free."""
    place = tmp_path / "full"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], check=False)
    if done.returncode:
        pytest.skip("a tmpfs cannot be mounted without root")
    with (place / "filling").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """What kubectl prints."""
    path = tmp_path / "pods.json"
    path.write_text('{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","uid":"u"}}', encoding="utf-8")
    return path


def run(command: tuple[str, ...], place: Path, source: Path) -> tuple[int, str]:
    """Exit code and messages of a command that writes into a directory."""
    arguments = [argument.format(place, source=source) for argument in command]
    done = subprocess.run(
        [sys.executable, "-c", "from analyzer.cli import main; main()", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("command", WRITING, ids=lambda command: command[3].rpartition("/")[2])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    command: tuple[str, ...], full_disk: Path, source: Path
) -> None:
    code, messages = run(command, full_disk, source)

    assert code == 74, messages
    assert messages.count("\n") == 1
    assert "No space left on device" in messages
    assert "free space" in messages
    assert [path.name for path in full_disk.iterdir()] == ["filling"]


@pytest.mark.parametrize("command", WRITING, ids=lambda command: command[3].rpartition("/")[2])
def test_a_directory_that_does_not_exist_is_one_sentence(
    command: tuple[str, ...], tmp_path: Path, source: Path
) -> None:
    code, messages = run(command, tmp_path / "not" / "there", source)

    assert code == 73, messages
    assert messages.count("\n") == 1
    assert str(tmp_path / "not" / "there") in messages


def test_a_capture_that_does_not_fit_where_it_is_delivered_stays_where_it_is(full_disk: Path, tmp_path: Path) -> None:
    capture = Path(shutil.copy(DEMO, tmp_path / "kept.tapio"))

    with pytest.raises(StorageError, match="No space left on device"):
        deliver_capture(capture, choose_destination(str(full_disk / "copy.tapio")))

    assert [path.name for path in full_disk.iterdir()] == ["filling"]
    assert capture.read_bytes() == DEMO.read_bytes()


def test_a_directory_that_vanishes_before_the_delivery_is_told_with_the_place_of_the_capture(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    destination = choose_destination(str(place / "copy.tapio"))
    capture = Path(shutil.copy(DEMO, tmp_path / "kept.tapio"))
    place.rmdir()

    with pytest.raises(OutputError, match=f"copy it from {capture}"):
        deliver_capture(capture, destination)
