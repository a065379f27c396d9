"""Puts the manifests on a cluster; looks at what is there first, so that nothing is written if it cannot be right."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from typing import Final

from analyzer.fleet.cluster_objects import (
    MANAGED_BY,
    MANAGER,
    apply_object,
    is_same,
    label_of,
    list_managed,
    name_of,
    path_of,
    read_object,
)
from analyzer.fleet.manifests import is_cluster_wide
from analyzer.fleet.recorders import Cluster, ConflictError, Json
from formats.errors import ConfigurationError, MissingInputError
from formats.rows.kube_json import items, text
from formats.text import escape_text

VERSION_LABEL: Final = "app.kubernetes.io/version"
_NAMED = 3
_NUMBER = re.compile(r"[0-9]{1,9}")


def mark_objects(objects: Sequence[Json], version: str) -> list[Json]:
    """The objects with the labels by which they are found again: who made them, and the version."""
    marked = copy.deepcopy(list(objects))
    for content in marked:
        content["metadata"].setdefault("labels", {}).update({MANAGED_BY: MANAGER, VERSION_LABEL: version})
    return marked


def install_objects(
    cluster: Cluster,
    objects: Sequence[Json],
    *,
    force: bool = False,
    dry_run: bool = False,
    told: Callable[[str], None],
) -> None:
    """Apply marked objects, after the API server has accepted all of them in a dry run.

    Args:
        cluster: to install on.
        objects: of `mark_objects`.
        force: take over what others made or set.
        dry_run: ask the API server, and change nothing.
        told: is called with each line that kubectl would print.

    Raises:
        ConfigurationError: others made some of the objects; a newer version, or another namespace's, is installed.
        ConflictError: others set fields to other values.
        PermissionDeniedError: the person may not do that.
    """
    found = [read_object(cluster, content) for content in objects]
    _check_others(objects, found, force=force)
    _check_version(objects, found)
    _check_namespace(objects, found)
    wanted = [_disown(content, there) for content, there in zip(objects, found, strict=True)]
    has_namespace = any(there is not None and there.get("kind") == "Namespace" for there in found)
    for content, there in zip(wanted, found, strict=True):
        outcome = "created"
        # In a namespace that does not exist yet, nothing can be tried.
        if has_namespace or is_cluster_wide(content["kind"]):
            outcome = _apply(cluster, content, there, force=force, dry_run=True)
        if dry_run:
            told(f"{name_of(content)} {outcome} (server dry run)")
    if dry_run:
        return
    for content, there in zip(wanted, found, strict=True):
        told(f"{name_of(content)} {_apply(cluster, content, there, force=force, dry_run=False)}")


def remove_superseded(cluster: Cluster, objects: Sequence[Json], *, told: Callable[[str], None]) -> None:
    """Delete what an earlier install made and this one did not: the ConfigMap of the configuration before."""
    kept = {path_of(content) for content in objects}
    kinds = {content["kind"]: content for content in objects if not is_cluster_wide(content["kind"])}
    for like in kinds.values():
        for content in list_managed(cluster, like):
            if path_of(content) not in kept:
                cluster.request("DELETE", path_of(content), query={"propagationPolicy": "Background"})
                told(f"{name_of(content)} deleted")


def _apply(cluster: Cluster, content: Json, there: Json | None, *, force: bool, dry_run: bool) -> str:
    try:
        after = apply_object(cluster, content, force=force, dry_run=dry_run)
    except ConflictError as error:
        raise ConflictError(
            error.problem, where=name_of(content), next_step="take these fields over with --force-conflicts"
        ) from error
    except MissingInputError as error:
        raise ConfigurationError(
            f"{error.problem}; this API server does not serve {content['apiVersion']} {content['kind']}",
            where=name_of(content),
            next_step="Tapio needs Kubernetes 1.20 or later",
        ) from error
    if there is None:
        return "created"
    return "unchanged" if is_same(there, after) else "configured"


def _disown(content: Json, there: Json | None) -> Json:
    """A namespace that others made stays theirs: uninstalling must not delete it."""
    if content["kind"] != "Namespace" or there is None or label_of(there, MANAGED_BY) == MANAGER:
        return content
    own = copy.deepcopy(content)
    labels = own["metadata"]["labels"]
    for label in (MANAGED_BY, VERSION_LABEL, "app.kubernetes.io/name"):
        labels.pop(label, None)
    return own


def _check_others(objects: Sequence[Json], found: Sequence[Json | None], *, force: bool) -> None:
    others = [
        name_of(content)
        for content, there in zip(objects, found, strict=True)
        if there is not None and content["kind"] != "Namespace" and label_of(there, MANAGED_BY) != MANAGER
    ]
    if others and not force:
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        verbs = "exists and was" if len(others) == 1 else "exist and were"
        raise ConfigurationError(
            f"{', '.join(others[:_NAMED])}{more} {verbs} not created by `tapio fleet install`",
            next_step="remove them as they were installed (kubectl, Helm), or take them over with --force-conflicts",
        )


def _check_version(objects: Sequence[Json], found: Sequence[Json | None]) -> None:
    for content, there in zip(objects, found, strict=True):
        own, installed = label_of(content, VERSION_LABEL), label_of(there, VERSION_LABEL)
        if content["kind"] == "DaemonSet" and _order(installed) > _order(own):
            raise ConfigurationError(
                f"version {escape_text(installed, limit=40)} is installed, which is newer than this one ({own})",
                where=name_of(content),
                next_step="use that version of tapio, or uninstall it first",
            )


def _check_namespace(objects: Sequence[Json], found: Sequence[Json | None]) -> None:
    """The cluster-wide objects serve one namespace."""
    for content, there in zip(objects, found, strict=True):
        if content["kind"] != "ClusterRoleBinding" or there is None:
            continue
        wanted = {text(subject, "namespace") for subject in content["subjects"]}
        others = {text(subject, "namespace") for subject in items(there, "subjects")} - wanted
        if others:
            other = escape_text(", ".join(sorted(others)), limit=100)
            raise ConfigurationError(
                f"Tapio is installed in the namespace {other}",
                where=name_of(content),
                next_step=f"upgrade it with `-n {other}`, or uninstall it there first",
            )


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in _NUMBER.findall(version)[:3])
