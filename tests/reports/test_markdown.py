"""Promises of the Markdown: the same answer, commands to paste, and nothing recorded that is rendered as markup."""

from __future__ import annotations

import re

import pytest

from reports.answer import answer
from reports.markdown import code, render_markdown


def test_every_finding_has_its_answer(incident):
    text = render_markdown(incident)
    for finding in incident.findings:
        told = answer(incident, finding)
        assert f"### {code(told.title)}\n" in text
        assert f"Severity **{told.severity}**, confidence **{told.confidence}**" in text
    assert text.count("- **Impact:**") == len(incident.findings)


def test_calm_recording_says_so(calm):
    assert render_markdown(calm).startswith("### `No failure was found`\n")


def test_recorded_texts_are_in_code_spans_alone(hostile):
    # GIVEN a document with markup, mentions, links and control characters in every text
    rest = re.sub(r"`[^`\n]*`", "", render_markdown(hostile).replace("```sh", "").replace("```", ""))
    # THEN nothing but our own words is outside of code spans
    assert not re.search(r"[<>\[\]@|\\]|https?:|javascript", rest), rest


@pytest.mark.parametrize("evil", ["a`b", "```", "`", "a\n# b", "<script>", "@channel", "\u202ea", "[x](http://y)"])
def test_no_text_gets_out_of_its_code_span(evil):
    shown = code(evil)
    assert re.fullmatch(r"`[^`\n\u202e]+`", shown)


def test_empty_text_is_told():
    assert code(" ") == "(nothing)"
