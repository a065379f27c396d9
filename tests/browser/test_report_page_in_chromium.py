"""What the page promises to a reader, checked in a real browser from `file://`."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from formats.postmortem.document import Document
from formats.postmortem.reader import from_json
from reports.answer import answer
from reports.page import render_page

pytestmark = pytest.mark.browser
DOCUMENTS = Path(__file__).parents[2] / "fixtures" / "documents"


def document(name: str) -> Document:
    return from_json((DOCUMENTS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def incident_page(tmp_path_factory):
    return _write(tmp_path_factory, "shop_incident")


@pytest.fixture(scope="module")
def calm_page(tmp_path_factory):
    return _write(tmp_path_factory, "calm")


def _write(tmp_path_factory, name: str) -> Path:
    file = tmp_path_factory.mktemp("page") / f"{name}.html"
    file.write_text(render_page(document(name)), encoding="utf-8")
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_draws_everything_without_error_request_or_policy_violation(visitor, incident_page, scheme):
    # GIVEN the page of the demo incident, opened from a file
    with visitor.visit(incident_page, scheme=scheme) as visit:
        # WHEN it has drawn itself
        charts = visit.page.locator(".figure .main-svg").count()
        boxes = visit.page.locator(".graph-picture .box").count()
        # THEN the charts and the graph are there and nothing happened that must not
        assert charts >= 5
        assert boxes == 12
        assert visit.troubles() == []


def test_answer_stands_in_the_first_screen(visitor, incident_page):
    # GIVEN an ordinary laptop
    with visitor.visit(incident_page, height=800) as visit:
        # WHEN nothing is scrolled
        facts = visit.page.locator("#answer .facts").bounding_box()
        # THEN headline, root cause, who was hit and what to do first are all to be seen
        assert facts is not None
        assert facts["y"] + facts["height"] < 800
        incident = document("shop_incident")
        told = answer(incident, incident.findings[0])
        shown = visit.page.locator("#answer").inner_text()
        assert visit.page.locator("h1").inner_text() == told.title
        assert all(
            text in shown for text in (told.impact, told.status, told.cause.subject, f"severity {told.severity}")
        )


@pytest.mark.parametrize(("name", "width"), [("incident", 360), ("incident", 768), ("incident", 1920), ("calm", 360)])
def test_page_never_scrolls_sideways(visitor, incident_page, calm_page, name, width):
    # GIVEN a phone, a tablet, a projector
    with visitor.visit(incident_page if name == "incident" else calm_page, width=width) as visit:
        # WHEN everything that can be opened is open
        visit.page.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")
        # THEN nothing is wider than the screen
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        assert visit.troubles() == []


def test_evidence_link_opens_the_row_that_it_names(visitor, incident_page):
    with visitor.visit(incident_page) as visit:
        # GIVEN the first evidence of the first step
        link = visit.page.locator(".chain .chip").first
        incident = document("shop_incident")
        name = incident.findings[0].chain[0].evidence[0]
        assert link.inner_text() == "21:13:02 ConfigMap shop/cache-config modified"
        # WHEN it is followed
        link.click()
        # THEN its row is visible, with its fields
        row = visit.page.locator("tr:target")
        assert row.is_visible()
        assert name in row.inner_text()
        assert "cache-config" in row.locator("dl").inner_text()


def test_choosing_a_box_shows_its_causes_and_evidence_also_by_keyboard(visitor, incident_page):
    with visitor.visit(incident_page) as visit:
        page = visit.page
        # GIVEN the graph, with the keyboard on the root cause
        page.locator(".box[data-symptom='1']").focus()
        # WHEN the reader goes down to an effect and chooses it
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        # THEN the box is chosen, what is unrelated fades, and the note has sentence and evidence
        assert page.locator(".box.chosen").count() == 1
        assert page.locator(".box:not(.related)").count() > 0
        assert page.locator(".graph-note .chip").count() > 0
        assert "Because" in page.locator(".graph-note").inner_text()
        # WHEN Escape is pressed
        page.keyboard.press("Escape")
        # THEN all is as before
        assert page.locator(".graph-note").is_hidden()
        assert visit.troubles() == []


def test_filter_keeps_the_rows_that_match(visitor, incident_page):
    with visitor.visit(incident_page) as visit:
        # GIVEN the open table of evidence
        visit.page.locator("#evidence-rows > summary").click()
        # WHEN it is filtered
        visit.page.locator("#filter").fill("OOMKilled")
        # THEN only rows that contain it are left, and their number is said
        rows = visit.page.locator("#evidence-rows tbody tr:visible")
        assert rows.count() == 6
        assert visit.page.locator("#filter-count").inner_text().startswith("6 of ")


def test_print_is_light_and_complete(visitor, incident_page):
    with visitor.visit(incident_page, scheme="dark") as visit:
        # GIVEN a reader whose screen is dark
        visit.page.emulate_media(media="print")
        visit.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        # WHEN it is printed
        background = visit.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        # THEN paper is white and what is folded on the screen is there
        assert background == "rgb(255, 255, 255)"
        assert visit.page.locator("#evidence-rows tbody tr").first.is_visible()
        assert visit.page.locator("#s-4 .what").is_visible()
        # AND what would make it long, and is linked to where it belongs, stays folded
        assert not visit.page.locator("#s-4 .symptom-body").is_visible()
        assert visit.page.pdf(format="A4").startswith(b"%PDF")
        assert visit.troubles() == []


def test_print_of_a_finding_is_three_pages_and_an_appendix(visitor, tmp_path):
    file = tmp_path / "page.html"
    incident = document("shop_incident")
    file.write_text(render_page(dataclasses.replace(incident, findings=incident.findings[:1])), encoding="utf-8")
    with visitor.visit(file) as visit:
        whole = _pages(visit.page)
        # WHEN what the appendix has is taken away
        visit.page.emulate_media(media="print")
        appendix = visit.page.evaluate(
            "[...document.querySelectorAll('main > section')].filter((one) => getComputedStyle(one).order === '5').map((one) => one.id)"
        )
        assert appendix[0] == "symptoms"
        assert appendix[-1] == "evidence"
        before = visit.page.evaluate("getComputedStyle(document.getElementById('symptoms'), '::before').content")
        visit.page.evaluate(
            "(ids) => [...ids.map((id) => document.getElementById(id)), document.querySelector('footer')].forEach((one) => one.remove())",
            appendix,
        )
        # THEN three pages are left, which the appendix follows on a page of its own
        assert before == '"Appendix"'
        assert _pages(visit.page) <= 3 < whole


def _pages(page) -> int:
    return len(re.findall(rb"/Type\s*/Page[^s]", page.pdf(format="A4")))


def test_calm_page_says_that_nothing_was_found_and_what_was_looked_at(visitor, calm_page):
    with visitor.visit(calm_page) as visit:
        # GIVEN a healthy recording THEN its page is calm
        text = visit.page.locator("#answer").inner_text()
        assert "No failure was found" in text
        assert re.search(r"184\s466 events and 1 change from 2 recorders", text)
        assert "Nothing: every event of every source was recorded" in visit.page.locator("#lost").inner_text()
        assert visit.troubles() == []


def test_page_reads_without_scripts(visitor, incident_page):
    # GIVEN a reader that runs no scripts
    context = visitor._browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(incident_page.as_uri())
    # THEN chain, graph, losses and evidence are all there
    assert page.locator(".chain .step").count() == 6
    assert page.locator(".graph-picture .box").count() == 12
    assert page.locator("#lost tbody tr").count() == 3
    context.close()


def test_old_browser_says_that_it_cannot_draw_and_everything_else_works(visitor, incident_page):
    # GIVEN a browser that cannot decompress
    context = visitor._browser.new_context()
    page = context.new_page()
    page.add_init_script("delete window.DecompressionStream")
    page.goto(incident_page.as_uri())
    # THEN the charts say so, and the graph is explorable
    page.wait_for_selector("html[data-drawn]", state="attached")
    assert "cannot unpack the charts" in page.locator("[data-figure=timeline]").inner_text()
    page.locator(".graph-picture .box").first.dispatch_event("click")
    assert page.locator(".graph-note .chip").count() > 0
    context.close()


def test_policy_refuses_any_script_but_the_one_that_was_packed(visitor, incident_page, tmp_path):
    # GIVEN a page whose packed script was replaced
    packed = base64.b64encode(gzip.compress(b"window.changed = true")).decode()
    text = incident_page.read_text(encoding="utf-8")
    text, replaced = re.subn(r'(id="plotly">)[^<]+', rf"\g<1>{packed}", text)
    assert replaced == 1
    file = tmp_path / "page.html"
    file.write_text(text, encoding="utf-8")
    # WHEN it is opened
    with visitor.visit(file) as visit:
        # THEN the script does not run, and the browser reports a violation
        assert visit.page.evaluate("window.changed") is None
        assert any(trouble.startswith("script-src-elem") for trouble in visit.troubles())


def test_fix_and_verify_are_copied_as_commands_to_paste(visitor, tmp_path):
    # GIVEN a finding with commands, one of which holds what HTML and shells would take for their own
    incident = document("shop_incident")
    commands = (
        'kubectl -n shop patch configmap c -p \'{"data":{"A":"<b>&"}}\'',
        "kubectl -n shop rollout restart deploy/c",
    )
    first = dataclasses.replace(incident.findings[0], fix=commands, verify=("kubectl -n shop get pods",))
    file = tmp_path / "page.html"
    file.write_text(
        render_page(dataclasses.replace(incident, findings=(first, *incident.findings[1:]))), encoding="utf-8"
    )
    with visitor.visit(file) as visit:
        visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        # WHEN they are copied, by keyboard
        for name, text in (("fix-1", "\n".join(commands)), ("verify-1", "kubectl -n shop get pods")):
            button = visit.page.locator(f"[data-copy='{name}']")
            button.focus()
            visit.page.keyboard.press("Enter")
            expect(button).to_have_text("Copied")  # a function that is waited for would need `unsafe-eval`
            # THEN the clipboard has the lines as they run
            assert visit.page.evaluate("navigator.clipboard.readText()") == text
        # AND the whole answer can be copied for a chat
        button = visit.page.locator("[data-copy='markdown']")
        button.click()
        expect(button).to_have_text("Copied")
        assert "kubectl -n shop rollout restart deploy/c" in visit.page.evaluate("navigator.clipboard.readText()")
        assert visit.troubles() == []
