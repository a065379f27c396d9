"""Promises of `analyzer.reasoning.relation_paths`: following relations finds what the query of each path finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.analyze import analyze_capture
from analyzer.reasoning import relation_paths
from analyzer.reasoning.relation_paths import RelationPaths
from formats.capture.reading import open_capture
from formats.postmortem.document import Document
from tests.analyzed import shipped_knowledge
from tests.sweeps import share

ROOT = Path(__file__).resolve().parents[3]
CAPTURES = ("incidents/demo", "captures/quota-failedcreate")
pytestmark = pytest.mark.slow
"""Why: each test asks a query for every path of every cause."""


def _analyze(name: str) -> Document:
    capture = open_capture(ROOT / f"fixtures/{name}.tapio")
    return analyze_capture(capture, shipped_knowledge(), threads=1)


@pytest.mark.parametrize("name", share(CAPTURES))
def test_following_relations_finds_what_the_query_of_each_path_finds(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed = _analyze(name)
    asked = []
    monkeypatch.setattr(RelationPaths, "can_find_pairs", lambda _self, rule: bool(asked.append(rule)))
    assert _analyze(name) == followed
    assert asked
    assert followed.edges


@pytest.mark.parametrize("name", share(CAPTURES))
def test_what_is_left_out_as_unreachable_would_find_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    left_out = _analyze(name)
    refused = []
    may_link = RelationPaths.may_link

    def admit(self: RelationPaths, rule, path) -> bool:
        if not may_link(self, rule, path):
            refused.append(rule.name)
        return True

    monkeypatch.setattr(RelationPaths, "may_link", admit)
    monkeypatch.setattr(RelationPaths, "can_find_pairs", lambda _self, _rule: False)
    assert _analyze(name) == left_out
    assert refused


@pytest.mark.slow
def test_a_capture_with_many_relations_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    followed = _analyze("incidents/demo")
    monkeypatch.setattr(relation_paths, "MAX_RELATIONS", 1)
    assert _analyze("incidents/demo") == followed
