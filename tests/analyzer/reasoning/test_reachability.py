"""Promises of `analyzer.reasoning.reachability`, and that one query over many causes finds what a query each finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.analyze import analyze_capture
from analyzer.knowledge.shipped import read_knowledge
from analyzer.reasoning import causality, reachability
from formats.capture.reading import open_capture
from formats.postmortem.document import Document

ROOT = Path(__file__).resolve().parents[3]
CAPTURES = ("incidents/demo", "captures/db-readiness-cascade", "captures/quota-failedcreate")


def _analyze(name: str) -> Document:
    capture = open_capture(ROOT / f"fixtures/{name}.tapio")
    return analyze_capture(capture, read_knowledge(), threads=1)


@pytest.mark.parametrize("name", CAPTURES)
def test_a_query_for_all_causes_finds_what_a_query_for_each_finds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    together = _analyze(name)
    asked = []
    monkeypatch.setattr(causality, "_is_small", lambda *ends: asked.append(ends) or False)
    assert _analyze(name) == together
    assert asked
    assert together.edges


@pytest.mark.parametrize("name", CAPTURES)
def test_what_is_left_out_as_unreachable_would_find_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    left_out = _analyze(name)
    refused = []
    may_link = reachability.Reachability.may_link

    def admit(self: reachability.Reachability, rule, path) -> bool:
        if not may_link(self, rule, path):
            refused.append(rule.name)
        return True

    monkeypatch.setattr(reachability.Reachability, "may_link", admit)
    assert _analyze(name) == left_out
    assert refused


def test_a_capture_with_many_relations_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    followed = _analyze("incidents/demo")
    monkeypatch.setattr(reachability, "MAX_RELATIONS", 1)
    assert _analyze("incidents/demo") == followed
