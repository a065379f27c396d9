"""README.md shows the page as `make picture` takes it: small, whole, and from the shipped recording."""

from __future__ import annotations

import importlib.util
import struct
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
    spec = importlib.util.spec_from_file_location("tests_docs_page_picture", REPOSITORY / "tests/docs/page_picture.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.take_picture(tmp_path / "page.png")
    assert size_of(tmp_path / "page.png") == size_of(script.PICTURE) == (script.WIDTH, script.HEIGHT)
    assert (tmp_path / "page.png").stat().st_size > 20_000  # not an empty page
