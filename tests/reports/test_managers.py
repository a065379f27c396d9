"""Who made a change is called what people call the program, and its name is always shown too."""

from __future__ import annotations

import dataclasses

import pytest

from analyzer.sharing.vocabulary import load_words
from formats.postmortem.graph import FieldManager
from reports.answer import answer
from reports.managers import PROGRAMS, advise_on_source, call_manager, call_program, say_who
from reports.markdown import render_markdown
from reports.terminal import render


@pytest.mark.parametrize(
    ("name", "operation", "subresource", "called"),
    [
        ("kubectl-edit", "Update", None, "kubectl edit"),
        ("kubectl-client-side-apply", "Update", None, "kubectl apply"),
        ("kubectl", "Apply", None, "kubectl apply --server-side"),
        ("kubectl", "Update", "scale", "kubectl scale"),
        ("kubectl", "Update", None, "kubectl"),
        ("kubectl-rollout", "Update", None, "kubectl rollout"),
        ("argocd-controller", "Apply", None, "Argo CD"),
        ("kustomize-controller", "Apply", None, "Flux"),
        ("helm", "Update", None, "Helm"),
        ("kube-controller-manager", "Update", "scale", "the HorizontalPodAutoscaler"),
        ("kube-controller-manager", "Update", None, "a controller of Kubernetes"),
        ("acme-deployer", "Update", None, "acme-deployer"),
        ("kubectl-\x1b[31m", "Update", None, "kubectl-\x1b[31m"),
    ],
)
def test_program_is_called_what_people_call_it(name, operation, subresource, called):
    assert call_program(name, operation, subresource) == called


def test_name_of_the_manager_is_always_shown():
    assert call_manager("kubectl-edit", "Update", None) == "kubectl edit (manager kubectl-edit)"
    assert call_manager("acme", "Update", None) == "the manager acme"
    assert call_manager("kubectl", "Update", None) == "kubectl"


def made_by(document, name, operation="Update"):
    root = document.findings[0].chain[0].symptom_id
    manager = FieldManager(name, operation, None, "2026-11-20T15:10:02.000000000Z")
    changes = tuple(
        dataclasses.replace(change, manager=manager) if change.symptom == root else change
        for change in document.changes
    )
    return dataclasses.replace(document, changes=changes)


def test_answer_says_who_made_the_change_and_when(incident):
    document = made_by(incident, "kubectl-edit")
    said = "changed by kubectl edit (manager kubectl-edit) at 15:10:02Z"
    assert answer(document, document.findings[0]).who == said
    assert said in render(document, color=False, width=None)
    assert f"- **Who:** `{said}`" in render_markdown(document)


def test_nothing_is_said_where_the_recording_does_not_tell(incident):
    root = incident.findings[0].chain[0].symptom_id
    assert say_who(incident, root) is None
    assert advise_on_source(incident, root) is None


@pytest.mark.parametrize(("name", "program"), [("argocd-controller", "Argo CD"), ("kustomize-controller", "Flux")])
def test_change_that_a_repository_would_bring_back_is_to_be_reverted_there_too(incident, name, program):
    document = made_by(incident, name, "Apply")
    source = answer(document, document.findings[0]).source
    assert source == f"{program} applied the change: revert it in its repository too, or it will be applied again."
    assert source in render(document, color=False, width=None)


def test_release_of_helm_has_its_own_way_back(incident):
    document = made_by(incident, "helm")
    assert "helm rollback" in answer(document, document.findings[0]).source
    assert answer(made_by(incident, "kubectl-edit"), document.findings[0]).source is None


def test_who_wrote_the_object_last_is_told_where_no_change_was_recorded(incident):
    finding = incident.findings[0]
    manager = FieldManager("kubectl-set", "Update", None, "2026-11-20T14:55:10.000000000Z")
    root = dataclasses.replace(finding.root_cause, last_write=manager)
    told = answer(incident, dataclasses.replace(finding, root_cause=root))
    assert told.who == "last written by kubectl set (manager kubectl-set) at 14:55:10Z on 2026-11-20"
    # A recorded change says more.
    document = made_by(incident, "kubectl-edit")
    assert answer(document, dataclasses.replace(finding, root_cause=root)).who.startswith("changed by kubectl edit")
    # What Kubernetes itself writes says nothing about the cause.
    own = dataclasses.replace(root, last_write=dataclasses.replace(manager, name="kube-controller-manager"))
    assert answer(incident, dataclasses.replace(finding, root_cause=own)).who is None


def test_every_known_program_is_known_in_an_anonymized_copy_too():
    assert PROGRAMS.keys() <= set(load_words("managers"))
