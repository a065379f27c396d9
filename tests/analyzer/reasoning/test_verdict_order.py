"""Promises of the order of findings after verdicts: it follows the moved confidence, and is the same without verdicts."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from analyzer.knowledge.rules import Knowledge, Verdicts
from analyzer.reasoning.causal_graph import CausalGraph
from analyzer.reasoning.root_cause import Candidate, rank_candidates
from analyzer.reasoning.verdict_order import order_by_verdicts
from tests.analyzer.hand_made import add_entities, add_trouble, graph_of, make_tables, symptom_text
from tests.analyzer.knowledge_text import load_text

SYMPTOMS = (
    symptom_text("crash"),
    symptom_text("outage"),
    symptom_text("stall"),
    symptom_text("echo", more="role: effect\n"),
)


def pattern_text(root: str) -> str:
    return f"kind: Pattern\nname: {root}-alone\ntitle: t\ncategory: runtime\nmeaning: m\nroot: [{root}]\n"


@pytest.fixture
def graph(engine) -> CausalGraph:
    """Three failures of different pods that nothing connects, and an effect whose cause was not recorded."""
    make_tables(engine)
    add_entities(engine, "Pod/a", "Pod/b", "Pod/c", "Pod/d")
    for second, pod, name in ((3, "a", "crash"), (4, "b", "outage"), (5, "c", "stall"), (6, "d", "echo")):
        add_trouble(engine, second, f"Pod/{pod}", name)
    return graph_of(engine, SYMPTOMS)


def knowledge_after(**verdicts: tuple[float, float]) -> Knowledge:
    """Each of the symptoms has a pattern, with so many right and wrong verdicts."""
    knowledge = load_text(*SYMPTOMS, *(pattern_text(name) for name in ("crash", "outage", "stall")))
    said = {f"{name}-alone": Verdicts(*counts, "team.jsonl") for name, counts in verdicts.items()}
    return replace(
        knowledge, patterns=tuple(replace(rule, verdicts=said.get(rule.name)) for rule in knowledge.patterns)
    )


def names(candidates: tuple[Candidate, ...]) -> list[str]:
    return [candidate.root.rule.name for candidate in candidates]


@pytest.mark.parametrize(
    ("verdicts", "order"),
    [
        ({}, ["crash", "outage", "stall", "echo"]),
        ({"crash": (0, 1)}, ["outage", "stall", "crash", "echo"]),
        ({"stall": (1, 0)}, ["stall", "crash", "outage", "echo"]),
        ({"outage": (2, 0), "crash": (1, 1), "stall": (0, 3)}, ["outage", "crash", "stall", "echo"]),
        ({"crash": (0, 50), "outage": (0, 50), "stall": (0, 50)}, ["crash", "outage", "stall", "echo"]),
    ],
)
def test_findings_are_ordered_with_the_moved_confidence(
    graph: CausalGraph, verdicts: dict[str, tuple[float, float]], order: list[str]
) -> None:
    candidates = rank_candidates(graph)
    assert names(candidates) == ["crash", "outage", "stall", "echo"]
    assert names(order_by_verdicts(candidates, graph, knowledge_after(**verdicts).patterns)) == order


def test_verdicts_that_change_no_confidence_keep_every_order_of_scores(graph: CausalGraph) -> None:
    # GIVEN candidates in an order that the search found, with scores that do not only fall
    candidates = rank_candidates(graph)
    unmoved = knowledge_after(crash=(4, 1), outage=(4, 1), stall=(0, 0)).patterns
    for scores in permutations((1.0, 2.0, 3.0)):
        found = tuple(replace(candidate, score=score) for candidate, score in zip(candidates[:3], scores, strict=True))
        # WHEN the posterior mean is the prior mean THEN nothing moves
        assert order_by_verdicts(found, graph, unmoved) == found


def test_a_verdict_outweighs_a_score_only_by_its_factor(graph: CausalGraph) -> None:
    crash, outage, *_rest = rank_candidates(graph)
    # GIVEN a factor of (4 / 6) / (4 / 5) = 0.83 on the first
    patterns = knowledge_after(crash=(0, 1)).patterns
    for score, order in ((1.19, ["outage", "crash"]), (1.21, ["crash", "outage"])):
        found = (replace(crash, score=score), replace(outage, score=1.0))
        assert names(order_by_verdicts(found, graph, patterns)) == order
