"""Promises of root-cause ranking: a change or a first symptom, the one that explains most, and nothing that explains nothing."""

from __future__ import annotations

import itertools

import pytest

from analyzer.reasoning import root_cause
from analyzer.reasoning.beginnings import find_beginnings
from analyzer.reasoning.chains import tell_chain
from analyzer.reasoning.patterns import match_pattern
from analyzer.reasoning.root_cause import rank_candidates
from tests.analyzer.hand_made import (
    add_entities,
    add_mishap,
    add_trouble,
    cause_text,
    graph_of,
    make_tables,
    relate,
    symptom_text,
)
from tests.analyzer.knowledge_text import load_text

NAMES = ("crash", "outage", "error")
SYMPTOMS = (symptom_text("edit", nature="change"), symptom_text("restart", nature="context", severity="info"),
            symptom_text("slow", severity="warning"), symptom_text("echo", more="role: effect\n"),
            *(symptom_text(name) for name in NAMES))  # fmt: skip


@pytest.fixture
def tables(engine):
    make_tables(engine)
    add_entities(engine, "ConfigMap/conf", "ConfigMap/other", *(f"Pod/{name}" for name in "abcdefgh"))
    for name in "abc":
        relate(engine, "USES", f"Pod/{name}", "ConfigMap/conf")
    return engine


def roots(graph):
    return [(one.root.rule.name, one.root.entity_id) for one in rank_candidates(graph)]


USES = "ConfigMap <-USES- Pod"


def test_nothing_severe_means_no_candidate(tables):
    add_trouble(tables, 1, "ConfigMap/conf", "edit")
    add_trouble(tables, 2, "Pod/a", "slow")
    assert roots(graph_of(tables, [*SYMPTOMS, cause_text("c", "edit", "slow", through=USES)])) == []


def test_change_that_leads_to_the_severe_symptoms_is_the_root(tables):
    # GIVEN two changes, one of which is used by what crashes
    add_trouble(tables, 1, "ConfigMap/conf", "edit")
    add_trouble(tables, 2, "ConfigMap/other", "edit")
    add_trouble(tables, 3, "Pod/a", "crash")
    add_trouble(tables, 4, "Pod/a", "outage")
    graph = graph_of(
        tables, [*SYMPTOMS, cause_text("c", "edit", "crash", through=USES), cause_text("d", "crash", "outage")]
    )
    (candidate,) = rank_candidates(graph)
    # THEN it explains both, by a path of two edges
    assert candidate.root.entity_id == "ConfigMap/conf"
    assert len(candidate.explains) == 2
    assert [edge.rule for edge in tell_chain(candidate, graph, ())] == ["c", "d"]
    assert candidate.reach.confidence[candidate.explains[1]] == pytest.approx(0.64, abs=0.02)


def test_symptom_that_nothing_explains_is_its_own_root(tables):
    add_trouble(tables, 3, "Pod/a", "slow")
    add_trouble(tables, 4, "Pod/a", "outage")
    assert roots(graph_of(tables, [*SYMPTOMS, cause_text("c", "slow", "outage")])) == [("slow", "Pod/a")]


def test_context_is_never_a_root(tables):
    add_trouble(tables, 3, "Pod/a", "restart")
    add_trouble(tables, 4, "Pod/a", "crash")
    graph = graph_of(tables, [*SYMPTOMS, cause_text("c", "restart", "crash", confidence=0.99)])
    assert roots(graph) == [("crash", "Pod/a")]


def test_context_carries_a_change(tables):
    add_trouble(tables, 2, "Pod/a", "edit")
    add_trouble(tables, 3, "Pod/a", "restart")
    add_trouble(tables, 4, "Pod/a", "crash")
    rules = [
        *SYMPTOMS,
        cause_text("c", "edit", "restart", confidence=0.95),
        cause_text("d", "restart", "crash", confidence=0.95),
    ]
    assert roots(graph_of(tables, rules)) == [("edit", "Pod/a")]


def test_weak_explanation_is_none(tables):
    add_trouble(tables, 2, "ConfigMap/conf", "edit")
    add_trouble(tables, 4, "Pod/a", "crash")
    rules = [*SYMPTOMS, cause_text("c", "edit", "crash", through=USES, confidence=0.3)]
    assert roots(graph_of(tables, rules))[0] == ("crash", "Pod/a")


