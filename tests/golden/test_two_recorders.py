"""What two recorders received from the API server is one: the diagnosis is that of one recorder."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pytest

from analyzer.model.engine import Engine
from formats.capture.info import CaptureInfo
from formats.capture.merging import merge_captures
from formats.capture.reading import open_capture
from formats.capture.writing import write_capture
from formats.columns import NAME_TYPE, NODE_NAME
from formats.loss import Damage
from formats.segment.sealing import SegmentHeader, seal_segment
from tests.analyzed import document_of
from tests.analyzer.capture_builder import CaptureBuilder
from tests.analyzer.shipped_model import build_model
from tests.sweeps import share

FIXTURES = Path(__file__).parents[2] / "fixtures"
OF_THE_CLUSTER = ("kube_object", "kube_event", "clock")
"""Tables of which a recorder on another node has the same; what it has of the kernel is its own."""

RECORDINGS = (
    "incidents/demo",
    "incidents/healthy-rollout",
    "captures/db-readiness-cascade",
    "captures/node-notready-eviction",
    "captures/quota-failedcreate",
)


def merge_with_copy(path: Path, directory: Path, node: str) -> Path:
    """A capture merged with what a recorder on another node received from the API server meanwhile."""
    capture = open_capture(path)
    segments = []
    for number, segment in enumerate(capture.segments):
        manifest = segment.manifest
        header = SegmentHeader(
            hashlib.blake2b((manifest.id + node).encode(), digest_size=16).hexdigest(),
            node,
            manifest.boot_id,
            manifest.created_by,
            manifest.clocks,
        )
        batches = {
            table: [_rename(batch, node) for batch in segment.batches(table) if not isinstance(batch, Damage)]
            for table in OF_THE_CLUSTER
            if table in segment.tables
        }
        seal_segment(directory, f"copy-{number}", header, lambda table, rows=batches: iter(rows[table]), list(batches))
        segments.append(directory / f"copy-{number}")
    write_capture(directory / "copy.tapio", segments, info=CaptureInfo())
    merged = directory / "merged.tapio"
    merge_captures(merged, [capture, open_capture(directory / "copy.tapio")], created_by="tests")
    return merged


def _rename(batch: pa.RecordBatch, node: str) -> pa.RecordBatch:
    index = batch.schema.get_field_index(NODE_NAME.name)
    names = pa.DictionaryArray.from_arrays(pa.array([0] * batch.num_rows, pa.int32()), pa.array([node]))
    return batch.set_column(index, batch.schema.field(index), names.cast(NAME_TYPE))


def _diagnosis(path: Path) -> tuple[object, ...]:
    """Everything that is said of what happened."""
    document = document_of(path)
    return (
        [
            (
                finding.title,
                finding.confidence,
                finding.root_cause.what,
                [(step.time, step.symptom, step.what) for step in finding.chain],
                finding.impact,
            )
            for finding in document.findings
        ],
        sorted(
            (symptom.begin, symptom.name, symptom.entity.name, symptom.count, symptom.what)
            for symptom in document.symptoms
        ),
    )


@pytest.mark.slow
@pytest.mark.no_cover
@pytest.mark.parametrize("name", share(RECORDINGS))
def test_diagnosis_with_a_second_recorder_is_that_of_one(tmp_path, name):
    # GIVEN a recording, and the same with the API server's part recorded by another node also
    path = FIXTURES / f"{name}.tapio"
    # WHEN both are analyzed THEN the same is said: no change, no symptom and no count is doubled
    assert _diagnosis(merge_with_copy(path, tmp_path, "zz-other-node")) == _diagnosis(path)


def ask(path, query):
    with Engine(threads=1) as engine:
        build_model(open_capture(path), engine).go_through()
        return engine.rows(query)


def test_what_the_other_recorder_saw_change_is_a_change_though_this_one_only_listed_it(tmp_path):
    # GIVEN a change that node-a received, and node-b, which began to record later, listed (by its clock before that)
    builder = CaptureBuilder(tmp_path, node="node-a")
    builder.kube_object("ConfigMap", "settings", {"data": {"SIZE": "1"}}, at=1)
    builder.kube_object("ConfigMap", "settings", {"data": {"SIZE": "9"}}, at=10)
    changed = builder._rows["kube_object"][-1]
    builder.on_node("node-b")
    listed = {
        **changed,
        "event_name": "k8s.object.state",
        "k8s.object.changes": None,
        "boot_time_ns": changed["boot_time_ns"] - 5_000,
    }
    builder._rows["kube_object"] = [listed]
    # WHEN the model is built
    path = builder.write()
    # THEN it is one version, with the change
    versions = ask(path, "SELECT node, recorders, is_state FROM object_version ORDER BY at_ns")
    assert versions == [("node-a", 1, True), ("node-a", 2, False)]
    assert ask(path, "SELECT path, new_value FROM change") == [("data.SIZE", "9")]


def test_counts_of_an_event_that_two_recorders_received_in_turns_are_not_added_up(tmp_path):
    # GIVEN an Event that happened 5 times, of which one recorder received the counts 1, 2, 5, the other 1, 3, 5
    builder = CaptureBuilder(tmp_path, node="node-a")
    builder.pod("api-1", at=0)
    received: list[tuple[str, list[tuple[float, int, int]]]] = [
        ("node-a", [(1, 1, 1), (2, 2, 1), (5, 5, 3)]),
        ("node-b", [(1.1, 1, 1), (3, 3, 2), (5.1, 5, 2)]),
    ]
    for node, rows in received:
        builder.on_node(node)
        for at, count, delta in rows:
            values = {"k8s.event.count": count, "k8s.event.count_delta": delta}
            builder.kube_event("BackOff", "Pod", "api-1", at=at, **values)
    # WHEN the model is built THEN each count is there once, and they add up to 5
    told = ask(builder.write(), "SELECT count, count_delta, recorders FROM kubernetes_event ORDER BY at_ns")
    assert told == [(1, 1, 2), (2, 1, 1), (3, 1, 1), (5, 2, 2)]


def test_a_deletion_that_two_recorders_received_is_one(tmp_path):
    builder = CaptureBuilder(tmp_path, node="node-a").pod("api-1", at=0).pod("api-1", at=5, event="deleted")
    deleted = builder._rows["kube_object"][-1]
    builder.on_node("node-b")
    builder._rows["kube_object"] = [deleted]
    path = builder.write()
    assert ask(path, "SELECT recorders FROM object_version WHERE is_deletion") == [(2,)]


def test_what_several_recorders_received_is_told_by_one_of_them(tmp_path):
    # GIVEN two recorders of the same changes, each of which is sometimes the faster one, and one more change for node-b
    builder = CaptureBuilder(tmp_path, node="node-a")
    delays = {"node-a": [0.0, 0.02, 0.0], "node-b": [0.01, 0.0, 0.01, 0.0]}
    for node, times in sorted(delays.items()):
        builder.on_node(node)
        for number, delay in enumerate(times):
            builder.row(
                "kube_object",
                "k8s.object.modified",
                10 + number + delay,
                k8s__object__uid=f"uid-{number}",
                k8s__object__resource_version=str(number),
                k8s__object__kind="ConfigMap",
                k8s__object__name=f"settings-{number}",
            )
    # WHEN the model is built THEN node-b tells all of it: the order depends on no other clock
    assert ask(builder.write(), "SELECT DISTINCT node FROM object_version") == [("node-b",)]
