"""The page as text: self-contained, deterministic, and with nothing in it that a name could have put there."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fixtures.documents.replace_texts import with_texts
from fixtures.documents.shop.documents import shop_incident
from reports.causality_picture import MAX_BOXES, causality_picture, fit
from reports.figures.timeline import MAX_ROWS, draw_timeline
from reports.page import render_page, row_words

ROOT = Path(__file__).parents[2]
STRINGS = json.loads((ROOT / "fixtures/documents/hostile_strings.json").read_text(encoding="utf-8"))


class _Skeleton(HTMLParser):
    """Elements with the names of their attributes, and the values of those that do something."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.addresses += [value for name, value in attrs if name in {"href", "src", "action", "xlink:href"}]


def skeleton(page: str) -> _Skeleton:
    # The two scripts and the style sheet are ours and the same in every page: they only cost time here.
    page = re.sub(r"(?s)<script>.*?</script>", "<script></script>", page)
    result = _Skeleton()
    result.feed(page)
    return result


def test_same_document_same_bytes(incident):
    assert render_page(incident) == render_page(incident)


def test_page_needs_nothing_but_itself(incident):
    page = render_page(incident)
    assert set(skeleton(page).addresses) <= {"data:,"} | {a for a in skeleton(page).addresses if a.startswith("#")}
    assert "default-src &#39;none&#39;" in page
    assert "unsafe" not in page[: page.index("<body>")].split("Content-Security-Policy")[1].split(">")[0]
    assert len(page.encode()) < 1_500_000


@pytest.mark.parametrize("offset", range(0, 334, 48))
def test_no_text_can_add_an_element_or_attribute(offset):
    # GIVEN the same incident twice: once with harmless texts, once with hostile ones
    harmless = with_texts(shop_incident(), (f"x{n}" for n in itertools.count()))
    strings = itertools.islice(itertools.cycle(STRINGS), offset, None)
    hostile = with_texts(shop_incident(), (text or "x" for text in strings))
    # WHEN both are rendered
    expected, found = skeleton(render_page(harmless)), skeleton(render_page(hostile))
    # THEN the pages differ in nothing but texts
    body = [element for element in found.elements if element[0] not in {"text", "title"}]
    assert body == [element for element in expected.elements if element[0] not in {"text", "title"}]
    assert all(address == "data:," or re.fullmatch(r"#[a-z0-9-]+", address) for address in found.addresses)


def test_page_shows_the_contrast_table_of_a_finding_that_has_one(incident):
    page = render_page(incident)
    assert page.count("With the change, and without it</h3>") == 1
    assert "1 of 1 pod reached</td>" in page
    # and its evidence is on the page
    assert re.search(r'undecided\s*<span class="evidence"><a class="chip" href="#e-\d+">21:13:[0-9]{2} [^<]+</a>', page)


def test_templates_have_no_way_round_the_escaping():
    for template in (ROOT / "reports/templates").iterdir():
        text = template.read_text(encoding="utf-8")
        if template.suffix == ".j2":
            assert "|safe" not in text.replace(" ", "")
            assert "autoescape" not in text
            assert not re.search(r"\son\w+=", text)
            assert 'style="' not in text
        if template.suffix == ".js":
            for word in (
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "Function(",
                'setAttribute("style',
            ):
                assert word not in text


def test_a_forgotten_none_is_a_defect_and_not_a_word(incident):
    # GIVEN a document that breaks its contract
    broken = dataclasses.replace(incident.capture, id=None)
    # THEN no page says "None"
    with pytest.raises(TypeError, match="printed None"):
        render_page(dataclasses.replace(incident, capture=broken))
    assert ">None<" not in render_page(incident)


def test_evidence_that_the_document_does_not_hold_is_named_without_a_link(incident):
    document = dataclasses.replace(incident, evidence={})
    page = render_page(document)
    assert "This row is not on this page" in page
    assert 'href="#e-' not in page


def test_large_documents_are_drawn_in_part_and_say_so(incident):
    # GIVEN 400 symptoms in a row of causes
    symptom = incident.symptoms[4]
    many = tuple(
        dataclasses.replace(symptom, id=f"x{n}", finding=None, entity=dataclasses.replace(symptom.entity, id=f"e{n}"))
        for n in range(400)
    )
    edges = tuple(dataclasses.replace(incident.edges[0], source=f"x{n}", target=f"x{n + 1}") for n in range(399))
    entities = {f"e{n}": incident.entities[symptom.entity.id] for n in range(400)}
    document = dataclasses.replace(
        incident,
        findings=(),
        changes=(),
        symptoms=many,
        edges=edges,
        entities=incident.entities | entities,
    )
    # WHEN they are drawn
    picture = causality_picture(document)
    # THEN as many as can be read are, and the rest is counted
    assert len(picture.boxes) == MAX_BOXES
    assert picture.left_out == 400 - MAX_BOXES
    assert f"not drawn: {400 - MAX_ROWS} more objects" in draw_timeline(document).summary
    assert "more objects" in render_page(document)


