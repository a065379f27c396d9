"""Objects and Events as rows: the ordinary ones exactly, the hostile ones without an exception."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.catalog import TABLE_BY_NAME
from formats.limits import TEXT_BYTES
from formats.rows.kube_event import event_batch, event_row
from formats.rows.kube_json import parse_object
from formats.rows.kube_object import Observation, object_batch, object_row
from formats.rows.kube_redaction import Redaction
from formats.rows.kube_time import unix_nano
from formats.rows.kube_versions import EventVersions, ObjectVersions

REDACTION = Redaction(b"k" * 32)
POD = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {
        "name": "cache-1",
        "namespace": "shop",
        "uid": "u-1",
        "resourceVersion": "7",
        "generation": 2,
        "creationTimestamp": "2026-11-20T18:13:00Z",
        "managedFields": [{"manager": "kubelet"}],
        "ownerReferences": [{"uid": "other"}, {"uid": "rs-1", "controller": True}],
    },
    "spec": {"b": 1, "a": "ü"},
}


def test_an_object_becomes_one_exact_row():
    # WHEN
    batch = object_batch([object_row(POD, Observation.ADDED, REDACTION)], [5])

    # THEN
    assert batch.schema == TABLE_BY_NAME["kube_object"].drained_schema
    [row] = batch.to_pylist()
    content = row.pop("k8s.object.content")
    assert row == {
        "boot_time_ns": 5,
        "event_name": "k8s.object.added",
        "severity_number": 9,
        "k8s.object.kind": "Pod",
        "k8s.object.api_version": "v1",
        "k8s.namespace.name": "shop",
        "k8s.object.name": "cache-1",
        "k8s.object.uid": "u-1",
        "k8s.object.resource_version": "7",
        "k8s.object.generation": 2,
        "k8s.object.created_unix_nano": 1795198380000000000,
        "k8s.object.owner.uid": "rs-1",
        "inferred": False,
        "k8s.object.changes": None,
        "k8s.object.manager.name": None,
        "k8s.object.manager.operation": None,
        "k8s.object.manager.subresource": None,
        "k8s.object.manager.written_unix_nano": None,
    }
    assert "managedFields" not in content
    assert content.endswith('"spec":{"a":"ü","b":1}}')


def test_an_object_that_is_too_large_keeps_its_shape_with_shorter_texts():
    # GIVEN
    raw = {**POD, "status": {"message": "x" * (2 * TEXT_BYTES), "phase": "Running"}}

    # WHEN
    content = json.loads(object_row(raw, Observation.STATE, REDACTION).content)

    # THEN
    assert content["status"]["phase"] == "Running"
    assert content["status"]["message"].endswith("…")


def test_an_object_of_a_million_small_texts_keeps_who_it_is():
    # GIVEN
    raw = {**POD, "status": {"list": ["abcdefgh"] * 200_000}}

    # WHEN
    row = object_row(raw, Observation.STATE, REDACTION)

    # THEN
    assert (row.name, row.uid, row.kind) == ("cache-1", "u-1", "Pod")
    assert json.loads(row.content)["metadata"]["uid"] == "u-1"
    assert len(row.content) < 1_000


CORE_EVENT = {
    "kind": "Event",
    "apiVersion": "v1",
    "metadata": {"name": "e", "namespace": "shop", "uid": "e-1", "resourceVersion": "9"},
    "involvedObject": {
        "kind": "Pod",
        "namespace": "shop",
        "name": "cache-1",
        "uid": "u-1",
        "fieldPath": "spec.containers{cache}",
    },
    "reason": "BackOff",
    "message": "Back-off restarting failed container",
    "source": {"component": "kubelet", "host": "node-1"},
    "firstTimestamp": "2026-11-20T18:13:00Z",
    "lastTimestamp": "2026-11-20T18:14:00Z",
    "count": 3,
    "type": "Warning",
    "eventTime": None,
    "reportingComponent": "",
}
NEW_EVENT = {
    "kind": "Event",
    "apiVersion": "events.k8s.io/v1",
    "metadata": CORE_EVENT["metadata"],
    "regarding": CORE_EVENT["involvedObject"],
    "reason": "BackOff",
    "note": CORE_EVENT["message"],
    "deprecatedSource": CORE_EVENT["source"],
    "deprecatedFirstTimestamp": CORE_EVENT["firstTimestamp"],
    "deprecatedLastTimestamp": CORE_EVENT["lastTimestamp"],
    "deprecatedCount": 3,
    "type": "Warning",
    "eventTime": None,
}


def test_both_forms_of_an_event_give_the_same_row():
    # WHEN
    rows = [event_row(raw, Observation.ADDED, REDACTION, previous_count=1) for raw in (CORE_EVENT, NEW_EVENT)]

    # THEN
    assert rows[0] == rows[1]
    [row, _] = event_batch(rows, [1, 2]).to_pylist()
    assert row["event_name"] == "k8s.event.added"
    assert row["severity_number"] == 13
    assert (row["k8s.event.count"], row["k8s.event.count_delta"]) == (3, 2)
    assert row["k8s.event.first_unix_nano"] == 1795198380000000000
    assert row["k8s.event.last_unix_nano"] == 1795198440000000000
    assert (row["k8s.event.reporter"], row["k8s.event.host"]) == ("kubelet", "node-1")
    assert (row["k8s.object.uid"], row["k8s.object.field_path"]) == ("u-1", "spec.containers{cache}")


def test_an_event_with_a_series_counts_by_it():
    # GIVEN the form that new reporters use
    raw = {
        "metadata": {"name": "e", "uid": "e-1"},
        "eventTime": "2026-11-20T18:13:00.250000Z",
        "series": {"count": 5, "lastObservedTime": "2026-11-20T18:15:00.000001Z"},
        "reportingController": "scheduler",
        "regarding": {"kind": "Node", "name": "n"},
    }

    # WHEN
    row = event_row(raw, Observation.MODIFIED, REDACTION, previous_count=4)

    # THEN
    assert (row.count, row.count_delta, row.reporter, row.namespace) == (5, 1, "scheduler", None)
    assert row.first_unix_nano == 1795198380250000000
    assert row.last_unix_nano == 1795198500000001000


@pytest.mark.parametrize(
    ("change", "previous", "delta"),
    [
        (Observation.STATE, None, 0),
        (Observation.ADDED, None, 3),
        (Observation.MODIFIED, 2, 1),
        (Observation.MODIFIED, 9, 3),
        (Observation.DELETED, 3, 0),
    ],
)
def test_the_count_of_a_row_is_what_is_new_in_it(change, previous, delta):
    assert event_row(CORE_EVENT, change, REDACTION, previous_count=previous).count_delta == delta


@pytest.mark.parametrize(
    "text",
    [
        None,
        5,
        "",
        "yesterday",
        "0001-01-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "9999-01-01T00:00:00Z",
        "٢٠٢٦-11-20T18:13:00Z",
    ],
)
def test_a_time_that_is_none_is_null(text):
    assert unix_nano(text) is None


HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20) | st.just("\ud800"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "kind",
                    "apiVersion",
                    "metadata",
                    "name",
                    "namespace",
                    "uid",
                    "resourceVersion",
                    "generation",
                    "ownerReferences",
                    "annotations",
                    "data",
                    "value",
                    "env",
                    "args",
                    "command",
                    "spec",
                    "status",
                    "count",
                    "series",
                    "eventTime",
                    "involvedObject",
                    "source",
                    "type",
                    "message",
                    "items",
                    "�",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=40,
)
OBJECTS = st.dictionaries(
    st.sampled_from(
        [
            "kind",
            "apiVersion",
            "metadata",
            "spec",
            "status",
            "data",
            "involvedObject",
            "regarding",
            "series",
            "count",
            "source",
            "type",
        ]
    ),
    HOSTILE | st.sampled_from(["Secret", "ConfigMap", "Pod"]),
    max_size=8,
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@pytest.mark.no_cover
@given(raw=OBJECTS, previous=OBJECTS)
def test_hostile_json_never_raises_and_always_fits_the_table(raw, previous):
    # GIVEN an earlier version as it would have been recorded
    recorded = json.loads(object_row(previous, Observation.STATE, REDACTION).content)

    # WHEN
    row = object_row(raw, Observation.MODIFIED, REDACTION, previous=recorded)
    objects = object_batch([row], [0])
    events = event_batch([event_row(raw, Observation.ADDED, REDACTION)], [0])

    # THEN both are valid rows, and what is JSON is JSON
    objects.validate(full=True)
    events.validate(full=True)
    assert isinstance(json.loads(row.content), dict)
    assert isinstance(json.loads(row.changes), list)


@pytest.mark.slow
@pytest.mark.no_cover
@settings(max_examples=200, deadline=None)
@given(
    messages=st.lists(st.tuples(st.sampled_from(["ADDED", "MODIFIED", "DELETED", "NONSENSE"]), HOSTILE), max_size=10),
    page=HOSTILE,
)
def test_a_hostile_conversation_never_raises(messages, page):
    # WHEN it is followed THEN nothing is raised
    for versions in (ObjectVersions(REDACTION, "v1", "Pod"), EventVersions(REDACTION, "v1", "Event")):
        versions.begin_list()
        versions.list_page(page if isinstance(page, list) else [page])
        versions.end_list()
        for kind, raw in messages:
            versions.told(kind, raw)
        list(versions.snapshot())


@pytest.mark.parametrize("depth", [10, 100, 900, 5_000, 100_000])
def test_absurd_depth_is_cut_or_refused(depth):
    # GIVEN
    text = '{"metadata":{"name":"x"},"spec":' + '{"a":' * depth + "1" + "}" * depth + "}"

    # WHEN
    raw = parse_object(text)

    # THEN
    if raw is not None:
        assert len(object_row(raw, Observation.STATE, REDACTION).content) < 1_000


@pytest.mark.parametrize("text", [b"", b"[]", b"1", b"nul", b'{"a":', b"\xff\xfe", b'{"a":' + b"9" * 5_000 + b"}"])
def test_what_is_no_json_object_is_none(text):
    assert parse_object(text) is None


def test_ten_megabytes_of_text_become_one_bounded_row():
    # GIVEN names, labels and texts of 10 MB
    big = "x" * 10_000_000
    raw = {"kind": big, "apiVersion": "v1", "metadata": {"name": big, "uid": "u", "labels": {"a": big}}, "spec": big}

    # WHEN
    row = object_row(raw, Observation.STATE, REDACTION)

    # THEN
    assert len(row.content) <= TEXT_BYTES
    assert len(row.name) <= 1_024
    assert len(row.kind) <= 1_024