def test_effect_whose_cause_was_not_recorded_is_not_passed_over_in_silence(tables):
    # GIVEN a failure with a cause, and an effect of something that nobody recorded
    add_trouble(tables, 3, "Pod/d", "outage")
    add_trouble(tables, 4, "Pod/a", "echo")
    candidates = rank_candidates(graph_of(tables, SYMPTOMS))
    # THEN the effect comes last and is not taken for a cause
    assert [(one.root.rule.name, one.is_cause) for one in candidates] == [("outage", True), ("echo", False)]


def test_effect_with_a_recorded_cause_begins_nothing(tables):
    add_trouble(tables, 3, "Pod/a", "outage")
    add_trouble(tables, 4, "Pod/a", "echo")
    assert roots(graph_of(tables, [*SYMPTOMS, cause_text("c", "outage", "echo")])) == [("outage", "Pod/a")]


def test_what_an_unexplained_effect_leads_to_begins_no_finding_of_its_own(tables):
    # GIVEN an effect that nobody explains and that leads to two failures, of which the later one explains the earlier
    add_trouble(tables, 2, "Pod/a", "echo")
    add_trouble(tables, 3, "Pod/a", "outage")
    add_trouble(tables, 5, "Pod/a", "crash")
    rules = [
        *SYMPTOMS,
        cause_text("c", "echo", "outage"),
        cause_text("d", "echo", "crash"),
        cause_text("e", "crash", "outage", more="lag: [-5s, 1m]\n"),
    ]
    # WHEN
    candidates = rank_candidates(graph_of(tables, rules))
    # THEN one story is told, whose cause was not recorded
    assert [(one.root.rule.name, one.is_cause) for one in candidates] == [("echo", False)]


def test_a_failure_that_leads_to_an_effect_begins_before_it(tables):
    # GIVEN the same, but the effect follows from the crash as much as the crash from it
    add_trouble(tables, 2, "Pod/a", "echo")
    add_trouble(tables, 3, "Pod/a", "crash")
    rules = [*SYMPTOMS, cause_text("d", "echo", "crash"), cause_text("e", "crash", "echo", more="lag: [-5s, 1m]\n")]
    # WHEN / THEN
    assert roots(graph_of(tables, rules)) == [("crash", "Pod/a")]


def test_a_change_does_not_explain_what_follows_much_better_from_an_unexplained_effect(tables):
    # GIVEN an edit that may have brought about a failure a little, and an effect from which it follows
    add_trouble(tables, 1, "ConfigMap/conf", "edit")
    add_trouble(tables, 2, "Pod/b", "echo")
    add_trouble(tables, 3, "Pod/a", "crash")
    relate(tables, "CALLS", "Pod/a", "Pod/b")
    for confidence, expected in ((0.4, "echo"), (0.6, "edit")):
        rules = [
            *SYMPTOMS,
            cause_text("c", "edit", "crash", through=USES, confidence=confidence),
            cause_text("d", "echo", "crash", through="Pod <-CALLS- Pod", confidence=0.95),
        ]
        # WHEN / THEN
        assert roots(graph_of(tables, rules))[0][0] == expected


@pytest.mark.parametrize(("role", "expected"), [("place", "edit"), ("any", "fault")])
def test_what_tells_only_where_it_fails_comes_after_a_change_that_explains_nearly_as_much(tables, role, expected):
    # GIVEN a failure that follows from an edit, and a little better from a fault
    add_trouble(tables, 1, "ConfigMap/conf", "edit")
    add_trouble(tables, 2, "Pod/a", "fault")
    add_trouble(tables, 3, "Pod/a", "crash")
    rules = [
        *SYMPTOMS,
        symptom_text("fault", severity="warning", more=f"role: {role}\n"),
        cause_text("c", "edit", "crash", through=USES, confidence=0.7),
        cause_text("d", "fault", "crash", confidence=0.8),
    ]
    # WHEN / THEN
    assert roots(graph_of(tables, rules))[0][0] == expected


STEPS = ("one", "two", "three", "four", "five", "six")


def weak_chain(tables, *, last_role=""):
    """Six severe symptoms of one pod, each the modest effect of the one before."""
    for second, name in enumerate(STEPS, start=1):
        add_trouble(tables, second, "Pod/a", name)
    rules = [symptom_text(name) for name in STEPS[:-1]]
    rules.append(symptom_text(STEPS[-1], more=last_role))
    rules += [
        cause_text(f"{cause}-{effect}", cause, effect, confidence=0.6) for cause, effect in itertools.pairwise(STEPS)
    ]
    return graph_of(tables, rules)


