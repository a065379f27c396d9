"""Promises of symptoms: repeats are one episode, with its count, measure and evidence; parts do not tear it."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.knowledge.shipped import read_knowledge
from analyzer.model.engine import Engine
from analyzer.model.engine_tables import declared_facts, fact_columns
from analyzer.model.recorded_tables import Part
from analyzer.reasoning import symptoms as station
from analyzer.reasoning.symptoms import SymptomSearch
from formats.capture.reading import open_capture
from formats.errors import KnowledgeError
from tests.analyzer.hand_made import SECOND, add_entities, add_trouble, find, make_tables, symptom_text
from tests.analyzer.knowledge_text import load_text
from tests.analyzer.shipped_model import build_model
from tests.sweeps import share

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures"


@pytest.fixture
def tables(engine):
    make_tables(engine)
    add_entities(engine, "Pod/a", "Pod/b")
    return engine


def test_repeats_closer_than_merge_are_one_episode(tables):
    # GIVEN five events, with a gap of more than ten seconds after the third, and one of another pod
    for at in (1, 5, 15, 26, 30):
        add_trouble(tables, at, "Pod/a", "crash", size=int(at))
    add_trouble(tables, 16, "Pod/b", "crash", size=7)
    # WHEN
    found = find(tables, load_text(symptom_text("crash", more="merge: 10s\nmagnitude: {sum: size, unit: B}\n"))).items
    # THEN
    told = [(one.name, one.from_ns // SECOND, one.to_ns // SECOND, one.count, one.magnitude) for one in found]
    assert told == [("a", 1, 15, 3, 21), ("b", 16, 16, 1, 7), ("a", 26, 30, 2, 56)]
    assert [one.number for one in found] == [1, 2, 3]
    assert found[0].what == "Pod a shows crash"


def test_what_lasts_is_merged_by_its_end(tables):
    # GIVEN two states that overlap and a third that begins soon after the longer one has ended
    add_trouble(tables, 0, "Pod/a", "crash", end=50)
    add_trouble(tables, 10, "Pod/a", "crash", end=20)
    add_trouble(tables, 55, "Pod/a", "crash", end=60)
    add_trouble(tables, 66, "Pod/a", "crash", end=70)
    # WHEN they are merged over five seconds THEN the last stands alone
    found = find(tables, load_text(symptom_text("crash", more="merge: 5s\n"))).items
    assert [(one.from_ns // SECOND, one.to_ns // SECOND) for one in found] == [(0, 60), (66, 70)]


def test_what_is_too_rare_or_too_short_is_no_symptom(tables):
    for at in (1, 2, 3):
        add_trouble(tables, at, "Pod/a", "crash")
    add_trouble(tables, 1, "Pod/b", "crash")
    assert [
        one.name for one in find(tables, load_text(symptom_text("crash", more="merge: 5s\nat_least: 3\n"))).items
    ] == ["a"]
    assert [
        one.name for one in find(tables, load_text(symptom_text("crash", more="merge: 5s\nlasting: 2s\n"))).items
    ] == ["a"]
    assert find(tables, load_text(symptom_text("crash", more="merge: 5s\nlasting: 3s\n"))).items == ()


def test_evidence_is_the_first_nineteen_and_the_last(tables):
    for number in range(100):
        add_trouble(tables, number, "Pod/a", "crash", seq=number)
    (found,) = find(tables, load_text(symptom_text("crash", more="merge: 5s\n"))).items
    assert found.count == 100
    assert found.evidence == tuple(f"kube_event:n:{number}" for number in (*range(19), 99))


def test_kept_columns_are_of_the_first_event(tables):
    add_trouble(tables, 2, "Pod/a", "crash", size=2)
    add_trouble(tables, 1, "Pod/a", "crash", size=1)
    (found,) = find(tables, load_text(symptom_text("crash", more="merge: 5s\nkeep: [size]\n"))).items
    assert found.details == {"size": "1"}


def test_symptom_without_a_magnitude_has_none(tables):
    add_trouble(tables, 1, "Pod/a", "crash", size=3)
    (found,) = find(tables, load_text(symptom_text("crash", more="merge: 5s\n"))).items
    assert found.magnitude is None


def test_extremes_and_sums_that_do_not_fit_are_cut_not_refused(tables):
    for at in (1, 2):
        add_trouble(tables, at, "Pod/a", "crash", size=2**63 - 1)
    assert (
        find(tables, load_text(symptom_text("crash", more="merge: 5s\nmagnitude: {sum: size, unit: B}\n")))
        .items[0]
        .magnitude
        == 2**63 - 1
    )
    assert (
        find(tables, load_text(symptom_text("crash", more="merge: 5s\nmagnitude: {min: size - 1, unit: B}\n")))
        .items[0]
        .magnitude
        == 2**63 - 2
    )


def test_what_begins_in_an_excepted_time_is_dropped(tables):
    # GIVEN a pod that is stopped from 10 to 20, and its container that fails before, within and after
    add_entities(tables, "Container/a/app", pod_id="Pod/a")
    add_trouble(tables, 10, "Pod/a", "stop", end=20)
    for at in (5, 12, 30):
        add_trouble(tables, at, "Container/a/app", "crash")
    add_trouble(tables, 12, "Pod/b", "crash")
    rules = load_text(symptom_text("crash", more="except_during: stop\n"), symptom_text("stop", nature="context"))
    # WHEN THEN
    told = [(one.rule.name, one.entity_id, one.from_ns // SECOND) for one in find(tables, rules).items]
    assert told == [
        ("crash", "Container/a/app", 5),
        ("stop", "Pod/a", 10),
        ("crash", "Pod/b", 12),
        ("crash", "Container/a/app", 30),
    ]


def test_expression_that_fails_on_what_was_recorded_is_blamed_by_its_place(tables):
    add_trouble(tables, 1, "Pod/a", "crash", size=2**63 - 1)
    rules = load_text(
        symptom_text("crash").replace("where: reason = 'crash'", "where: size + size > 0"), symptom_text("other")
    )
    with pytest.raises(KnowledgeError, match=r"own\.yaml:8:8: symptom `crash` fails on this capture"):
        find(tables, rules)


def test_severest_symptoms_are_kept_and_the_rest_is_counted(tables, monkeypatch):
    # GIVEN more symptoms than one capture may have
    monkeypatch.setattr(station, "MAX_SYMPTOMS", 2)
    for at in (1, 100, 200):
        add_trouble(tables, at, "Pod/a", "note")
    add_trouble(tables, 300, "Pod/a", "crash")
    # WHEN
    found = find(tables, load_text(symptom_text("note", severity="info"), symptom_text("crash", severity="fatal")))
    # THEN
    assert [one.rule.name for one in found.items] == ["note", "crash"]
    assert found.left_out == 2


def test_episode_over_two_parts_is_one(engine):
    # GIVEN a fact that is seen one part after the other
    make_tables(engine)
    add_entities(engine, "Container/a/app")
    engine.execute(declared_facts()["tcp_failure"].empty_sql)
    rules = load_text(
        "kind: Symptom\nname: refused\nnature: symptom\ncondition: refusing\nseverity: error\ntitle: x\nfrom: tcp_failure\nmerge: 10s\n"
        "at_least: 4\nmagnitude: {max: peer_port, unit: port}\n"
    )
    search = SymptomSearch(engine, rules, fact_columns())
    assert search.part_step.reads == {"tcp_failure": ()}
    # WHEN the parts have two events each, the second part's soon after the first's
    for part in (0, 1):
        engine.execute("DELETE FROM tcp_failure")
        for at in (part * 8, part * 8 + 1):
            engine.execute(
                "INSERT INTO tcp_failure BY NAME SELECT ? AS at_ns, 'Container/a/app' AS entity_id, 'n' AS node, "
                "'tcp:n:' || ? AS evidence, ? AS peer_port",
                [at * SECOND, at, 80 + at],
            )
        search.part_step.run(Part(0, 0, {}))
    (found,) = search.finish().items
    # THEN they are one episode of four
    assert (found.count, found.magnitude, found.to_ns - found.from_ns) == (4, 89, 9 * SECOND)
    assert found.evidence == ("tcp:n:0", "tcp:n:1", "tcp:n:8", "tcp:n:9")


@pytest.mark.slow
@pytest.mark.parametrize("name", share(["incidents/demo", "captures/node-notready-eviction"]))
def test_rules_that_are_left_out_would_find_nothing(name, monkeypatch):
    # GIVEN the symptoms of a recording, found without the rules that find nothing in any row of their facts
    found = symptoms_of(name)
    # WHEN these are asked too
    left_out = []
    leave_out = SymptomSearch._leave_out_silent

    def ask_all(self, pairs, known):
        left_out.extend(pair for pair in pairs if pair not in leave_out(self, pairs, known))
        return pairs

    monkeypatch.setattr(SymptomSearch, "_leave_out_silent", ask_all)
    # THEN the symptoms are the same
    assert symptoms_of(name) == found
    assert left_out
    assert found.items


def symptoms_of(name):
    capture = open_capture(FIXTURES / f"{name}.tapio")
    with Engine.for_events(capture.events) as engine:
        knowledge = read_knowledge()
        model = build_model(capture, engine)
        search = SymptomSearch(engine, knowledge, fact_columns())
        model.go_through([search.part_step])
        return search.finish(model.fact_rows)
