"""Writes docs/page.png, the picture of the page in README.md, from the shipped demo recording. `make picture` runs it.

Usage: page_picture.py [FILE], which is written instead.

It needs Chromium and takes a few seconds. The picture depends on the fonts of the machine, so no test compares pixels.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY))

from analyzer.analyze import analyze_capture  # noqa: E402 - the path above comes first
from analyzer.knowledge.shipped import read_knowledge  # noqa: E402
from formats.capture.reading import open_capture  # noqa: E402
from reports.page import render_page  # noqa: E402

CAPTURE = REPOSITORY / "fixtures" / "incidents" / "demo.tapio"
PICTURE = REPOSITORY / "docs" / "page.png"
WIDTH, HEIGHT = 1280, 744
"""Pixels: the answer with its commands, and the links to the sections."""


def take_picture(picture: Path) -> None:
    """The first screen of the demo's page, light, in UTC, as a PNG file."""
    page = render_page(analyze_capture(open_capture(CAPTURE), read_knowledge()), title=CAPTURE.name)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "page.html"
        file.write_text(page, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        opened = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        opened.goto(file.as_uri())
        opened.wait_for_selector("html[data-drawn]", state="attached")
        opened.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    take_picture(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
