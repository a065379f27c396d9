"""A headless Chromium that reports whatever a page tries that a page from a file must not try."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective + " " + event.sample));
"""


@dataclass
class Visit:
    """One opened page, and everything on it that should not have happened."""

    page: Page
    trouble: list[str] = field(default_factory=list)

    def troubles(self) -> list[str]:
        return self.trouble + list(self.page.evaluate("window.violations"))


class Visitor:
    """Opens files in fresh browser contexts."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    @contextmanager
    def visit(
        self, file: Path, *, width: int = 1280, height: int = 900, scheme: str = "light", zone: str = "UTC"
    ) -> Iterator[Visit]:
        context = self._browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, timezone_id=zone
        )
        try:
            page = context.new_page()
            visit = Visit(page)
            address = file.as_uri()
            page.add_init_script(_WATCH)
            page.on("console", lambda message: visit.trouble.append(f"console {message.type}: {message.text[:300]}"))
            page.on("pageerror", lambda error: visit.trouble.append(f"error: {error}"))
            page.on("dialog", lambda dialog: (visit.trouble.append(f"dialog: {dialog.message}"), dialog.dismiss()))
            page.on("request", lambda request: _note_request(visit, request.url, address))
            page.goto(address)
            page.wait_for_selector("html[data-drawn]", state="attached")
            yield visit
        finally:
            context.close()


def _note_request(visit: Visit, url: str, address: str) -> None:
    if url.split("#", maxsplit=1)[0] != address and url != "data:,":
        visit.trouble.append(f"request: {url[:200]}")


@pytest.fixture(scope="session")
def visitor() -> Iterator[Visitor]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert chromium, "no Chromium: install the package chromium (make test does)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        try:
            yield Visitor(browser)
        finally:
            browser.close()
