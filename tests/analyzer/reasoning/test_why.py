"""Promises of the answer to `why`: it never contradicts the report, and leaves out nothing that went wrong."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from analyzer.model.named_entities import NamedEntities
from analyzer.reasoning.why import explain, explanation_to_json, symptoms_in, tell_explanation, way_to
from formats.postmortem.graph import FieldManager
from formats.postmortem.reader import from_json

DOCUMENTS = Path(__file__).parents[3] / "fixtures" / "documents"


@pytest.fixture(scope="module")
def incident():
    return from_json((DOCUMENTS / "shop_incident.json").read_text(encoding="utf-8"))


def tell(document, named):
    return list(tell_explanation(document, explain(document, named)))


def steps_of(way):
    return [edge.target for edge in way]


def test_chain_of_the_report_is_told_even_where_a_surer_path_exists(incident):
    # GIVEN a finding, and an edge that leads from its root cause to its end at once
    finding = incident.findings[0]
    first, last = finding.chain[0].symptom_id, finding.chain[-1].symptom_id
    shortcut = dataclasses.replace(incident.edges[0], source=first, target=last, confidence=1.0)
    others = [edge for edge in incident.edges if (edge.source, edge.target) != (first, last)]
    document = dataclasses.replace(incident, edges=(*others, shortcut))
    end = [symptom for symptom in document.symptoms if symptom.id == last]
    # WHEN the object at the end is asked for THEN the report's chain is the answer
    assert len(finding.chain) > 2
    assert steps_of(way_to(document, finding, end)) == [step.symptom_id for step in finding.chain[1:]]
    # AND the shortcut would be, if the object was not on the chain
    bare = dataclasses.replace(finding, chain=finding.chain[:1])
    assert way_to(document, bare, end) == (shortcut,)


def test_object_beside_the_chain_is_told_by_the_best_path(incident):
    # GIVEN a symptom that hangs on the end of the chain by two edges, the better of them over a middle
    finding = incident.findings[0]
    first, second = (step.symptom_id for step in finding.chain[:2])
    like = next(symptom for symptom in incident.symptoms if symptom.id == second)
    beside = dataclasses.replace(like, id="s900", finding=finding.rank)
    edge = incident.edges[0]
    edges = (
        dataclasses.replace(edge, source=first, target=second, confidence=0.9),
        dataclasses.replace(edge, source=second, target="s900", confidence=0.9),
        dataclasses.replace(edge, source=first, target="s900", confidence=0.8),
    )
    document = dataclasses.replace(incident, symptoms=(*incident.symptoms, beside), edges=edges)
    # THEN the more confident way is told, although it is longer
    assert steps_of(way_to(document, finding, [beside])) == [second, "s900"]


def test_edge_too_weak_for_the_ranking_is_too_weak_for_the_answer(incident):
    finding = incident.findings[0]
    first, second = (step.symptom_id for step in finding.chain[:2])
    weak = dataclasses.replace(incident.edges[0], source=first, target=second, confidence=0.34)
    bare = dataclasses.replace(finding, chain=finding.chain[:1])
    target = [symptom for symptom in incident.symptoms if symptom.id == second]
    assert way_to(dataclasses.replace(incident, edges=(weak,)), bare, target) == ()


def test_symptom_that_the_finding_explains_by_a_sibling_is_listed(incident):
    # GIVEN a symptom of a finding to which no path leads from the root itself
    finding = incident.findings[0]
    like = next(symptom for symptom in incident.symptoms if symptom.nature == "symptom")
    entity = dataclasses.replace(like.entity, id="Pod/alone")
    alone = dataclasses.replace(like, id="s900", entity=entity, finding=finding.rank, what="Pod alone crashed")
    document = dataclasses.replace(incident, symptoms=(*incident.symptoms, alone))
    # WHEN its object is asked for
    assert symptoms_in(finding, [alone]) == [alone]
    lines = tell(document, NamedEntities(frozenset({"Pod/alone"}), ("Pod alone",)))
    # THEN the answer names it
    assert any("Pod alone crashed" in line for line in lines)


def test_manager_that_made_the_change_is_told_where_the_chain_begins_and_in_the_list_of_changes(incident):
    finding = incident.findings[0]
    root = finding.chain[0].symptom_id
    changes = tuple(
        dataclasses.replace(change, manager=FieldManager("helm", "Update", None, change.time))
        if change.symptom == root
        else change
        for change in incident.changes
    )
    entity = finding.root_cause.entity
    told = tell(dataclasses.replace(incident, changes=changes), NamedEntities({entity}, ("it",), set()))
    assert any(line.strip().startswith("changed by Helm (manager helm) at ") for line in told)
    assert any("  by Helm (manager helm)  [" in line for line in told)
    assert not any("helm" in line for line in tell(incident, NamedEntities({entity}, ("it",), set())))


def test_programs_get_the_way_and_what_is_beside_it(incident):
    # GIVEN the object at the end of a finding's chain
    finding = incident.findings[0]
    last = next(symptom for symptom in incident.symptoms if symptom.id == finding.chain[-1].symptom_id)
    # WHEN it is explained for programs
    explained = explanation_to_json(
        incident, explain(incident, NamedEntities(frozenset({last.entity.id}), (last.entity.name,)))
    )
    # THEN the steps are those of the chain after the root cause, with rule and evidence
    first = explained["findings"][0]
    assert first["finding"] == finding.rank
    assert [step["symptom"]["id"] for step in first["steps"]] == [step.symptom_id for step in finding.chain[1:]]
    assert all(step["rule"] and step["symptom"]["evidence"] for step in first["steps"])
    assert json.loads(json.dumps(explained))["objects"] == [last.entity.name]
