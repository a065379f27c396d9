"""Differences between versions, as people would say them."""

from __future__ import annotations

import json

import pytest

from formats.limits import TEXT_BYTES
from formats.rows.kube_changes import CHANGES, list_changes


def deployment(**container):
    return {
        "spec": {
            "template": {"spec": {"containers": [{"name": "log", "image": "log:1"}, {"name": "app", **container}]}}
        }
    }


def test_items_of_lists_are_named_by_their_key():
    assert list_changes(deployment(image="app:1"), deployment(image="app:2")) == [
        {"path": "spec.template.spec.containers[name=app].image", "old": "app:1", "new": "app:2"}
    ]


def test_an_inserted_item_changes_nothing_behind_it():
    # GIVEN
    old, new = deployment(image="app:1"), deployment(image="app:1")
    new["spec"]["template"]["spec"]["containers"].insert(0, {"name": "proxy", "image": "proxy:1"})

    # THEN
    assert [change["path"] for change in list_changes(old, new)] == ["spec.template.spec.containers[name=proxy]"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"metadata": {"resourceVersion": "1"}}, {"metadata": {"resourceVersion": "2"}}),
        ({"metadata": {"managedFields": []}}, {"metadata": {"managedFields": [{"a": 1}]}}),
        (
            {"status": {"conditions": [{"type": "Ready", "lastHeartbeatTime": "a"}]}},
            {"status": {"conditions": [{"type": "Ready", "lastHeartbeatTime": "b"}]}},
        ),
        ({"spec": {"renewTime": "a"}}, {"spec": {"renewTime": "b"}}),
        (
            {"metadata": {"annotations": {"control-plane.alpha.kubernetes.io/leader": "a"}}},
            {"metadata": {"annotations": {"control-plane.alpha.kubernetes.io/leader": "b"}}},
        ),
    ],
)
def test_heartbeats_and_bookkeeping_are_no_changes(old, new):
    assert list_changes(old, new) == []


def test_the_first_key_of_a_map_is_told_like_its_second():
    path = 'metadata.annotations["kubectl.kubernetes.io/restartedAt"]'
    assert list_changes(
        {"metadata": {}}, {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "t"}}}
    ) == [{"path": path, "old": None, "new": "t"}]
    assert list_changes(
        {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "t"}}}, {"metadata": {}}
    ) == [{"path": path, "old": "t", "new": None}]


def test_ports_endpoints_and_env_have_their_own_keys():
    # GIVEN
    old = {
        "spec": {"ports": [{"containerPort": 80, "protocol": "TCP"}], "env": [{"name": "A", "value": "1"}]},
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
    }
    new = {
        "spec": {"ports": [{"containerPort": 80, "protocol": "UDP"}], "env": [{"name": "A", "value": "2"}]},
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": False}}],
    }

    # THEN
    assert [change["path"] for change in list_changes(old, new)] == [
        "endpoints[addresses=10.0.0.1].conditions.ready",
        "spec.env[name=A].value",
        "spec.ports[containerPort=80].protocol",
    ]


def test_lists_without_a_key_are_told_by_position_and_plain_ones_as_a_whole():
    old = {"a": [{"x": {}}, {"y": 1}], "args": ["--a", "--b"]}
    new = {"a": [{"x": {}}, {"y": 2}], "args": ["--a", "--c"]}
    assert list_changes(old, new) == [
        {"path": "a[1].y", "old": 1, "new": 2},
        {"path": "args", "old": ["--a", "--b"], "new": ["--a", "--c"]},
    ]


@pytest.mark.parametrize(("old", "new"), [(1, True), (0, False), ("1", 1), ({"a": 1}, "x"), ([1], {"a": 1})])
def test_a_change_of_type_is_a_change(old, new):
    assert list_changes({"v": old}, {"v": new}) == [{"path": "v", "old": old, "new": new}]


def test_ten_thousand_changes_are_counted_and_not_listed():
    # WHEN
    found = list_changes({}, {f"k{number}": number for number in range(10_000)})

    # THEN
    assert len(found) == CHANGES
    assert found[-1] == {"path": "…", "old": None, "new": f"{10_000 - CHANGES + 1} more changes"}


def test_a_huge_value_is_told_by_its_beginning():
    [change] = list_changes({"v": "a"}, {"v": "b" * (2 * TEXT_BYTES)})
    assert len(json.dumps(change)) < 10_000
    assert change["new"].endswith("…")
