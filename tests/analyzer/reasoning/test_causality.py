"""Promises of causality: an edge needs a relation that held and an admissible lag, and says how sure it is and why."""

from __future__ import annotations

import pytest

from analyzer.knowledge.compile import CAUSES_OF_AN_EFFECT, EPISODES_OF_A_SIDE
from analyzer.model.losses import ClockErrors
from formats.errors import KnowledgeError
from tests.analyzer.hand_made import (
    SECOND,
    add_entities,
    add_trouble,
    cause_text,
    graph_of,
    make_tables,
    relate,
    symptom_text,
)

RULES = (symptom_text("edit", nature="change"), symptom_text("crash", more="keep: [size]\n"))


@pytest.fixture
def tables(engine):
    """ConfigMap conf is used by Pod a, which has a container; Pod b uses nothing."""
    make_tables(engine)
    add_entities(engine, "ConfigMap/conf", "Pod/a", "Pod/b", "Container/a")
    relate(engine, "USES", "Pod/a", "ConfigMap/conf")
    relate(engine, "CONTAINS", "Pod/a", "Container/a")
    return engine


def edges(graph):
    return [(graph.symptoms[edge.source].entity_id, graph.symptoms[edge.target].entity_id) for edge in graph.edges]


def test_edge_needs_the_relation(tables):
    # GIVEN a change of the ConfigMap, and crashes in the container that uses it and in a pod that does not
    add_trouble(tables, 10, "ConfigMap/conf", "edit")
    add_trouble(tables, 20, "Container/a", "crash")
    add_trouble(tables, 20, "Pod/b", "crash")
    path = "ConfigMap <-USES- Pod -CONTAINS-> Container"
    # WHEN
    graph = graph_of(tables, [*RULES, cause_text("c", "edit", "crash", through=path)])
    # THEN only what uses it is linked, and the edge says by what
    assert edges(graph) == [("ConfigMap/conf", "Container/a")]
    (edge,) = graph.edges
    assert edge.relation == "ConfigMap conf <-USES- Pod a -CONTAINS-> Container a"
    assert edge.says == "Container a follows ConfigMap conf"
    assert edge.lag_ns == 10 * SECOND
    assert edge.evidence == ("kube_object:n:4", "kube_object:n:8")


@pytest.mark.parametrize(("at", "linked"), [(9, False), (10, True), (70, True), (71, False)])
def test_edge_needs_an_admissible_lag(tables, at, linked):
    add_trouble(tables, 10, "Pod/a", "edit")
    add_trouble(tables, at, "Pod/a", "crash")
    assert bool(graph_of(tables, [*RULES, cause_text("c", "edit", "crash")]).edges) is linked


def test_cause_that_lasts_works_as_long_as_it_lasts(tables):
    # GIVEN a cause from 10 to 200, and an effect 50 s after its end
    add_trouble(tables, 10, "Pod/a", "edit", end=200)
    add_trouble(tables, 250, "Pod/a", "crash")
    (edge,) = graph_of(tables, [*RULES, cause_text("c", "edit", "crash")]).edges
    # THEN it is allowed, at the late end: 0.8 less 30 % of 50/60
    assert edge.confidence == pytest.approx(0.8 * (1 - 0.3 * 50 / 60), abs=1e-4)
    assert "0.75 because it began 50.0 s later, of 1 min allowed" in edge.how


@pytest.mark.parametrize(
    ("begin", "end", "linked"), [(0, 1000, True), (0, 14, False), (16, 1000, True), (26, 1000, False)]
)
def test_relation_must_hold_when_the_effect_shows(tables, begin, end, linked):
    relate(tables, "OWNS", "Pod/b", "Pod/a", begin, end=end)
    add_trouble(tables, 10, "Pod/b", "edit")
    add_trouble(tables, 20, "Pod/a", "crash")
    graph = graph_of(tables, [*RULES, cause_text("c", "edit", "crash", through="Pod -OWNS-> Pod")])
    assert bool(graph.edges) is linked


def test_kinds_of_the_path_are_asked_for(tables):
    add_trouble(tables, 10, "ConfigMap/conf", "edit")
    add_trouble(tables, 20, "Pod/a", "crash")
    for through, linked in (("ConfigMap <-USES- Pod", True), ("* <-USES- *", True), ("Secret <-USES- Pod", False),
                            ("PersistentVolumeClaim|Secret <-USES- Pod", False)):  # fmt: skip
        graph = graph_of(tables, [*RULES, cause_text("c", "edit", "crash", through=through)])
        assert bool(graph.edges) is linked, through


