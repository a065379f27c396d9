"""The post-mortem in a terminal: within its width, inert, and with everything that decides."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from reports.terminal import render
from tests.analyzed import document_of

FIXTURES = Path(__file__).parents[2] / "fixtures"
DEMO, CAPTURES = FIXTURES / "incidents" / "demo.tapio", FIXTURES / "captures"


def test_incident_is_told_from_cause_to_effect_with_times_lags_and_evidence(incident):
    text = render(incident, width=100, color=False, verbose=True)
    in_order = [
        "A configuration change made cache outgrow its memory limit",
        "Do first",
        "The recording is incomplete",
        "21:13:02.404  ConfigMap cache-config: data.MEM_MB 24 → 200",
        "16.9\N{NO-BREAK SPACE}s later, by config-reaches-container",
        "oom:shop-node-1:1041",
        "787 requests to frontend were answered with 502",
        "With the change, and without it:",
        "pods  1 of 1 pod reached",
        "0 of 1 other pod",
        "speaks for it",
        "undecided",
        "What to do",
        "What speaks against it",
        "Who changed the ConfigMap: the API server's audit log is not recorded",
        "Which came first, service-without-endpoints",
        "Finding 2",
        "Other changes that were considered",
        "Deployment docs was rolled out",
        "What is missing from the recording",
        "kernel_ring_full",
    ]
    place = 0
    for part in in_order:
        assert part in text[place:], part
        place = text.index(part, place)


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_lines_keep_to_the_width(incident, width):
    for line in render(incident, width=width, color=False).splitlines():
        assert len(line) <= width or " " not in line.strip().removeprefix("- "), line


def test_color_changes_nothing_but_color(incident):
    plain, colored = render(incident, width=80, color=False), render(incident, width=80, color=True)
    assert "\x1b" not in plain
    assert "\x1b[1;31m" in colored
    assert re.sub(r"\x1b\[[0-9;]+m", "", colored) == plain


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("color", [False, True])
def test_hostile_texts_are_inert(hostile, color, verbose):
    # GIVEN a document with escape sequences, bidi overrides and line breaks in every text
    text = render(hostile, width=80, color=color, verbose=verbose)
    # THEN no control or format character is left but our own colours and line ends
    rest = re.sub(r"\x1b\[(?:0|1|2|33|1;3[124])m", "", text) if color else text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]", rest)


def test_calm_document_is_four_short_paragraphs(calm):
    text = render(calm, width=80, color=False)
    assert text.startswith("No failure was found\n")
    assert len(text.splitlines()) < 13


def test_ordinary_symptoms_are_listed(incident):
    document = dataclasses.replace(
        incident,
        findings=(),
        symptoms=tuple(dataclasses.replace(s, finding=None, severity="error") for s in incident.symptoms),
    )
    text = render(document, width=100, color=False)
    assert text.startswith("No failure was found\n")
    assert "What is ordinary" in text
    assert "642 connections of api to cache:6379 were refused [tcp:shop-node-1:1041" in text


def test_many_changes_are_cut_with_the_way_to_all(incident):
    document = dataclasses.replace(incident, changes=incident.changes[:1] * 9)
    assert "and 4 more; `tapio changes` lists all" in render(document, width=80, color=False, verbose=True)


def test_a_paragraph_is_one_line_if_no_width_is_given(incident):
    text = render(incident, width=None, color=False)
    assert incident.findings[0].title in text.splitlines()[0]
    assert max(map(len, text.splitlines())) > 120


def test_answer_says_impact_cause_fix_and_check_in_this_order_and_steps_by_time():
    # GIVEN a recorded incident in which effects were seen before the container that is their cause failed
    document = document_of(DEMO)
    lines = render(document, width=100, color=False).splitlines()
    # THEN the answer is short, and says everything in the order in which it is needed
    assert lines[0] == "A ConfigMap change made shop/cache exceed its memory limit"
    labels = [line.split()[0] for line in lines if re.match(r"  [A-Z][a-z]+ ", line)]
    assert labels == ["Impact", "Cause", "Fix", "Verify"]
    assert len(lines) <= 30
    assert any("STILL FAILING when the recording ended (03:31:00Z)" in line for line in lines)
    assert any("shop/frontend failed 150 of 272 requests" in line for line in lines)
    # AND what was seen first comes first, by workload and not by pod
    times = [line.split()[0] for line in lines if re.match(r"  [0-9:]{8}[.]", line)]
    assert times == sorted(times)
    assert len(times) == len(document.findings[0].chain)
    assert "pgf9skdmvh" not in "\n".join(lines)
    # AND a step of the finding is not called irrelevant
    (aside,) = [line for line in lines if line.startswith("Changes that are not the cause: ")]
    assert "deploy/docs" in aside
    assert "deploy/cache" not in aside


def test_command_is_on_one_line_however_narrow_the_terminal_is():
    document = document_of(DEMO)
    text = render(document, width=40, color=False)
    for command in document.findings[0].fix:
        assert command in text


def test_change_that_triggered_a_failure_without_being_at_fault_is_told_as_such():
    text = render(document_of(CAPTURES / "configmap-missing-key.tapio"), width=None, color=False)
    assert "  Trigger  18:28:31Z  deploy/api  image of api localhost/svcd:1.0 → localhost/svcd:1.1\n" in text
    assert "deploy/api" not in text[text.index("Changes that are not the cause") :]


def test_symptom_without_a_recorded_cause_is_not_called_the_cause():
    text = render(document_of(CAPTURES / "derived-crash-without-change.tapio"), width=None, color=False)
    assert "  Symptom  18:17:00Z  deploy/api  exited with code 1\n" in text
    assert "No recorded change explains it" in text
    assert "  Cause " not in text


def test_state_that_cannot_work_is_the_cause_and_no_command_is_told_twice():
    text = render(document_of(FIXTURES / "states" / "service-selector.tapio"), width=None, color=False)
    assert "  Cause    2026-11-17 11:06:40Z  svc/orders  selects no pod" in text
    assert "No recorded change explains it" not in text
    assert text.count("kubectl -n harbor patch service orders") == 1
