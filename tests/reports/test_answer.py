"""Promises of the answer: what is said is true of the document, and objects are called what people call them."""

from __future__ import annotations

import dataclasses

import pytest

from formats.postmortem.findings import WorkloadImpact
from reports.answer import WorkloadNames, answer, confidence_word, quiet_changes
from reports.markdown import render_markdown
from reports.terminal import render


@pytest.mark.parametrize(("confidence", "word"), [(0.92, "high"), (0.85, "high"), (0.7, "medium"), (0.59, "low")])
def test_confidence_is_a_word(confidence, word):
    assert confidence_word(confidence) == word


def ongoing(document, *, is_ongoing):
    symptoms = tuple(dataclasses.replace(symptom, is_ongoing=is_ongoing) for symptom in document.symptoms)
    return dataclasses.replace(document, symptoms=symptoms)


def test_failure_that_goes_on_is_worse_than_one_that_healed(incident):
    finding = incident.findings[0]
    now = answer(ongoing(incident, is_ongoing=True), finding)
    past = answer(ongoing(incident, is_ongoing=False), finding)
    assert (now.severity, past.severity) == ("high", "medium")
    assert "STILL FAILING when the recording ended" in now.status
    assert "not seen again" in past.status


def test_impact_names_failed_requests_of_how_many(incident):
    finding = incident.findings[0]
    workload = finding.impact.workloads[0]
    row = WorkloadImpact(workload, finding.root_cause.time, 1, failed_requests=3, requests=9)
    impact = dataclasses.replace(finding.impact, by_workload=(row,))
    assert "failed 3 of 9 requests" in answer(incident, dataclasses.replace(finding, impact=impact)).impact


def test_advice_about_another_command_than_the_fix_is_left_out(incident):
    finding = dataclasses.replace(
        incident.findings[0], recommendations=("Show it: kubectl get quota.",), fix=("kubectl patch quota",)
    )
    assert answer(incident, finding).advice is None
    same = dataclasses.replace(finding, recommendations=("Patch it: kubectl patch quota.",))
    assert answer(incident, same).advice == "Patch it."
    lonely = dataclasses.replace(finding, fix=())
    assert answer(incident, lonely).advice == "Show it: kubectl get quota."


def test_object_is_named_with_its_namespace(incident):
    config = next(entity for entity in incident.entities.values() if entity.kind == "ConfigMap")
    said = WorkloadNames(incident).sentence(f"ConfigMap {config.name} was changed")
    assert said == f"ConfigMap {config.namespace}/{config.name} was changed"


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("spec.template.spec.containers[name=api].env[name=PORT].value 80 → 81", "env PORT of api 80 → 81"),
        ("spec.template.spec.initContainers[name=wait].image a:1 → a:2", "image of wait a:1 → a:2"),
        ("spec.template.spec.runtimeClassName was set to kata", "runtimeClassName was set to kata"),
        ("spec.replicas 1 → 0", "replicas 1 → 0"),
    ],
)
def test_changed_field_is_called_what_people_call_it(incident, what, said):
    finding = dataclasses.replace(incident.findings[0], title=f"Deployment shop/api: {what}")
    assert answer(incident, finding).title == f"Deployment shop/api: {said}"
    deployment = next(entity for entity in incident.entities.values() if entity.kind == "Deployment")
    assert WorkloadNames(incident).text(f"Deployment {deployment.name}: {what}", deployment) == said


def test_users_are_said_not_to_be_affected_only_if_their_services_served_all_the_time(incident):
    finding = incident.findings[0]
    service = next(entity.id for entity in incident.entities.values() if entity.kind == "Service")
    spared = dataclasses.replace(finding.impact, services=(), failed_requests=None, by_workload=())
    silent = dataclasses.replace(finding, impact=spared)
    served = dataclasses.replace(finding, impact=dataclasses.replace(spared, serving=(service,)))
    without = dataclasses.replace(incident, capture=dataclasses.replace(incident.capture, tables={}))
    counted = dataclasses.replace(incident, capture=dataclasses.replace(incident.capture, tables={"request": 3}))
    assert answer(counted, silent).impact.startswith("no failed request and no Service without endpoints was recorded")
    assert answer(counted, served).impact.startswith("users not affected: svc shop/")
    # What was not recorded is not denied.
    assert answer(without, served).impact.startswith("no sign that users were affected: svc shop/")


def test_what_was_changed_is_told_even_if_nothing_failed(calm):
    told = quiet_changes(calm)
    assert [change.step.time for change in told] == sorted({change.time for change in calm.changes})
    assert all(change.step.text in render(calm, width=None, color=False) for change in told)
    assert all(change.step.text in render_markdown(calm) for change in told)
    assert told


def test_fields_of_one_edit_are_one_change(calm):
    change = dataclasses.replace(calm.changes[0], what="ConfigMap c: data.A 1 → 2")
    other = dataclasses.replace(change, id="c9", what="ConfigMap c: data.B was removed")
    (told,) = quiet_changes(dataclasses.replace(calm, changes=(change, other)))
    assert "A 1 → 2; " in told.step.text
    assert "B was removed" in told.step.text