def test_page_of_a_huge_document_keeps_what_findings_rest_on_and_counts_the_rest(incident, monkeypatch):
    # GIVEN more symptoms and rows than a page holds
    monkeypatch.setattr("reports.page.MAX_SYMPTOMS", 12)
    monkeypatch.setattr("reports.page.MAX_EVIDENCE_ROWS", 20)
    # WHEN it is rendered
    page = render_page(incident)
    # THEN the findings' symptoms and rows are there, and what is left out is counted
    assert "Not listed: 2 more symptoms that no finding explains" in page
    assert f"{len(incident.evidence) - 20} more are in" in page
    for finding in incident.findings:
        for step in finding.chain:
            assert f'id="s-{[s.id for s in incident.symptoms].index(step.symptom_id)}"' in page
            for key in step.evidence:
                assert f'<td data-label="Row" class="code">{key}</td>' in page
    # AND no link leads nowhere
    targets = set(re.findall(r'id="([es]-\d+)"', page))
    assert set(re.findall(r'href="#([es]-\d+)"', page)) <= targets


def test_a_document_with_nothing_in_it_is_a_page(calm):
    # GIVEN a capture of one moment in which nothing was recorded
    capture = dataclasses.replace(
        calm.capture, nodes=(), tables={}, events=0, end=calm.capture.begin, clock_error_ns=None, frozen_because=None
    )
    document = dataclasses.replace(
        calm, capture=capture, changes=(), symptoms=(), entities={}, relations=(), evidence={}, measures=()
    )
    # WHEN it is rendered THEN it says so and has no empty section
    page = render_page(document)
    assert "0 events and 0 changes from 0 recorders over 0\N{NO-BREAK SPACE}ms" in page
    assert 'id="timeline"' not in page
    assert 'id="evidence"' not in page


def test_long_names_lose_their_middle():
    assert fit("cache-5d8f7c9b64-x2v7q/cache", 16) == "cache-5d8…/cache"
    assert fit("中文容器中文容器", 9) == "中文…器"
    assert fit("short", 16) == "short"


def test_picture_begins_with_the_root_cause_and_leaves_out_what_other_links_say(incident):
    picture = causality_picture(incident)
    # GIVEN the chain, THEN the keyboard comes to its begin first, and all of it is drawn
    chain = {step.symptom_id for step in incident.findings[0].chain}
    drawn = {box.symptom.id for box in picture.boxes if box.on_chain}
    assert picture.boxes[0].root
    assert chain <= drawn
    pairs = {(curve.source, curve.target): curve.on_chain for curve in picture.curves}
    for (source, target), on_chain in pairs.items():
        others = {ends for ends in pairs if ends != (source, target)}
        assert on_chain or not any((source, via) in others and (via, target) in others for via, _ in others)


def test_same_symptom_of_many_objects_beside_the_chain_is_one_box(incident):
    finding = incident.findings[0]
    root = finding.chain[0].symptom_id
    like = next(symptom for symptom in incident.symptoms if symptom.nature == "symptom")
    many = tuple(
        dataclasses.replace(like, id=f"x{n}", name="pod-odd", entity=dataclasses.replace(like.entity, id=f"e{n}"))
        for n in range(9)
    )
    edges = tuple(dataclasses.replace(incident.edges[0], source=root, target=symptom.id) for symptom in many)
    document = dataclasses.replace(incident, symptoms=(*incident.symptoms, *many), edges=(*incident.edges, *edges))
    (box,) = [box for box in causality_picture(document).boxes if box.symptom.name == "pod-odd"]
    assert box.line == "9 objects"


def test_page_says_who_made_it_of_which_file_and_when_it_still_failed(incident):
    symptoms = tuple(dataclasses.replace(symptom, is_ongoing=True) for symptom in incident.symptoms)
    page = render_page(dataclasses.replace(incident, symptoms=symptoms), title="night <b>.tapio")
    assert "Tapio post-mortem" in page
    assert "night &lt;b&gt;.tapio" in page
    assert "STILL FAILING when the recording ended" in page
    assert re.search(r"Made by Tapio [0-9]+\.[0-9]+", page)


@pytest.mark.parametrize(
    ("table", "text", "words"),
    [
        ("kube_object", "k8s.object.modified ConfigMap c: data.A 1 → 2", "modified ConfigMap c"),
        ("kube_event", "BackOff Pod a: Back-off", "BackOff Pod a"),
        ("tcp", "tcp.reset_received api (7) to 10.0.0.1:80", "reset received api (7) to 10.0.0.1:80"),
        ("oom", "oom.kill cache (23317)", "oom kill cache (23317)"),
        ("request", "api (22424) server: 1 × 502", "api (22424) server: 1 × 502"),
        ("oom", "alone", "alone"),
    ],
)
def test_links_to_evidence_are_words(incident, table, text, words):
    row = dataclasses.replace(next(iter(incident.evidence.values())), table=table, text=text)
    assert row_words(row) == words


def test_rows_of_evidence_are_in_order_of_time(incident):
    row = next(iter(incident.evidence.values()))
    times = {"tcp:n:100": "2026-11-20T21:13:02.000000000Z", "tcp:n:52": "2026-11-20T21:13:01.000000000Z"}
    rows = {key: dataclasses.replace(row, id=key, time=time) for key, time in times.items()}
    page = render_page(dataclasses.replace(incident, evidence=rows))
    assert page.index(">tcp:n:52<") < page.index(">tcp:n:100<")


def test_summary_calls_fields_what_people_call_them(incident):
    raw = 'spec.template.spec.containers[name=api].env[name=A] was set to {"name":"A","value":"on"}'
    finding = incident.findings[0]
    root = dataclasses.replace(finding.root_cause, what=f"Deployment api: {raw}")
    page = render_page(dataclasses.replace(incident, findings=(dataclasses.replace(finding, root_cause=root),)))
    summary = page.split('<p class="summary">')[1].split("</p>")[0]
    assert "env A of api was set to on" in summary
    assert "spec.template" not in summary
