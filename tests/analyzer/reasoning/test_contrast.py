"""Promises of contrast: a change is no cause of what was there before it, or strikes what it did not reach."""

from __future__ import annotations

import pytest

from analyzer.reasoning.contrast import (
    BEFORE_FACTOR,
    BORNE_FACTOR,
    BORNE_NS,
    OUTLASTED_FACTOR,
    OUTLASTED_NS,
    OVER_FACTOR,
    OVER_NS,
    RECOVERED_DOUBT,
    RECOVERED_EARLY_NS,
    RECOVERED_WITHIN_NS,
    SERVED_FACTOR,
    SERVED_NS,
    UNEXPOSED_FACTOR,
    WENT_ON_FACTOR,
    WENT_ON_NS,
    Contrast,
)
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

RULES = (
    symptom_text("edit", nature="change", severity="info", more="keep: [path, old_value, new_value]\n"),
    symptom_text("crash"),
    symptom_text("outage"),
    cause_text("edit-crashes", "edit", "crash", through="Deployment <-WORKLOAD_OF- Pod", more="lag: [0s, 1h]\n"),
)


@pytest.fixture
def tables(engine):
    """A Deployment with pod a, which is older than its change at second 100, and pod b, which the change made."""
    make_tables(engine)
    add_entities(engine, "Deployment/shop", "Pod/a", "Pod/b")
    engine.execute("UPDATE entity SET workload_id = 'Deployment/shop'")
    engine.execute("UPDATE entity SET from_ns = 101000000000 WHERE entity_id = 'Pod/b'")
    for pod in "ab":
        relate(engine, "WORKLOAD_OF", f"Pod/{pod}", "Deployment/shop")
    add_trouble(engine, 100, "Deployment/shop", "edit", end=110)
    add_trouble(engine, 110, "Pod/b", "crash")
    return engine


def edge(tables, target="Pod/b"):
    graph = graph_of(tables, RULES)
    (found,) = [one for one in graph.edges if graph.symptoms[one.target].entity_id == target]
    return found


