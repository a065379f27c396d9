"""Who made a change, as people call the program: `kubectl edit`, `Argo CD`, by the name of its field manager.

A field manager is a program and no person, and whoever writes to the API server may choose its name: the name itself is
always shown too.
"""

from __future__ import annotations

import re

from formats.postmortem.document import Document
from formats.postmortem.findings import RootCause
from formats.postmortem.graph import FieldManager
from formats.rows.kube_managers import USER_PREFIX
from reports.quantities import day
from reports.zones import moment

PROGRAMS = {
    "kubectl-client-side-apply": "kubectl apply",
    "kubectl-last-applied": "kubectl apply",
    "argocd-controller": "Argo CD",
    "argocd-application-controller": "Argo CD",
    "argocd": "Argo CD",
    "kustomize-controller": "Flux",
    "flux": "Flux",
    "flux-client-side-apply": "Flux",
    "helm-controller": "the Helm controller of Flux",
    "helm": "Helm",
    "Helm": "Helm",
    "HashiCorp": "Terraform",
    "Terraform": "Terraform",
    "terraform": "Terraform",
    "kube-controller-manager": "a controller of Kubernetes",
    "kube-scheduler": "the scheduler",
    "kubelet": "the kubelet",
    "keda-operator": "KEDA",
    "cluster-autoscaler": "the cluster autoscaler",
    "OpenAPI-Generator": "a generated API client",
}
"""What people call the programs behind names of field managers. An anonymized copy keeps these names
(`analyzer/sharing/vocabulary/managers.txt`)."""
_BY_SUBRESOURCE = {
    ("kubectl", "scale"): "kubectl scale",
    ("kube-controller-manager", "scale"): "the HorizontalPodAutoscaler",
}
_SERVER_SIDE_APPLY = ("kubectl", "Apply")
_CALLED_SO = frozenset({"kubectl", "karpenter", "k9s"})
"""Programs that need no other words."""
_SYNCED = frozenset({"Argo CD", "Flux", "the Helm controller of Flux"})
"""Programs that apply what is in a repository, and do so again after somebody has changed the object."""
_COMPONENTS = frozenset({"kube-controller-manager", "kube-scheduler", "kube-apiserver", "kubelet"})
_KUBECTL_COMMAND = re.compile(r"kubectl-([a-z]{2,16})")


def call_program(name: str, operation: str | None, subresource: str | None) -> str:
    """`kubectl edit` for the manager kubectl-edit; the name itself if no program is known by it.

    Args:
        name: of the field manager.
        operation: Apply or Update; None if it is not known.
        subresource: that was written; None if the object itself was.
    """
    known = _BY_SUBRESOURCE.get((name, subresource or "")) or PROGRAMS.get(name)
    if known is not None:
        return known
    if (name, operation) == _SERVER_SIDE_APPLY:
        return "kubectl apply --server-side"
    command = _KUBECTL_COMMAND.fullmatch(name)
    return name if command is None else f"kubectl {command[1]}"


def call_manager(name: str, operation: str | None, subresource: str | None) -> str:
    """`kubectl edit (manager kubectl-edit)`; the arguments are those of `call_program`."""
    program = call_program(name, operation, subresource)
    if program != name:
        return f"{program} (manager {name})"
    if name.startswith(USER_PREFIX):
        return f"the user {name.removeprefix(USER_PREFIX)}"
    return name if name in _CALLED_SO else f"the manager {name}"


def say_who(document: Document, symptom_id: str) -> str | None:
    """`changed by kubectl edit (manager kubectl-edit) at 15:10:02Z`; None if the recording does not tell.

    Args:
        document: has the changes.
        symptom_id: of the step that stands for a change.
    """
    managers = _managers_of(document, symptom_id)
    said = [f"{call_manager(one.name, one.operation, one.subresource)} at {moment(one.time)}" for one in managers]
    return f"changed by {' and by '.join(said)}" if said else None


def say_last_write(root: RootCause) -> str | None:
    """`last written by kubectl apply (manager …) at 14:55:10Z on 2026-11-20`.

    None if the recording does not tell, or if it was a program of Kubernetes itself: that says nothing of the cause.
    """
    one = root.last_write
    if one is None or one.name in _COMPONENTS:
        return None
    manager = call_manager(one.name, one.operation, one.subresource)
    return f"last written by {manager} at {moment(one.time)} on {day(one.time)}"


def advise_on_source(document: Document, symptom_id: str) -> str | None:
    """What has to be done beyond the cluster, if a program made the change that will make it again; else None."""
    for one in _managers_of(document, symptom_id):
        program = call_program(one.name, one.operation, one.subresource)
        if program in _SYNCED:
            return f"{program} applied the change: revert it in its repository too, or it will be applied again."
        if program == "Helm":
            return "Helm applied the change: `helm rollback` reverts the release, or the next upgrade applies it again."
    return None


def _managers_of(document: Document, symptom_id: str) -> list[FieldManager]:
    made = (change.manager for change in document.changes if change.symptom == symptom_id)
    return sorted({one for one in made if one is not None}, key=lambda one: (one.time, one.name))