def test_condition_compares_both_ends(tables):
    add_trouble(tables, 10, "Pod/a", "edit")
    for at, size in ((20, 1), (30, 7)):
        add_trouble(tables, at, "Pod/a", "crash", size=size)
    when = "when: effect.size > 5 AND effect.kind = 'Pod' AND cause.from_ns < effect.from_ns\n"
    graph = graph_of(tables, [*RULES, cause_text("c", "edit", "crash", more=when)])
    assert [graph.symptoms[edge.target].details["size"] for edge in graph.edges] == ["7"]


def test_condition_that_fails_is_blamed_by_its_place(tables):
    add_trouble(tables, 10, "Pod/a", "edit")
    add_trouble(tables, 20, "Pod/a", "crash", size=2**63 - 1)
    with pytest.raises(KnowledgeError, match=r"cause `c` fails on this capture"):
        graph_of(tables, [*RULES, cause_text("c", "edit", "crash", more="when: effect.size + effect.size > 1\n")])


def test_effect_seen_first_is_less_sure_where_the_rule_admits_it(tables):
    add_trouble(tables, 10, "Pod/a", "edit")
    add_trouble(tables, 7, "Pod/a", "crash")
    (edge,) = graph_of(tables, [*RULES, cause_text("c", "edit", "crash", more="lag: [-5s, 60s]\n")]).edges
    assert (edge.confidence, edge.order_known) == (0.76, True)
    assert edge.how == "0.80 from the rule × 0.95 because it was observed 3.0 s before its cause"


def test_order_that_the_clocks_of_two_nodes_cannot_tell_is_said_to_be_unknown(tables):
    # GIVEN two nodes whose clocks may be 2 s apart
    add_trouble(tables, 10, "Pod/a", "edit", node="one")
    add_trouble(tables, 11, "Pod/a", "crash", node="two")
    add_trouble(tables, 14, "Pod/a", "crash", node="two")
    add_trouble(tables, 11.5, "Pod/a", "crash", node="one")
    # WHEN
    graph = graph_of(
        tables, [*RULES, cause_text("c", "edit", "crash")], clocks=ClockErrors({"one": SECOND, "two": SECOND})
    )
    # THEN only what is closer than that on the other node is in doubt
    known = {graph.symptoms[edge.target].from_ns / SECOND: edge.order_known for edge in graph.edges}
    assert known == {11: False, 11.5: True, 14: True}


def test_of_two_rules_the_surer_one_makes_the_edge(tables):
    add_trouble(tables, 10, "Pod/a", "edit")
    add_trouble(tables, 20, "Pod/a", "crash")
    rules = [
        *RULES,
        cause_text("weak", "edit", "crash", confidence=0.4),
        cause_text("strong", "edit", "crash", confidence=0.9),
    ]
    (edge,) = graph_of(tables, rules).edges
    assert edge.rule == "strong"


def test_same_namespace_is_a_relation_of_its_own(tables):
    add_entities(tables, "Pod/far", namespace="other")
    add_trouble(tables, 10, "ConfigMap/conf", "edit")
    add_trouble(tables, 20, "Pod/b", "crash")
    add_trouble(tables, 20, "Pod/far", "crash")
    graph = graph_of(tables, [*RULES, cause_text("c", "edit", "crash", through="same namespace")])
    assert edges(graph) == [("ConfigMap/conf", "Pod/b")]
    assert graph.edges[0].relation == "the same namespace shop"


def test_storm_behind_one_service_is_bounded(engine):
    # GIVEN 400 pods behind one Service that they all call, each container with a crash and a failing call: 160,000 pairs
    make_tables(engine)
    add_entities(engine, "Service/all")
    for statement in (
        (
            "entity SELECT kind || '/p' || i, kind, 'shop', 'p' || i, NULL, NULL, 0, $end, NULL, NULL, false "
            "FROM $pods, (VALUES ('Pod'), ('Container')) AS k (kind)"
        ),
        "relation SELECT 'SELECTS', 'Service/all', 'Pod/p' || i, 0, $end, 'kube_object:n:1' FROM $pods",
        "relation SELECT 'CALLS', 'Pod/p' || i, 'Service/all', 0, $end, 'kube_object:n:2' FROM $pods",
        "relation SELECT 'CONTAINS', 'Pod/p' || i, 'Container/p' || i, 0, $end, 'kube_object:n:3' FROM $pods",
        (
            "trouble BY NAME SELECT 10000000000 + i AS at_ns, 'Container/p' || i AS entity_id, 'n' AS node, i AS seq, "
            "'kube_event:n:' || i AS evidence, 'crash' AS reason, 0 AS size, false AS is_open FROM $pods"
        ),
        (
            "trouble BY NAME SELECT 20000000000 + i AS at_ns, 'Container/p' || i AS entity_id, 'n' AS node, i AS seq, "
            "'tcp:n:' || i AS evidence, 'error' AS reason, 0 AS size, false AS is_open FROM $pods"
        ),
    ):
        engine.execute(
            "INSERT INTO " + statement.replace("$end", str(1000 * SECOND)).replace("$pods", "range(400) AS t (i)")
        )
    path = "Container <-CONTAINS- Pod <-SELECTS- Service <-CALLS- Pod -CONTAINS-> Container"
    # WHEN
    graph = graph_of(
        engine, [symptom_text("crash"), symptom_text("error"), cause_text("c", "crash", "error", through=path)]
    )
    # THEN every effect that is followed has its nearest causes and no more
    causes = {}
    for edge in graph.edges:
        causes.setdefault(edge.target, []).append(edge.source)
    assert len(causes) == EPISODES_OF_A_SIDE
    assert {len(sources) for sources in causes.values()} <= {CAUSES_OF_AN_EFFECT - 1, CAUSES_OF_AN_EFFECT}


