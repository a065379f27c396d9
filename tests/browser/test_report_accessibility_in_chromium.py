"""The page can be used by everyone: axe-core's rules for WCAG 2.2 AA in a real browser, and the way of the keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from formats.postmortem.reader import from_json
from reports.page import render_page

pytestmark = pytest.mark.browser
DOCUMENTS = Path(__file__).parents[2] / "fixtures" / "documents"
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    for name in ("shop_incident", "calm"):
        document = from_json((DOCUMENTS / f"{name}.json").read_text(encoding="utf-8"))
        (folder / f"{name}.html").write_text(render_page(document), encoding="utf-8")
    return folder


def find_violations(page) -> list[str]:
    """What axe-core reports: the rule and the elements that break it."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{rule['id']}: {node['target']}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_incident_page_violates_no_rule_with_everything_opened(visitor, pages, scheme, width):
    with visitor.visit(pages / "shop_incident.html", scheme=scheme, width=width) as visit:
        # GIVEN a page on which all details are open, and those of a box of the graph
        visit.page.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")
        visit.page.locator(".graph-picture .box").first.dispatch_event("click")
        assert visit.page.locator(".graph-note .chip").count() > 0
        # WHEN it is checked THEN no rule is violated
        assert find_violations(visit.page) == []


def test_calm_page_violates_no_rule(visitor, pages):
    with visitor.visit(pages / "calm.html") as visit:
        assert find_violations(visit.page) == []


def test_check_finds_what_is_broken(visitor, pages):
    with visitor.visit(pages / "calm.html") as visit:
        # GIVEN a page whose language is not declared
        visit.page.evaluate("document.documentElement.removeAttribute('lang')")
        # WHEN it is checked THEN that is reported
        assert find_violations(visit.page) == ["html-has-lang: ['html']"]


def test_keyboard_comes_first_to_the_answer_and_in_the_graph_to_the_root_cause(visitor, pages):
    with visitor.visit(pages / "shop_incident.html") as visit:
        # GIVEN a page that has just been opened
        keyboard, focused = visit.page.keyboard, visit.page.locator(":focus")
        # WHEN Tab is pressed THEN the first stop leads to the answer
        keyboard.press("Tab")
        assert focused.get_attribute("href") == "#answer"
        # WHEN the keyboard leaves the heading of the graph
        visit.page.locator("#causality-title .anchor").focus()
        keyboard.press("Tab")
        while not focused.evaluate("element => element.closest('.graph') !== null"):
            keyboard.press("Tab")  # links in the paragraph before the graph
        # THEN its first stop is the root cause
        assert focused.locator(".foot").text_content().endswith("root cause")
        # AND the buttons of the graph come after all boxes
        visit.page.locator(".graph-picture .box").last.focus()
        keyboard.press("Tab")
        assert focused.get_attribute("data-zoom") == "in"


def test_copying_is_announced(visitor, pages):
    with visitor.visit(pages / "shop_incident.html") as visit:
        # GIVEN a reader who hears the page
        visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        # WHEN something is copied
        visit.page.locator("[data-copy='markdown']").click()
        # THEN the status says so
        status = visit.page.locator("#said[role=status]")
        status.filter(has_text="Copied").wait_for(state="attached")
        assert status.text_content() == "Copied"
