"""README.md shows the page as `make picture` takes it: small, whole, and from the shipped recording."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
MAX_BYTES = 250_000


def size_of(picture: Path) -> tuple[int, int]:
    """Width and height of a PNG file, in pixels."""
    head = picture.read_bytes()[:24]
    assert head.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def test_picture_of_the_readme_is_there_and_small():
    assert "](docs/page.png)" in (REPOSITORY / "README.md").read_text(encoding="utf-8").partition("\n## ")[0]
    picture = REPOSITORY / "docs" / "page.png"
    assert picture.stat().st_size < MAX_BYTES
    assert size_of(picture)[0] >= 1_000


@pytest.mark.browser
def test_picture_can_be_taken_anew(tmp_path):
    # WHEN, in a process of its own: a browser that a test before has open in this one would be in the way
    script = REPOSITORY / "tests" / "docs" / "page_picture.py"
    taken = subprocess.run(
        [sys.executable, script, tmp_path / "page.png"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert taken.returncode == 0, taken.stderr
    # THEN it is as large as the shipped one
    assert size_of(tmp_path / "page.png") == size_of(REPOSITORY / "docs" / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 20_000  # not an empty page