def test_what_only_a_path_too_weak_leads_to_begins_a_finding_of_its_own(tables):
    # GIVEN five edges of 0.6: the path to the fifth symptom has 0.13, that to the sixth 0.08, below the minimum
    candidates = rank_candidates(weak_chain(tables))
    # THEN the sixth is not passed over in silence
    assert [(one.root.rule.name, len(one.explains), one.is_cause) for one in candidates] == [
        ("one", 5, True),
        ("six", 1, True),
    ]


def test_effect_that_only_a_path_too_weak_leads_to_is_unexplained(tables):
    candidates = rank_candidates(weak_chain(tables, last_role="role: effect\n"))
    assert [(one.root.rule.name, one.is_cause) for one in candidates] == [("one", True), ("six", False)]


def test_severe_symptoms_behind_the_last_candidate_searched_are_not_passed_over(tables, monkeypatch):
    # GIVEN two changes of which only the first is searched from
    monkeypatch.setattr(root_cause, "MAX_CANDIDATES", 1)
    add_trouble(tables, 1, "ConfigMap/other", "edit")
    add_trouble(tables, 2, "ConfigMap/conf", "edit")
    add_trouble(tables, 3, "Pod/a", "crash")
    add_trouble(tables, 4, "Pod/a", "outage")
    relate(tables, "USES", "Pod/d", "ConfigMap/other")
    add_trouble(tables, 3, "Pod/d", "error")
    rules = [
        *SYMPTOMS,
        cause_text("c", "edit", "crash, error", through=USES),
        cause_text("d", "crash", "outage"),
    ]
    # THEN what the other explains begins with the earliest of it
    assert roots(graph_of(tables, rules)) == [("edit", "ConfigMap/other"), ("crash", "Pod/a")]


def test_effects_are_not_searched_from_when_everything_is_explained(tables, monkeypatch):
    add_trouble(tables, 3, "Pod/a", "crash")
    add_trouble(tables, 4, "Pod/a", "echo")
    graph = graph_of(tables, [*SYMPTOMS, cause_text("c", "crash", "echo")])
    asked = []

    def find_and_note(graph, severe, *, with_effects):
        asked.append(with_effects)
        return find_beginnings(graph, severe, with_effects=with_effects)

    monkeypatch.setattr(root_cause, "find_beginnings", find_and_note)
    rank_candidates(graph)
    assert asked == [False]


def test_what_goes_on_at_the_end_of_the_recording_ranks_before_what_healed(tables):
    # GIVEN two failures of which the later one is still there when the capture ends, at second 1,000
    add_trouble(tables, 3, "Pod/d", "outage", end=500)
    add_trouble(tables, 400, "Pod/a", "outage", end=1000, is_open=True)
    assert roots(graph_of(tables, SYMPTOMS)) == [("outage", "Pod/a"), ("outage", "Pod/d")]


def test_a_failed_job_ranks_after_an_equal_failure_of_what_serves(tables):
    # GIVEN a Job that fails first, and fails as surely as a pod that others call
    add_entities(tables, "Job/report")
    add_trouble(tables, 3, "Job/report", "outage", end=1000, is_open=True)
    add_trouble(tables, 4, "Pod/a", "outage", end=1000, is_open=True)
    assert roots(graph_of(tables, SYMPTOMS)) == [("outage", "Pod/a"), ("outage", "Job/report")]


def test_what_passes_within_its_ordinary_time_makes_no_finding(tables):
    short = symptom_text("blip", more="ordinary: {shorter_than: 20s}\n")
    add_trouble(tables, 100, "Pod/a", "blip", end=110)
    assert roots(graph_of(tables, [*SYMPTOMS, short])) == []
    # but it does if it lasts longer, or is not over when the recording ends
    add_trouble(tables, 200, "Pod/b", "blip", end=221)
    add_trouble(tables, 990, "Pod/c", "blip", end=1000, is_open=True)
    assert roots(graph_of(tables, [*SYMPTOMS, short])) == [("blip", "Pod/c"), ("blip", "Pod/b")]


def test_what_shows_in_moments_may_go_on_if_it_was_seen_just_before_the_end(tables):
    # GIVEN mishaps of which nothing tells whether they are over, at the end of the capture (second 1,000) and before
    mishap = symptom_text("slip", more="ordinary: {shorter_than: 20s}\n").replace("from: trouble", "from: mishap")
    add_mishap(tables, 900, "Pod/a", "slip")
    add_mishap(tables, 990, "Pod/b", "slip")
    assert roots(graph_of(tables, [*SYMPTOMS, mishap])) == [("slip", "Pod/b")]


