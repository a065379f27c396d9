"""Fixes: the commands that undo what began a finding, and those that show whether it worked.

A command runs as it is pasted. Everything recorded is hostile, so a command is only given if a shell reads it as the
words that are meant (`is_safe_command`); a value of a Secret is never in one.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from analyzer.knowledge.check import fill
from analyzer.knowledge.rules import Condition, Nature
from analyzer.model.entity_index import EntityRow
from analyzer.reasoning.contrast import READ_AT_START
from analyzer.reasoning.symptoms import FoundSymptom
from formats.text import DIGEST_PREFIX

MAX_COMMANDS = 4
"""Commands of one fix. Why: more than these nobody pastes without reading the documentation first."""

MAX_CHECKS = 2
"""Commands that show whether it worked."""

MAX_VALUE_CHARACTERS = 200
"""Longest old value that a command sets. Why: a whole file is better restored from where it comes from."""

ROLLED_OUT_KINDS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
"""Kinds that `kubectl rollout` knows."""

_SAFE_COMMAND = re.compile(r"(?:[A-Za-z0-9 ._/:=,@%+-]|'[^'\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*')+")
_TEMPLATE_COMMAND = re.compile(r"(?:: |^|\()(kubectl [^;()]*?)(?:[.](?= |$)|[;)]|, (?:or|and) |$)")
_OPEN_WORD = re.compile(r"\b[A-Z]{3,}\b")
"""A word such as NODE or VALUE, which the reader would have to replace."""

_LOOKING = frozenset({"get", "describe", "logs", "top"})
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_-]+(?:[.][A-Za-z0-9_-]+|\[\"[^\"\\]+\"\])*")
_PATH_PART = re.compile(r"\[\"([^\"\\]+)\"\]|([A-Za-z0-9_-]+)")
_HAS_ENDED = frozenset({Condition.CRASHING, Condition.KILLED})
"""Conditions of a container whose last words are those of its previous run."""


@dataclass(frozen=True, slots=True)
class Fix:
    """What to paste.

    Attributes:
        commands: undo the root cause, or look at it if nothing is known to undo; in this order.
        verify: show whether it worked.
    """

    commands: tuple[str, ...]
    verify: tuple[str, ...]


def find_fix(
    steps: Sequence[FoundSymptom],
    hit: Iterable[EntityRow],
    templates: Iterable[str],
    values: Mapping[str, str],
    *,
    readers: Sequence[EntityRow] = (),
    is_deleted: bool = False,
) -> Fix:
    """The commands for one finding.

    Args:
        steps: the root cause, then the chain of its effects.
        hit: workloads and Services that were hit.
        templates: the actions of the pattern, with placeholders.
        values: what the placeholders stand for.
        readers: workloads that use the ConfigMap or Secret of the root cause.
        is_deleted: the object of the root cause is gone: there is nothing to look at.
    """
    root = steps[0]
    hit = tuple(hit)
    undo = list(_undo(root, steps[1:], readers)) if root.rule.nature is Nature.CHANGE else []
    # A space in a name must not begin another word. The facts quote what they put into a command of their own.
    # Kinds are written as everywhere else: `deployment/api`.
    words = {
        name: value if name == "command" else shlex.quote(value.lower() if name.endswith("kind") else value)
        for name, value in values.items()
    }
    advised = [
        fill(found, words)
        for template in templates
        if (match := _TEMPLATE_COMMAND.search(template)) and not _OPEN_WORD.search(found := match[1])
    ]
    acting = [command for command in advised if not is_looking(command)]
    looking = [] if is_deleted else _look_at(root)
    commands = _choose(undo or acting or [*advised, *looking], MAX_COMMANDS)
    # What the fix acts on tells first whether it worked.
    ordered = sorted(hit, key=lambda row: not any(f"/{row.name} " in f"{command} " for command in commands))
    return Fix(commands, _choose(_verify(root, ordered), MAX_CHECKS))


def is_safe_command(command: str) -> bool:
    """Whether a shell takes a text as one command of plain words and single-quoted ones, on one line."""
    return _SAFE_COMMAND.fullmatch(command) is not None


def is_looking(command: str) -> bool:
    """Whether a kubectl command only shows something."""
    return not _LOOKING.isdisjoint(command.split()[1:4])


def _kubectl(namespace: str | None) -> str:
    return f"kubectl -n {shlex.quote(namespace)}" if namespace else "kubectl"


def _choose(commands: Iterable[str], most: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(command for command in commands if is_safe_command(command)))[:most]


def _undo(root: FoundSymptom, effects: Sequence[FoundSymptom], readers: Sequence[EntityRow]) -> Iterator[str]:
    path, old = root.details.get("path"), root.details.get("old_value")
    kubectl = _kubectl(root.namespace)
    name = shlex.quote(root.name)
    if path is None:  # the object was created or deleted
        return
    if root.kind in READ_AT_START:
        yield _restore_key(root, kubectl, name, old)
        # What does not start is tried again by the kubelet.
        if not any(effect.rule.condition is Condition.NOT_STARTING for effect in effects):
            yield from (
                f"{kubectl} rollout restart {row.kind.lower()}/{shlex.quote(row.name)}"
                for row in _restarted(effects, readers)
            )
    elif root.kind in ROLLED_OUT_KINDS and path == "spec.replicas":
        if old is not None and old.isdecimal():
            yield f"{kubectl} scale {root.kind.lower()}/{name} --replicas={old}"
    elif root.kind == "Deployment" and path == "spec.paused" and old != "true":
        yield f"{kubectl} rollout resume deployment/{name}"
    elif root.kind in ROLLED_OUT_KINDS and path.startswith("spec.template"):
        yield f"{kubectl} rollout undo {root.kind.lower()}/{name}"
    elif root.kind == "Node" and path == "spec.unschedulable":
        yield f"kubectl uncordon {name}"
    elif root.kind == "Node" and old is None and (taint := _added_taint(root)) is not None:
        yield f"kubectl taint nodes {name} {shlex.quote(taint)}"
    else:
        patch = None if root.kind not in ("ResourceQuota", "Service") else merge_patch(path, old)
        yield f"{kubectl} " + (
            f"edit {root.kind.lower()} {name}"
            if patch is None
            else f"patch {root.kind.lower()} {name} --type merge -p {shlex.quote(patch)}"
        )


def _added_taint(root: FoundSymptom) -> str | None:
    """The taint that a change added to a Node, as `kubectl taint` takes it away; None if it is another change."""
    if not root.details["path"].startswith("spec.taints["):
        return None
    try:
        taint = json.loads(root.details.get("new_value", ""))
        return f"{taint['key']}:{taint['effect']}-"
    except (ValueError, KeyError, TypeError):
        return None


def _restore_key(root: FoundSymptom, kubectl: str, name: str, old: str | None) -> str:
    """Sets a key of a ConfigMap back; opens an editor if the old value is secret, unknown or long."""
    is_shown = old is None or (not old.startswith(DIGEST_PREFIX) and len(old) <= MAX_VALUE_CHARACTERS)
    patch = merge_patch(root.details["path"], old) if root.kind == "ConfigMap" and is_shown else None
    if patch is None:
        return f"{kubectl} edit {root.kind.lower()} {name}"
    return f"{kubectl} patch configmap {name} --type merge -p {shlex.quote(patch)}"


def merge_patch(path: str, value: str | None) -> str | None:
    """The JSON merge patch that sets a path to a text, or removes it; None if the path passes through a list."""
    if _PLAIN_PATH.fullmatch(path) is None or (value or "").startswith(DIGEST_PREFIX):
        return None
    patch: object = value
    for quoted, plain in reversed(_PATH_PART.findall(path)):
        patch = {quoted or plain: patch}
    return json.dumps(patch, separators=(",", ":"), ensure_ascii=False)


def _restarted(effects: Sequence[FoundSymptom], readers: Sequence[EntityRow]) -> list[EntityRow]:
    """The workloads that must read the configuration anew: the one that fails, or all if only its callers do."""
    readers = [row for row in readers if row.kind in ROLLED_OUT_KINDS]
    failing = [row for effect in effects for row in readers if row.entity_id == effect.workload_id]
    return failing[:1] or readers


def _look_at(root: FoundSymptom) -> Iterator[str]:
    kubectl = _kubectl(root.namespace)
    if root.kind == "Container":
        pod, _, container = root.name.rpartition("/")
        which = "--previous" if root.rule.condition in _HAS_ENDED else "--tail=50"
        yield f"{kubectl} logs {shlex.quote(pod)} -c {shlex.quote(container)} {which}"
        yield f"{kubectl} describe pod {shlex.quote(pod)}"
    elif root.kind not in ("Process", "Cgroup", "Device", "Address"):
        yield f"{kubectl} describe {root.kind.lower()} {shlex.quote(root.name)}"


def _verify(root: FoundSymptom, hit: Sequence[EntityRow]) -> Iterator[str]:
    for row in hit:
        if row.kind in ROLLED_OUT_KINDS:
            yield f"{_kubectl(row.namespace)} rollout status {row.kind.lower()}/{shlex.quote(row.name)} --timeout=5m"
    for row in hit:
        if row.kind == "Service":
            yield f"{_kubectl(row.namespace)} get endpointslices -l kubernetes.io/service-name={shlex.quote(row.name)}"
    if root.kind == "Node":
        yield f"kubectl get node {shlex.quote(root.name)}"
