"""List and watch, followed: what is state, what changed, what was found only by listing again."""

from __future__ import annotations

import json

from formats.rows import kube_versions
from formats.rows.kube_object import Observation
from formats.rows.kube_redaction import Redaction
from formats.rows.kube_versions import EventVersions, ObjectVersions

REDACTION = Redaction(b"k" * 32)


def pod(name, version, **spec):
    return {
        "metadata": {"name": name, "namespace": "d", "uid": f"uid-{name}", "resourceVersion": str(version)},
        "spec": spec,
    }


def listed(versions, *objects):
    versions.begin_list()
    return [*versions.list_page(objects), *versions.end_list()]


def told(rows):
    return [(str(row.change), row.name, row.is_inferred) for row in rows if row is not None]


def test_the_first_list_is_state_and_a_second_one_infers_the_difference():
    # GIVEN
    versions = ObjectVersions(REDACTION, "v1", "Pod")

    # WHEN
    first = listed(versions, pod("a", 1), pod("b", 2), pod("c", 3))
    second = listed(versions, pod("a", 1), pod("b", 5, x=1), pod("d", 6))

    # THEN
    assert told(first) == [("state", "a", False), ("state", "b", False), ("state", "c", False)]
    assert told(second) == [("modified", "b", True), ("added", "d", True), ("deleted", "c", True)]
    assert json.loads(second[0].changes) == [{"path": "spec.x", "old": None, "new": 1}]
    assert json.loads(second[2].content)["metadata"]["name"] == "c"
    assert all((row.kind, row.api_version) == ("Pod", "v1") for row in (*first, *second))


def test_a_list_that_was_begun_twice_does_not_repeat_itself():
    # GIVEN a list that broke off after its first page
    versions = ObjectVersions(REDACTION, "v1", "Pod")
    versions.begin_list()
    versions.list_page([pod("a", 1)])

    # WHEN
    rows = listed(versions, pod("a", 1), pod("b", 2))

    # THEN
    assert told(rows) == [("state", "b", False)]


def test_repeats_and_late_messages_tell_nothing():
    # GIVEN
    versions = ObjectVersions(REDACTION, "v1", "Pod")
    listed(versions, pod("a", 5))

    # WHEN
    rows = [
        versions.told("MODIFIED", pod("a", 5)),
        versions.told("MODIFIED", pod("a", 7)),
        versions.told("MODIFIED", pod("a", 6)),
        versions.told("DELETED", pod("a", 8)),
        versions.told("MODIFIED", pod("a", 7)),
        versions.told("DELETED", pod("a", 8)),
    ]

    # THEN
    assert told(rows) == [("modified", "a", False), ("deleted", "a", False)]
    assert versions.repeated == 4
    assert list(versions.snapshot()) == []


def test_opaque_versions_are_only_compared_for_equality():
    # GIVEN a server whose versions are no numbers
    versions = ObjectVersions(REDACTION, "v1", "Pod")
    listed(versions, pod("a", "zz"))

    # THEN
    assert versions.told("MODIFIED", pod("a", "aa")) is not None
    assert versions.told("MODIFIED", pod("a", "aa")) is None


def test_a_new_object_of_the_same_name_is_another_object():
    # GIVEN
    versions = ObjectVersions(REDACTION, "v1", "Pod")
    listed(versions, pod("a", 1))
    again = pod("a", 9)
    again["metadata"]["uid"] = "uid-new"

    # WHEN
    rows = listed(versions, again)

    # THEN
    assert [(str(row.change), row.uid) for row in rows] == [("added", "uid-new"), ("deleted", "uid-a")]


def test_the_snapshot_is_the_last_version_of_everything_as_recorded():
    # GIVEN
    versions = ObjectVersions(REDACTION, "v1", "Pod")
    listed(versions, pod("a", 1), pod("b", 2))
    last = versions.told("MODIFIED", pod("b", 3, image="x"))
    versions.told("DELETED", pod("a", 4))

    # WHEN
    [row] = versions.snapshot()

    # THEN
    assert (row.change, row.content, row.resource_version) == (Observation.STATE, last.content, "3")


def test_memory_is_bounded_and_what_is_not_kept_has_no_changes(monkeypatch):
    # GIVEN room for almost nothing
    monkeypatch.setattr(kube_versions, "CONTENT_BYTES", 10)
    monkeypatch.setattr(kube_versions, "KEYS", 2)
    versions = ObjectVersions(REDACTION, "v1", "Pod")

    # WHEN
    listed(versions, pod("a", 1), pod("b", 2), pod("c", 3))
    row = versions.told("MODIFIED", pod("c", 4))

    # THEN
    assert row.changes is None
    assert list(versions.snapshot()) == []
    assert told(listed(versions, pod("c", 4))) == [("deleted", "", True)]


def test_what_the_resource_secrets_holds_is_a_secret_whatever_it_says():
    # GIVEN
    versions = ObjectVersions(REDACTION, "v1", "Secret")

    # WHEN
    row = versions.told("ADDED", {"kind": "Pod", "metadata": {"name": "s", "uid": "u"}, "data": {"a": "hunter2"}})

    # THEN
    assert row.kind == "Secret"
    assert "hunter2" not in row.content


def test_messages_that_are_no_objects_are_counted():
    # GIVEN
    versions = ObjectVersions(REDACTION, "v1", "Pod")

    # WHEN
    rows = [versions.told("ADDED", raw) for raw in (None, [], "x", {}, {"metadata": []}, {"metadata": {"name": 5}})]

    # THEN
    assert rows == [None] * 6
    assert versions.rejected == 6


def test_events_are_counted_by_how_often_they_happened_since():
    # GIVEN
    versions = EventVersions(REDACTION, "v1", "Event")

    def event(version, count):
        return {
            "metadata": {"name": "e", "uid": "e", "resourceVersion": str(version)},
            "count": count,
            "reason": "BackOff",
        }

    # WHEN
    rows = [*listed(versions, event(1, 10)), versions.told("MODIFIED", event(2, 12)), *listed(versions, event(5, 15))]
    aged_out = listed(versions)

    # THEN
    assert [(str(row.change), row.count_delta, row.is_inferred) for row in rows] == [
        ("state", 0, False),
        ("modified", 2, False),
        ("modified", 3, True),
    ]
    assert aged_out == []