def test_what_its_rule_calls_ordinary_makes_no_finding_but_explains(tables):
    # GIVEN attempts that are ordinary while they are small, and an outage that they lead to
    attempt = symptom_text("attempt", more="ordinary: {when: size < 5}\nmerge: 1s\n")
    add_trouble(tables, 100, "Pod/a", "attempt", size=1)
    add_trouble(tables, 200, "Pod/b", "attempt", size=1)
    add_trouble(tables, 200.5, "Pod/b", "attempt", size=9)
    add_trouble(tables, 300, "Pod/c", "attempt", size=1)
    add_trouble(tables, 301, "Pod/c", "outage")
    graph = graph_of(tables, [*SYMPTOMS, attempt, cause_text("c", "attempt", "outage")])
    assert roots(graph) == [("attempt", "Pod/b"), ("attempt", "Pod/c")]


def test_a_start_that_healed_by_itself_makes_no_finding(tables):
    # GIVEN a change of which the rule says that what it leads to passes
    start = symptom_text("start", nature="change", severity="info", more="ordinary: {heals_within: 30s}\n")
    knowledge = [*SYMPTOMS, start, cause_text("c", "start", "outage", through=USES)]
    add_trouble(tables, 1, "ConfigMap/conf", "start")
    add_trouble(tables, 3, "Pod/a", "outage", end=50)
    assert roots(graph_of(tables, knowledge)) == []
    # but it does as soon as one of them goes on, and then for all of them
    add_trouble(tables, 4, "Pod/b", "outage", end=1000, is_open=True)
    assert roots(graph_of(tables, knowledge)) == [("start", "ConfigMap/conf")]


def test_a_start_is_given_time_before_the_recording_ends(tables):
    # GIVEN starts 30 s and 31 s before the end of the capture (second 1,000), and what they lead to goes on
    start = symptom_text("start", nature="change", severity="info", more="ordinary: {heals_within: 30s}\n")
    knowledge = [*SYMPTOMS, start, cause_text("c", "start", "outage")]
    add_trouble(tables, 970, "Pod/a", "start")
    add_trouble(tables, 971, "Pod/a", "outage", end=1000, is_open=True)
    assert roots(graph_of(tables, knowledge)) == []
    add_trouble(tables, 969, "Pod/b", "start")
    add_trouble(tables, 971, "Pod/b", "outage", end=1000, is_open=True)
    assert roots(graph_of(tables, knowledge)) == [("start", "Pod/b")]


def test_a_start_ranks_after_a_failure_that_explains_as_much(tables):
    start = symptom_text("start", nature="change", severity="info", more="ordinary: {heals_within: 30s}\n")
    add_trouble(tables, 1, "ConfigMap/conf", "start")
    add_trouble(tables, 3, "Pod/a", "outage", end=1000, is_open=True)
    add_trouble(tables, 4, "Pod/d", "crash", end=1000, is_open=True)
    graph = graph_of(tables, [*SYMPTOMS, start, cause_text("c", "start", "outage", through=USES, confidence=0.97)])
    assert roots(graph) == [("crash", "Pod/d"), ("start", "ConfigMap/conf")]


def test_a_start_with_a_fatal_effect_makes_a_finding_even_if_it_healed(tables):
    start = symptom_text("start", nature="change", severity="info", more="ordinary: {heals_within: 30s}\n")
    death = symptom_text("death", severity="fatal")
    add_trouble(tables, 1, "ConfigMap/conf", "start")
    add_trouble(tables, 3, "Pod/a", "death", end=50)
    graph = graph_of(tables, [*SYMPTOMS, start, death, cause_text("c", "start", "death", through=USES)])
    assert roots(graph) == [("start", "ConfigMap/conf")]


def test_what_the_best_candidate_leaves_open_gets_its_own(tables):
    add_trouble(tables, 1, "ConfigMap/conf", "edit")
    for name in "abc":
        add_trouble(tables, 3, f"Pod/{name}", "crash")
    add_trouble(tables, 3, "Pod/d", "outage")
    graph = graph_of(tables, [*SYMPTOMS, cause_text("c", "edit", "crash", through=USES)])
    assert roots(graph) == [("edit", "ConfigMap/conf"), ("outage", "Pod/d")]