def test_mechanism_is_silent_where_a_cause_knows_when_one_brings_about_the_other(tables):
    # GIVEN a cause whose condition does not hold, and a mechanism that would link the same two along the same relation
    add_trouble(tables, 1, "Pod/a", "first")
    add_trouble(tables, 2, "Pod/a", "second")
    mechanism = (
        "kind: Mechanism\nname: general\nmeaning: One thing leads to another.\nfrom: any\nto: any\nthrough: same\n"
        'lag: [0s, 1m]\nconfidence: 0.5\nsays: "{effect} after {cause}"\n'
    )
    symptoms = [symptom_text("first"), symptom_text("second")]
    assert [edge.rule for edge in graph_of(tables, [*symptoms, mechanism]).edges] == ["general"]
    never = cause_text("particular", "first", "second", more="when: cause.count > 5\n")
    # THEN nothing is said
    assert graph_of(tables, [*symptoms, mechanism, never]).edges == ()


def test_of_two_states_that_are_older_than_the_recording_nothing_tells_which_came_first(tables):
    # GIVEN a capture that begins at second 500, and an effect that was recorded as older than its cause by minutes
    tables.execute(f"UPDATE capture_window SET from_ns = {500 * SECOND}")
    add_trouble(tables, 100, "Pod/a", "second", end=900)
    add_trouble(tables, 400, "Pod/a", "first", end=900)
    rules = [symptom_text("first"), symptom_text("second"), cause_text("c", "first", "second")]
    # THEN the lag is that within the recording: none
    assert [(edge.rule, edge.lag_ns) for edge in graph_of(tables, rules).edges] == [("c", 0)]


def test_mechanism_does_not_say_the_opposite_of_a_cause(tables):
    # GIVEN what a mechanism takes for the cause of what comes right after it
    add_trouble(tables, 10, "Container/a", "closed")
    add_trouble(tables, 11, "Container/a", "ended")
    symptoms = (symptom_text("closed"), symptom_text("ended"))
    mechanism = (
        "kind: Mechanism\nname: general\nmeaning: One thing leads to another.\nfrom: any\nto: any\nthrough: same\n"
        'lag: [0s, 60s]\nconfidence: 0.5\nsays: "so it is"\n'
    )
    assert [edge.rule for edge in graph_of(tables, [*symptoms, mechanism]).edges] == ["general"]
    # WHEN a cause is sure that it is the other way round, and was only seen first
    sure = cause_text("particular", "ended", "closed", confidence=0.97, more="lag: [-3s, 10s]\n")
    # THEN that is said alone
    assert [edge.rule for edge in graph_of(tables, [*symptoms, mechanism, sure]).edges] == ["particular"]
    # AND a cause that is less sure than the mechanism does not silence it
    unsure = sure.replace("0.97", "0.3")
    assert {edge.rule for edge in graph_of(tables, [*symptoms, mechanism, unsure]).edges} == {"general", "particular"}


def test_mechanism_does_not_skip_a_step_that_a_cause_tells(tables):
    # GIVEN a mechanism that links a change with both effects, and a cause between these
    for at, name in enumerate(("edit", "first", "second"), start=1):
        add_trouble(tables, at, "Pod/a", name)
    mechanism = (
        "kind: Mechanism\nname: general\nmeaning: Changes matter.\nfrom: change\nto: any\nthrough: same\n"
        'lag: [0s, 1m]\nconfidence: 0.5\nsays: "{effect} after {cause}"\n'
    )
    symptoms = [symptom_text("edit", nature="change", severity="info"), symptom_text("first"), symptom_text("second")]
    assert [(edge.source, edge.target) for edge in graph_of(tables, [*symptoms, mechanism]).edges] == [(1, 2), (1, 3)]
    told = graph_of(tables, [*symptoms, mechanism, cause_text("particular", "first", "second")]).edges
    assert [(edge.source, edge.target, edge.rule) for edge in told] == [(1, 2, "general"), (2, 3, "particular")]
