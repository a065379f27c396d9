"""Times are UTC unless the reader chooses otherwise; then all of them change, without loading the page again."""

from __future__ import annotations

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from formats.postmortem.reader import from_json
from reports.page import render_page

pytestmark = pytest.mark.browser
INCIDENT = Path(__file__).parents[2] / "fixtures" / "documents" / "shop_incident.json"


@pytest.fixture(scope="module")
def incident():
    return from_json(INCIDENT.read_text(encoding="utf-8"))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "page.html"


def first_tick(page) -> str:
    page.wait_for_selector("[data-figure=timeline] .xtick text")
    return page.locator("[data-figure=timeline] .xtick text").first.text_content()


def test_local_time_replaces_every_time_of_the_page_and_utc_brings_them_back(visitor, incident, file):
    file.write_text(render_page(incident), encoding="utf-8")
    # GIVEN a recording of 21:10 UTC, and a reader in Kolkata
    with visitor.visit(file, zone="Asia/Kolkata") as visit:
        page = visit.page
        before, tick = page.locator("body").inner_text(), first_tick(page)
        assert page.locator(".recording time").last.inner_text().endswith(" UTC")
        # WHEN local time is chosen
        page.locator("#zone").select_option(label="local time")
        # THEN the day is the next one, and texts, lists, graph and charts tell the time of India
        shown = page.locator(".recording").inner_text()
        assert "2026-11-21" in shown
        assert "UTC+05:30" in shown
        assert page.locator(".facts time").first.inner_text() == "02:43:02 UTC+05:30"
        assert page.locator(".summary time").first.inner_text() == "02:43:02 UTC+05:30"
        assert page.locator(".graph-picture .foot tspan").first.text_content() == "02:43:02"
        assert page.locator("#s-4 time").first.inner_text().startswith("02:43")
        assert re.match("02:4", first_tick(page))
        # AND no time of the incident is left as it was, but those in recorded values
        ours = page.locator("#answer, .finding, #timeline, #causality, #symptoms, #lost").all_inner_texts()
        assert not [found for text in ours for found in re.findall(r".*\b21:1[0-9]:[0-9]{2}", text)]
        # WHEN UTC is chosen again THEN all is as before
        page.locator("#zone").select_option("UTC")
        assert page.locator("body").inner_text() == before
        assert first_tick(page) == tick
        assert visit.troubles() == []


def test_page_of_a_zone_opens_in_that_zone(visitor, incident, file):
    # GIVEN a page that was written with `tapio report --tz`
    file.write_text(render_page(incident, zone=ZoneInfo("America/New_York")), encoding="utf-8")
    with visitor.visit(file) as visit:
        # THEN its texts and charts have that zone's time, also for a reader elsewhere
        assert visit.page.locator(".facts time").first.inner_text() == "16:13:02 UTC-05:00"
        assert first_tick(visit.page).startswith("16:1")
        # WHEN UTC is chosen
        visit.page.locator("#zone").select_option("UTC")
        assert visit.page.locator(".facts time").first.inner_text() == "21:13:02 UTC"
        assert first_tick(visit.page).startswith("21:1")
        assert visit.troubles() == []


def test_hover_texts_of_the_timeline_change_with_the_zone(visitor, incident, file):
    file.write_text(render_page(incident), encoding="utf-8")
    with visitor.visit(file, zone="Asia/Kolkata") as visit:
        visit.page.locator("#zone").select_option(label="local time")
        texts = visit.page.evaluate(
            "document.querySelector('[data-figure=timeline]').data.flatMap((trace) => trace.hovertext || [])"
        )
        assert texts
        assert all(re.search(r"<br>02:[0-9]{2}:[0-9]{2}[^<]*$", text) for text in texts)
