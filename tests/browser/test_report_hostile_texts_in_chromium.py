"""Names that attackers choose stay text: 334 strings in every text of the document, opened in a real browser."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path

import pytest

from fixtures.documents.make_documents import hostile as make_hostile
from fixtures.documents.replace_texts import with_texts
from fixtures.documents.shop.documents import shop_incident
from formats.postmortem.document import Document
from formats.postmortem.reader import from_json
from formats.text import escape_text
from reports.figures.timeline import MAX_ROWS
from reports.page import render_page

pytestmark = pytest.mark.browser
DOCUMENTS = Path(__file__).parents[2] / "fixtures" / "documents"
STRINGS: list[str] = json.loads((DOCUMENTS / "hostile_strings.json").read_text(encoding="utf-8"))


def texts_that_the_page_shows(document: Document) -> list[str]:
    capture = document.capture
    texts = [capture.id, *capture.nodes, *capture.tables, capture.frozen_because]
    for row in capture.loss:
        texts += [row.table, row.reason, row.node, row.detail, row.advice]
    for finding in document.findings:
        texts += [finding.title, finding.pattern, finding.category, *finding.recommendations, finding.root_cause.name]
        texts += [
            statement.what for part in (finding.supported_by, finding.refuted_by, finding.missing) for statement in part
        ]
        texts += [text for term in finding.confidence_terms for text in (term.term, term.why)]
        for step in finding.chain:
            texts += [step.what, step.symptom, step.entity.kind, step.entity.name, *step.evidence]
            texts += [step.edge.rule] if step.edge else []
    for symptom in document.symptoms:
        texts += [symptom.name, symptom.nature, symptom.severity, symptom.what, symptom.entity.name, *symptom.evidence]
    for edge in document.edges:
        texts += [edge.rule, edge.relation, edge.how, *edge.evidence]
    roots = {finding.chain[0].symptom_id for finding in document.findings}
    for change in document.changes:
        if change.symptom not in roots:
            texts += [change.what, change.path, change.new, change.entity.name]
    texts += [measure.name for measure in document.measures]
    texts += [ref.name for call in document.calls for ref in (call.source, call.target, call.workload) if ref]
    for evidence in document.evidence.values():
        texts += [evidence.id, evidence.text, *evidence.fields]
        texts += [value for value in evidence.fields.values() if isinstance(value, str)]
    return [text for text in texts if text]


@pytest.fixture(scope="module", params=[0, 157])
def hostile(request, tmp_path_factory):
    strings = itertools.islice(itertools.cycle(STRINGS), request.param, None)
    document = with_texts(shop_incident(), strings)
    file = tmp_path_factory.mktemp("hostile") / "page.html"
    file.write_text(render_page(document), encoding="utf-8")
    return document, file


def test_hostile_texts_are_shown_verbatim_and_nothing_runs(visitor, hostile):
    # GIVEN a page with a hostile string in every text
    document, file = hostile
    with visitor.visit(file) as visit:
        # WHEN everything is opened, and chosen in the graph
        page = visit.page
        page.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")
        for index in range(page.locator(".graph-picture .box").count()):
            page.locator(".graph-picture .box").nth(index).dispatch_event("click")
        text = page.evaluate("document.body.textContent")
        # THEN every text is there, letter by letter, and no dialog, request, violation or error occurred
        missing = [shown for shown in texts_that_the_page_shows(document) if escape_text(shown) not in text]
        assert missing == []
        assert visit.troubles() == []
        assert (
            page.evaluate("document.querySelectorAll('main script, iframe, object, embed, form, base, img').length")
            == 0
        )
        assert (
            page.evaluate("[...document.links].every((link) => /^#[a-z0-9-]+$/.test(link.getAttribute('href')))")
            is True
        )


def test_charts_show_hostile_names_as_text(visitor, hostile):
    document, file = hostile
    with visitor.visit(file) as visit:
        # GIVEN the timeline, whose library reads HTML in its texts
        labels = visit.page.locator("[data-figure=timeline] .ytick text").all_text_contents()
        # THEN each label is a name as recorded (the middle of long ones left out), without a link or style in it
        entities = {f"{s.entity.kind} {s.entity.name}" for s in document.symptoms}
        assert 0 < len(entities) <= MAX_ROWS
        heads = {escape_text(name)[:10] for name in entities}
        assert all(label[:10] in heads for label in labels if label.strip())
        assert visit.page.locator(".figure svg a").count() == 0
        # WHEN a point is hovered over
        point = visit.page.locator("[data-figure=timeline] .scatterlayer .point").first
        point.hover(force=True)
        # THEN still nothing happens
        assert visit.troubles() == []


def test_phone_takes_overlong_texts(visitor, hostile):
    _, file = hostile
    with visitor.visit(file, width=360, height=740) as visit:
        visit.page.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_hostile_fixture_is_what_the_strings_make():
    # GIVEN the shipped hostile document THEN it is the incident with those strings, at least 300 of them
    assert len(set(STRINGS)) >= 300
    shipped = from_json((DOCUMENTS / "hostile.json").read_text(encoding="utf-8"))
    assert shipped == make_hostile()
    assert dataclasses.is_dataclass(shipped)