def test_circle_of_symptoms_begins_with_the_earliest(tables):
    add_trouble(tables, 3, "Pod/a", "crash", end=20)
    add_trouble(tables, 4, "Pod/a", "outage", end=20)
    around = "lag: [-60s, 60s]\n"
    graph = graph_of(
        tables,
        [*SYMPTOMS, cause_text("c", "crash", "outage", more=around), cause_text("d", "outage", "crash", more=around)],
    )
    assert roots(graph) == [("crash", "Pod/a")]


def test_pods_of_one_workload_that_fail_alike_are_one_finding(tables):
    tables.execute("UPDATE entity SET workload_id = 'Deployment/x' WHERE kind = 'Pod'")
    for name in "abc":
        add_trouble(tables, 3, f"Pod/{name}", "crash")
    candidates = rank_candidates(graph_of(tables, SYMPTOMS))
    assert [(one.root.entity_id, len(one.siblings)) for one in candidates] == [("Pod/a", 2)]


def test_close_rival_is_kept(tables):
    relate(tables, "USES", "Pod/a", "ConfigMap/other")
    add_trouble(tables, 1, "ConfigMap/conf", "edit")
    add_trouble(tables, 2, "ConfigMap/other", "edit")
    add_trouble(tables, 3, "Pod/a", "crash")
    (candidate,) = rank_candidates(graph_of(tables, [*SYMPTOMS, cause_text("c", "edit", "crash", through=USES)]))
    assert len(candidate.rivals) == 1


def test_chain_passes_the_waypoints_and_ends_with_the_furthest_effect(tables):
    add_trouble(tables, 1, "Pod/a", "edit")
    for at, name in ((2, "crash"), (3, "outage"), (4, "error")):
        add_trouble(tables, at, "Pod/a", name)
    rules = [
        *SYMPTOMS,
        cause_text("one", "edit", "crash"),
        cause_text("two", "crash", "outage"),
        cause_text("three", "outage", "error"),
        cause_text("short", "edit", "outage", confidence=0.9),
    ]
    graph = graph_of(tables, rules)
    (candidate,) = rank_candidates(graph)
    # WHEN no waypoint is given THEN the surest path is told, else the one that passes it
    assert [edge.rule for edge in tell_chain(candidate, graph, ())] == ["short", "three"]
    assert [edge.rule for edge in tell_chain(candidate, graph, ("crash",))] == ["one", "two", "three"]


PATTERN = """
kind: Pattern
name: {name}
title: t
category: c
meaning: m
root: [edit]
requires: {requires}
chain: {chain}
"""


def test_pattern_that_requires_more_wins_then_the_one_of_which_more_was_found(tables):
    add_trouble(tables, 1, "Pod/a", "edit")
    add_trouble(tables, 2, "Pod/a", "crash")
    graph = graph_of(tables, [*SYMPTOMS, cause_text("one", "edit", "crash")])
    (candidate,) = rank_candidates(graph)

    def best(*patterns):
        texts = [PATTERN.format(name=name, requires=requires, chain=chain) for name, requires, chain in patterns]
        match = match_pattern(candidate, graph, load_text(*SYMPTOMS, *texts).patterns)
        return match and match.pattern.name

    loose, strict = ("loose", "[]", "[crash]"), ("strict", "['outage | crash']", "[crash, outage]")
    absent, half = ("absent", "[outage]", "[crash]"), ("half", "[]", "[crash, outage]")
    assert best(loose, strict, absent) == "strict"
    assert best(half, loose) == "loose"
    assert best(absent) is None
    assert best(("other", "[]", "[outage]")) is None
    # AND a general one is taken only where no other fits, whatever it requires
    general = ("general", "[crash]\ngeneral: true", "[crash]")
    assert best(half, general) == "half"
    assert best(absent, general) == "general"


def test_what_was_so_when_the_recording_began_is_ordinary_where_the_rule_says_so(tables):
    # GIVEN a rule for which only what begins later is a failure; the capture begins at second 0
    denial = symptom_text("denial", more="ordinary: {begins_within: 5s}\n")
    add_trouble(tables, 5, "Pod/a", "denial", end=100)
    add_trouble(tables, 6, "Pod/b", "denial", end=100)
    assert roots(graph_of(tables, [*SYMPTOMS, denial])) == [("denial", "Pod/b")]
