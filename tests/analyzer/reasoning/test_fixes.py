"""Promises of fixes: a command runs as it is pasted, does what was meant, and never what a recording smuggles in."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from analyzer.knowledge.rules import Nature
from analyzer.model.entity_index import EntityRow
from analyzer.reasoning.fixes import find_fix, is_safe_command, merge_patch
from analyzer.reasoning.symptoms import FoundSymptom
from tests.analyzed import shipped_knowledge

CACHE = EntityRow("Deployment/1", "Deployment", "shop", "cache", "1", None, 0, 9, None, "Deployment/1")


def shown(rule: str, kind: str, name: str, **details: str) -> FoundSymptom:
    return FoundSymptom(
        number=1,
        rule=next(one for one in shipped_knowledge().symptoms if one.name == rule),
        entity_id=f"{kind}/{name}",
        kind=kind,
        namespace=None if kind == "Node" else "shop",
        name=name,
        node=None,
        pod_id=None,
        workload_id=CACHE.entity_id if kind == "Container" else None,
        entity_from_ns=0,
        pod_ready_ns=None,
        from_ns=0,
        to_ns=1,
        seen_from_ns=0,
        is_open=False,
        is_ongoing=False,
        is_ordinary=False,
        recorded_on=None,
        count=1,
        magnitude=None,
        details=details,
        evidence=(),
        what="",
    )


def edit(kind: str, name: str, path: str, old: str | None, rule: str = "config-changed") -> FoundSymptom:
    return shown(rule, kind, name, path=path, **({} if old is None else {"old_value": old}))


KILLED = shown("container-oom-killed", "Container", "cache-1-a/cache")


def commands(*steps: FoundSymptom, actions: tuple[str, ...] = (), **values: str) -> tuple[str, ...]:
    return find_fix(steps, [CACHE], actions, values, readers=[CACHE]).commands


def test_value_of_a_config_map_is_set_back_and_its_reader_restarted():
    fix = find_fix([edit("ConfigMap", "conf", "data.CACHE_MB", "12"), KILLED], [CACHE], (), {}, readers=[CACHE])
    assert fix.commands == (
        """kubectl -n shop patch configmap conf --type merge -p '{"data":{"CACHE_MB":"12"}}'""",
        "kubectl -n shop rollout restart deployment/cache",
    )
    assert fix.verify == ("kubectl -n shop rollout status deployment/cache --timeout=5m",)


def test_reader_of_a_config_map_is_restarted_though_only_its_caller_fails():
    reader = replace(CACHE, entity_id="Deployment/store", name="store")
    fix = find_fix([edit("ConfigMap", "conf", "data.CACHE_MB", "12"), KILLED], [CACHE], (), {}, readers=[reader])
    assert fix.commands[1:] == ("kubectl -n shop rollout restart deployment/store",)


def test_container_that_could_not_start_needs_no_restart():
    waiting = shown("container-not-created", "Container", "cache-1-a/cache")
    assert len(commands(edit("ConfigMap", "conf", "data.KEY", "12"), waiting)) == 1


def test_a_rollout_that_was_paused_is_resumed():
    paused = edit("Deployment", "cache", "spec.paused", None, rule="workload-spec-changed")
    assert commands(paused) == ("kubectl -n shop rollout resume deployment/cache",)


def test_what_was_deleted_is_not_looked_at():
    deleted = shown("permission-changed", "RoleBinding", "reads")
    assert commands(deleted) == ("kubectl -n shop describe rolebinding reads",)
    assert find_fix([deleted], [], (), {}, is_deleted=True).commands == ()


@pytest.mark.parametrize(
    ("kind", "old"),
    [("Secret", "hunter2"), ("Secret", "digest:ab"), ("ConfigMap", "digest:ab"), ("ConfigMap", "x" * 999)],
)
def test_value_that_is_secret_unknown_or_long_is_in_no_command(kind: str, old: str):
    assert commands(edit(kind, "conf", "data.KEY", old))[0] == f"kubectl -n shop edit {kind.lower()} conf"


@pytest.mark.parametrize(
    ("root", "command"),
    [
        (
            edit("Deployment", "api", "spec.template.spec.containers[name=a].image", "a:1", "image-changed"),
            "kubectl -n shop rollout undo deployment/api",
        ),
        (
            edit("Node", "node-a", "spec.taints[key=gone]", "x", "node-changed"),
            "kubectl edit node node-a",
        ),
        (
            shown(
                "node-changed",
                "Node",
                "node-a",
                path="spec.taints[key=gone]",
                new_value='{"effect":"NoExecute","key":"gone","value":"x"}',
            ),
            "kubectl taint nodes node-a gone:NoExecute-",
        ),
        (
            edit("ResourceQuota", "compute", "spec.hard.pods", "60", "quota-changed"),
            """kubectl -n shop patch resourcequota compute --type merge -p '{"spec":{"hard":{"pods":"60"}}}'""",
        ),
    ],
)
def test_change_of_an_object_is_undone(root: FoundSymptom, command: str):
    assert commands(root) == (command,)


def test_symptom_without_a_change_is_looked_at():
    assert commands(KILLED) == (
        "kubectl -n shop logs cache-1-a -c cache --previous",
        "kubectl -n shop describe pod cache-1-a",
    )


def test_command_of_the_pattern_is_taken_if_nothing_in_it_is_left_to_fill_in():
    actions = (
        "Set an image: kubectl -n {namespace} set image deployment/{root_name} {root_name}=IMAGE.",
        "Scale it up: kubectl -n {namespace} scale deployment/{root_name} --replicas=1.",
    )
    assert commands(KILLED, actions=actions, namespace="shop", root_name="cache") == (
        "kubectl -n shop scale deployment/cache --replicas=1",
    )


def test_kinds_are_written_in_one_way_so_that_no_command_is_told_twice():
    actions = (
        "Edit it: kubectl -n {namespace} edit {root_kind} {root_name}.",
        "Edit it: kubectl -n {namespace} edit deployment {root_name}.",
    )
    assert commands(KILLED, actions=actions, namespace="shop", root_kind="Deployment", root_name="cache") == (
        "kubectl -n shop edit deployment cache",
    )


@pytest.mark.parametrize(
    "evil",
    [
        "x; reboot",
        "$(reboot)",
        "`reboot`",
        "a'b",
        "a\nreboot",
        "a && b",
        "a|b",
        "a > b",
        "a delete reboot",
        "a\u202eb",
        "x\x1b[2J",
    ],
)
def test_hostile_name_never_becomes_a_command(evil: str):
    # WHEN a hostile name, value or placeholder would be in a command
    given = [
        *commands(edit("ConfigMap", evil, "data.KEY", "12")),
        *commands(edit("ConfigMap", "conf", "data.KEY", evil)),
        *commands(replace(KILLED, name=f"{evil}/{evil}")),
        *commands(KILLED, actions=("Do it: kubectl scale deployment/{root_name} --replicas=1.",), root_name=evil),
    ]
    # THEN it is not given, or the shell takes it as one word of the command
    for command in given:
        assert is_safe_command(command)
        assert shlex.split(command)[0] == "kubectl"
        assert "reboot" not in command or any("reboot" in word and word != "reboot" for word in shlex.split(command))


@pytest.mark.parametrize(
    ("path", "value", "patch"),
    [
        ("data.A", "1", '{"data":{"A":"1"}}'),
        ('data["a.b"]', "1", '{"data":{"a.b":"1"}}'),
        ("data.A", None, '{"data":{"A":null}}'),
        ("spec.ports[0].port", "80", None),
        ("spec.containers[name=a].image", "b", None),
        ("data.A", "digest:00", None),
    ],
)
def test_path_becomes_a_merge_patch_unless_it_passes_through_a_list(path: str, value: str | None, patch: str | None):
    assert merge_patch(path, value) == patch


def test_root_of_the_tests_is_a_change():
    assert edit("ConfigMap", "conf", "data.A", "1").rule.nature is Nature.CHANGE