def test_factors_are_those_of_the_documentation():
    assert (BEFORE_FACTOR, UNEXPOSED_FACTOR, WENT_ON_FACTOR, RECOVERED_DOUBT) == (0.5, 0.6, 0.5, 0.5)
    assert (OUTLASTED_FACTOR, OVER_FACTOR, BORNE_FACTOR, SERVED_FACTOR) == (0.5, 0.5, 0.7, 0.7)
    times = (RECOVERED_EARLY_NS, RECOVERED_WITHIN_NS, WENT_ON_NS, OUTLASTED_NS, OVER_NS, BORNE_NS, SERVED_NS)
    assert [nanoseconds // SECOND for nanoseconds in times] == [60, 120, 300, 30, 5, 30, 10]


def test_change_keeps_its_confidence_where_only_its_own_pods_fail(tables):
    assert edge(tables).confidence == 0.8


def test_what_the_workload_showed_before_the_change_speaks_against_it(tables):
    add_trouble(tables, 60, "Pod/a", "crash")
    assert edge(tables).confidence == pytest.approx(0.8 * BEFORE_FACTOR)
    assert "Pod a showed the same before the change" in edge(tables).how


def test_another_trouble_before_the_change_speaks_neither_for_nor_against_it(tables):
    add_trouble(tables, 60, "Pod/a", "outage")
    assert edge(tables).confidence == 0.8


def test_older_pods_that_fail_alike_speak_against_a_change_of_the_workload(tables):
    add_trouble(tables, 120, "Pod/a", "crash")
    assert edge(tables).confidence == pytest.approx(0.8 * UNEXPOSED_FACTOR)
    assert "Pod a, which is older than the change, shows the same" in edge(tables).how


def test_trouble_that_begins_in_the_seconds_of_the_change_was_not_there_before(tables):
    add_trouble(tables, 97, "Deployment/shop", "crash")
    assert edge(tables).confidence == 0.8


@pytest.mark.parametrize(
    ("condition", "ready", "speaks"),
    [("erroring", 110, True), ("erroring", 112, False), ("erroring", None, False), ("crashing", 110, False)],
    ids=["served for ten seconds", "failed at once", "never ready", "no failure of requests"],
)
def test_pods_of_the_change_that_served_before_their_requests_fail_speak_against_it(tables, condition, ready, speaks):
    # GIVEN a pod that the change made, and that fails requests from second 120 on
    rules = (
        *RULES,
        symptom_text("refusal", more=f"condition: {condition}\n"),
        cause_text("c", "edit", "refusal", through="Deployment <-WORKLOAD_OF- Pod", more="lag: [0s, 1h]\n"),
    )
    add_trouble(tables, 120, "Pod/b", "refusal")
    tables.execute("UPDATE entity SET pod_id = entity_id WHERE kind = 'Pod'")
    if ready is not None:
        tables.execute(
            "INSERT INTO pod_condition BY NAME SELECT ? AS at_ns, 'Pod/b' AS entity_id, 'Ready' AS type, 'True' AS status",
            [ready * SECOND],
        )
    # WHEN
    graph = graph_of(tables, rules)
    (found,) = [one for one in graph.edges if graph.symptoms[one.target].rule.name == "refusal"]
    # THEN
    assert found.confidence == pytest.approx(0.8 * (SERVED_FACTOR if speaks else 1), abs=0.001)
    assert ("Pod b was ready 10.0 s before" in found.how) == speaks


def test_oldest_part_that_fails_alike_is_named(tables):
    # GIVEN a third pod, older than the change as well, that fails first
    add_entities(tables, "Pod/c")
    tables.execute("UPDATE entity SET workload_id = 'Deployment/shop', from_ns = 5000000000 WHERE entity_id = 'Pod/c'")
    add_trouble(tables, 119, "Pod/c", "crash")
    add_trouble(tables, 120, "Pod/a", "crash")
    assert "Pod a, which is older than the change" in edge(tables).how


class SymptomThatCounts:
    """A symptom of which a test wants to know how often it was looked at."""

    looks = 0

    def __init__(self, symptom):
        self._symptom = symptom

    def __getattr__(self, name):
        SymptomThatCounts.looks += 1
        return getattr(self._symptom, name)


def test_an_objection_is_found_without_looking_at_all_that_fails_alike(tables):
    # GIVEN 200 pods that fail alike
    for number in range(200):
        add_trouble(tables, 120 + number, "Pod/a", "crash")
    graph = graph_of(tables, RULES)
    symptoms = [graph.symptoms[number] for number in sorted(graph.symptoms)]
    contrast = Contrast(SymptomThatCounts(symptom) for symptom in symptoms)
    SymptomThatCounts.looks = 0
    # WHEN objections to the change are looked for, for one of them
    (objection,) = contrast.arguments(symptoms[0], symptoms[1])
    # THEN that takes a few looks, not one per pod: a capture may have thousands of changes and of failing pods
    assert objection.strength == UNEXPOSED_FACTOR
    assert SymptomThatCounts.looks < 20


@pytest.fixture
def undone(engine):
    """A Deployment that is changed at second 100, and back at second 200, with its pod."""
    make_tables(engine)
    add_entities(engine, "Deployment/shop", "Pod/b")
    engine.execute("UPDATE entity SET workload_id = 'Deployment/shop'")
    relate(engine, "WORKLOAD_OF", "Pod/b", "Deployment/shop")
    add_trouble(engine, 100, "Deployment/shop", "edit", end=110, values=("12", "160"))
    add_trouble(engine, 200, "Deployment/shop", "edit", values=("160", "12"))
    return engine


def first_edge(tables):
    return graph_of(tables, RULES).edges[0]


def test_effect_that_ended_when_the_change_was_undone_halves_the_doubt(undone):
    add_trouble(undone, 110, "Pod/b", "crash", end=212)
    assert first_edge(undone).confidence == pytest.approx(1 - (1 - 0.8) * RECOVERED_DOUBT)
    assert first_edge(undone).how == "0.80 from the rule × 1.12 because it ended 12.0 s after the change was undone"


def test_effect_that_was_seen_last_before_the_change_was_undone_ended_with_it(undone):
    add_trouble(undone, 110, "Pod/b", "crash")
    add_trouble(undone, 150, "Pod/b", "crash")
    assert "it was not observed again after the change was undone" in first_edge(undone).how


def test_effect_that_was_long_over_when_the_change_was_undone_says_nothing(undone):
    add_trouble(undone, 110, "Pod/b", "crash", end=139)
    assert first_edge(undone).confidence == 0.8


def test_effect_that_goes_on_long_after_the_change_was_undone_speaks_against_it(undone):
    add_trouble(undone, 110, "Pod/b", "crash", end=500)
    assert first_edge(undone).confidence == pytest.approx(0.8 * WENT_ON_FACTOR)
    assert "Pod b showed the same 5 min after the change was undone" in first_edge(undone).how


def test_effect_that_ends_late_after_the_change_was_undone_says_nothing(undone):
    add_trouble(undone, 110, "Pod/b", "crash", end=499)
    assert first_edge(undone).confidence == 0.8


def test_effect_that_is_open_when_the_recording_ends_soon_after_the_change_was_undone_says_nothing(undone):
    add_trouble(undone, 110, "Pod/b", "crash", end=210, is_open=True)
    assert first_edge(undone).confidence == 0.8


def test_change_to_a_third_value_undoes_nothing(undone):
    undone.execute("UPDATE trouble SET new_value = '48' WHERE old_value = '160'")
    add_trouble(undone, 110, "Pod/b", "crash", end=212)
    assert first_edge(undone).confidence == 0.8


def test_change_of_another_object_undoes_nothing(undone):
    add_entities(undone, "Deployment/other")
    undone.execute("UPDATE trouble SET entity_id = 'Deployment/other' WHERE old_value = '160'")
    add_trouble(undone, 110, "Pod/b", "crash", end=212)
    assert first_edge(undone).confidence == 0.8


def test_what_read_its_configuration_before_the_change_was_undone_may_keep_failing(engine):
    # GIVEN a ConfigMap that is changed and changed back, and a pod that was started with the wrong value
    make_tables(engine)
    add_entities(engine, "ConfigMap/conf", "Pod/b")
    add_trouble(engine, 100, "ConfigMap/conf", "edit", end=110, values=("12", "160"))
    add_trouble(engine, 200, "ConfigMap/conf", "edit", values=("160", "12"))
    relate(engine, "USES", "Pod/b", "ConfigMap/conf")
    rules = (*RULES[:3], cause_text("uses", "edit", "crash", through="ConfigMap <-USES- Pod", more="lag: [0s, 1h]\n"))
    add_trouble(engine, 110, "Pod/b", "crash", end=900)
    assert graph_of(engine, rules).edges[0].confidence == 0.8
    # but what fails anew that long after does not depend on the value
    add_trouble(engine, 950, "Pod/b", "crash")
    assert graph_of(engine, rules).edges[0].confidence == pytest.approx(0.8 * WENT_ON_FACTOR)


RECOVERY_RULES = (
    symptom_text("outage"),
    symptom_text("limp", severity="warning"),
    symptom_text("crash"),
    cause_text("outage-crashes", "outage", "crash", through="Pod <-CALLS- Pod", more="lag: [0s, 1h]\n"),
)


@pytest.fixture
def recovered(engine):
    """A pod of a provider that fails from second 100 to 120, and its caller, which shows that from second 105 on."""
    make_tables(engine)
    add_entities(engine, "Deployment/provider", "Pod/a", "Pod/a2", "Pod/b")
    engine.execute("UPDATE entity SET workload_id = 'Deployment/provider' WHERE name LIKE 'a%'")
    relate(engine, "CALLS", "Pod/b", "Pod/a")
    add_trouble(engine, 100, "Pod/a", "outage", end=120)
    return engine


def only_edge(tables, *rules):
    (found,) = graph_of(tables, rules or RECOVERY_RULES).edges
    return found


def test_what_goes_on_long_after_its_provider_is_well_again_speaks_against_that(recovered):
    add_trouble(recovered, 105, "Pod/b", "crash", end=151, is_open=True)
    assert only_edge(recovered).confidence == pytest.approx(0.8 * OUTLASTED_FACTOR)
    assert "it went on 31.0 s after Pod a was well again" in only_edge(recovered).how


def test_what_goes_on_shortly_after_its_provider_is_well_again_says_nothing(recovered):
    add_trouble(recovered, 105, "Pod/b", "crash", end=149, is_open=True)
    assert only_edge(recovered).confidence == 0.8


def test_what_ended_late_says_nothing_against_a_provider_that_is_well_again(recovered):
    add_trouble(recovered, 105, "Pod/b", "crash", end=300)
    assert only_edge(recovered).confidence == 0.8


@pytest.mark.parametrize("entity", ["Pod/a", "Pod/a2", "Deployment/provider"])
def test_provider_is_not_well_while_anything_of_its_workload_is_wrong(recovered, entity):
    add_trouble(recovered, 110, entity, "limp", end=300, is_open=True)
    add_trouble(recovered, 105, "Pod/b", "crash", end=300, is_open=True)
    assert only_edge(recovered).confidence == 0.8


def test_provider_that_failed_again_later_is_well_since_then(recovered):
    add_trouble(recovered, 130, "Pod/a2", "limp", end=180)
    add_trouble(recovered, 105, "Pod/b", "crash", end=209, is_open=True)
    assert only_edge(recovered).confidence == 0.8


def test_other_parts_of_one_workload_are_not_compared_with_each_other(recovered):
    recovered.execute("UPDATE entity SET workload_id = 'Deployment/provider' WHERE name = 'b'")
    add_trouble(recovered, 105, "Pod/b", "crash", end=300, is_open=True)
    assert only_edge(recovered).confidence == 0.8


def test_who_used_too_much_is_not_cleared_by_stopping(recovered):
    add_trouble(recovered, 105, "Pod/b", "crash", end=300, is_open=True)
    greedy = symptom_text("outage", more="condition: greedy\n")
    assert only_edge(recovered, greedy, *RECOVERY_RULES[1:]).confidence == 0.8


def test_failed_calls_that_are_over_do_not_explain_what_goes_on_in_the_same_place(engine):
    # GIVEN refused calls of a pod from second 100 to 120, and trouble of it that goes on
    make_tables(engine)
    add_entities(engine, "Pod/b")
    add_trouble(engine, 100, "Pod/b", "refused", end=120)
    add_trouble(engine, 105, "Pod/b", "crash", end=200, is_open=True)
    step = cause_text("refused-crashes", "refused", "crash", more="lag: [0s, 1h]\n")
    # WHEN they are failed calls of others, or trouble of the pod itself
    calls, own = symptom_text("refused", more="role: effect\n"), symptom_text("refused")
    # THEN only the calls must have gone on
    assert only_edge(engine, calls, RECOVERY_RULES[2], step).confidence == pytest.approx(0.8 * OUTLASTED_FACTOR)
    assert only_edge(engine, own, RECOVERY_RULES[2], step).confidence == 0.8


def shortage(engine, begin, end, *, condition="starved"):
    """A pod that is short of something, and its caller, which crashes at second 200."""
    make_tables(engine)
    add_entities(engine, "Pod/a", "Pod/b")
    relate(engine, "CALLS", "Pod/b", "Pod/a")
    add_trouble(engine, begin, "Pod/a", "outage", end=end)
    add_trouble(engine, 200, "Pod/b", "crash", end=201)
    return only_edge(engine, symptom_text("outage", more=f"condition: {condition}\n"), *RECOVERY_RULES[2:])


@pytest.mark.parametrize("condition", ["starved", "slow", "not-ready"])
def test_what_held_back_and_was_over_explains_less_of_what_begins_later(engine, condition):
    found = shortage(engine, 175, 194, condition=condition)
    assert found.confidence == pytest.approx(0.8 * OVER_FACTOR, rel=0.01)
    assert "it began 6.0 s after Pod a was well again" in found.how


def test_a_shortage_that_was_borne_for_long_explains_less(engine):
    found = shortage(engine, 169, 300, condition="slow")
    assert found.confidence == pytest.approx(0.8 * BORNE_FACTOR)
    assert "Pod a had been like that for 31.0 s" in found.how


@pytest.mark.parametrize(("begin", "end"), [(171, 300), (175, 196)])
def test_a_shortage_explains_what_begins_meanwhile_and_shortly_after(engine, begin, end):
    assert shortage(engine, begin, end).confidence == pytest.approx(0.8, rel=0.01)


def test_what_crashed_may_take_long_to_show(engine):
    assert shortage(engine, 100, 150, condition="crashing").confidence == pytest.approx(0.8, rel=0.01)
