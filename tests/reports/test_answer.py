"""Promises of the answer: what is said is true of the document, and objects are called what people call them."""

from __future__ import annotations

import dataclasses

import pytest

from formats.postmortem.findings import WorkloadImpact
from reports.answer import WorkloadNames, answer, confidence_word, quiet_changes, step_cells
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
        (
            'spec.template.spec.containers[name=api].env[name=A] was set to {"name":"A","value":"on"}',
            "env A of api was set to on",
        ),
        (
            'spec.template.spec.containers[name=api].env[name=A] was set to {"name":"A","valueFrom":{"configMapKeyRef":{"key":"a","name":"conf"}}}',
            "env A of api was set to key a of ConfigMap conf",
        ),
        (
            'spec.taints[key=gone] was set to {"effect":"NoExecute","key":"gone","value":"yes"}',
            "taint gone=yes:NoExecute was added",
        ),
        ('spec.taints[key=gone] was set to {"key":"gone"}', 'taints[key=gone] was set to {"key":"gone"}'),
        (
            "spec.template.spec.containers[name=api].env[name=A] was set to {torn}",
            "env[name=A] of api was set to {torn}",
        ),
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


def test_what_was_on_another_day_is_told_with_the_day(incident):
    finding = incident.findings[0]
    first = finding.chain[0]
    old = dataclasses.replace(first, time=f"2001-02-03{first.time[10:]}")
    told = answer(incident, dataclasses.replace(finding, chain=(old, *finding.chain[1:])))
    assert told.cause.moment == f"2001-02-03 {first.time[11:19]}Z"
    assert told.cause.moment in render_markdown(
        dataclasses.replace(incident, findings=(dataclasses.replace(finding, chain=(old, *finding.chain[1:])),))
    )
    cells = list(step_cells(told.steps))
    assert cells[0][0] == f"2001-02-03 {first.time[11:19]}"
    assert len({len(time) for time, *_rest in cells}) == 1
    # AND what was on the day of the recording without it
    assert answer(incident, finding).cause.moment == f"{first.time[11:19]}Z"


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("a pod of cache crashes", "A pod of cache crashes"),
        ("the probe fails", "The probe fails"),
        ("api-0 fails", "api-0 fails"),
    ],
)
def test_title_begins_with_a_capital_letter_unless_it_begins_with_a_name(incident, title, shown):
    assert answer(incident, dataclasses.replace(incident.findings[0], title=title)).title == shown


def test_pod_of_a_stateful_set_is_named_with_its_namespace(incident):
    # GIVEN a Pod of a StatefulSet
    pod = next(entity for entity in incident.entities.values() if entity.kind == "Pod")
    owner = dataclasses.replace(pod, id="StatefulSet/db", kind="StatefulSet", name="db")
    zero = dataclasses.replace(pod, id="Pod/db-0", name="db-0")
    row = dataclasses.replace(incident.relations[0], kind="WORKLOAD_OF", source=zero.id, target=owner.id)
    document = dataclasses.replace(
        incident, entities={**incident.entities, zero.id: zero, owner.id: owner}, relations=(*incident.relations, row)
    )
    assert WorkloadNames(document).sentence("db-0 became unready") == f"{pod.namespace}/db-0 became unready"


def test_first_step_with_blanks_is_told_whole_before_a_command_of_another_step(incident):
    finding = dataclasses.replace(
        incident.findings[0],
        recommendations=("Create it: kubectl create secret NAME.", "Use it: kubectl edit deployment api, and name it."),
        fix=("kubectl edit deployment api",),
    )
    assert answer(incident, finding).advice == "Create it: kubectl create secret NAME."


def test_advice_calls_fields_what_people_call_them(incident):
    finding = dataclasses.replace(
        incident.findings[0], recommendations=("Revert spec.template.spec.containers[name=api].image to 1.",), fix=()
    )
    assert answer(incident, finding).advice == "Revert image of api to 1."


def test_command_for_one_case_is_told_with_its_condition(incident):
    finding = dataclasses.replace(
        incident.findings[0],
        recommendations=(
            "Read it: kubectl logs api.",
            "If it began with a release: kubectl rollout undo deployment/api.",
        ),
        fix=("kubectl rollout undo deployment/api",),
    )
    assert answer(incident, finding).advice == "If it began with a release:"


def test_step_that_rests_on_kills_says_how_many_and_the_limit(incident):
    # GIVEN a step whose evidence are two kills of a container with a limit
    finding = incident.findings[0]
    step = finding.chain[1]
    symptom = next(one for one in incident.symptoms if one.id == step.symptom_id)
    row = next(iter(incident.evidence.values()))
    kill = dataclasses.replace(row, table="oom", fields={"oom.anon_rss_bytes": 1})
    measure = dataclasses.replace(incident.measures[0], entity=symptom.entity, unit="By", limit=48 << 20)
    rests_on_kills = dataclasses.replace(symptom, evidence=("oom:a:1", "oom:a:2"))
    document = dataclasses.replace(
        incident,
        symptoms=tuple(rests_on_kills if one is symptom else one for one in incident.symptoms),
        evidence={**incident.evidence, "oom:a:1": kill, "oom:a:2": kill},
        measures=(measure,),
    )
    told = [one.text for one in answer(document, finding).steps if one.text.endswith(": 2 times, memory limit 48 MiB")]
    assert len(told) == 1
    # AND without kills nothing is added
    bare = dataclasses.replace(symptom, evidence=())
    without = tuple(bare if one is symptom else one for one in incident.symptoms)
    silent = answer(dataclasses.replace(document, symptoms=without), finding)
    assert not any("memory limit 48" in one.text for one in silent.steps)


@pytest.mark.parametrize(
    ("fix", "label"),
    [
        (("kubectl -n shop rollout undo deployment/api",), "Fix"),
        (("kubectl -n shop describe deployment api", "kubectl get storageclass"), "Next"),
        (("kubectl -n shop get configmaps", "kubectl -n shop edit deployment get"), "Fix"),
        ((), "Fix"),
    ],
)
def test_commands_that_only_look_are_not_called_a_fix(incident, fix, label):
    told = answer(incident, dataclasses.replace(incident.findings[0], fix=fix))
    assert told.is_cause
    assert told.fix_label == label
    assert dataclasses.replace(told, is_cause=False).fix_label == "Next"
