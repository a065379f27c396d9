"""One recorder of several is elected to record what is cluster-wide: what it hands over, and what nobody recorded."""

from __future__ import annotations

import pytest

from analyzer.model.engine import Engine
from formats.capture.reading import open_capture
from tests.analyzer.capture_builder import BEGIN, BOOT_AT_BEGIN, CaptureBuilder
from tests.analyzer.shipped_model import build_model

SECOND = 1_000_000_000
TABLES = ("kube_event", "kube_object")


def ask(path, query, window=(None, None)):
    with Engine(threads=1) as engine:
        build_model(open_capture(path), engine, window).go_through()
        return engine.rows(query)


def waits(builder, begin, end, table="kube_object"):
    """The recorder was not the leader from one second to another."""
    return builder.row(
        "loss",
        "loss.lost",
        end,
        loss__table=table,
        loss__reason="not_leader",
        loss__from_boot_ns=BOOT_AT_BEGIN + round(begin * SECOND),
        loss__to_boot_ns=BOOT_AT_BEGIN + round(end * SECOND),
    )


def recorder_of(builder, node, *, leads=(), recorded=(0, 100)):
    """One segment of one node, whose recorder led in these intervals, in both tables."""
    builder.on_node(node)
    builder.kube_object("ConfigMap", f"seen-by-{node}", at=recorded[0])
    for table in TABLES:
        begin = recorded[0]
        for lead_begin, lead_end in leads:
            if lead_begin > begin:
                waits(builder, begin, lead_begin, table)
            begin = lead_end
        if begin < recorded[1]:
            waits(builder, begin, recorded[1], table)
    builder.kube_object("ConfigMap", f"seen-by-{node}", {"data": {"a": "b"}}, at=recorded[1])
    return builder


def gaps_of(path):
    rows = ask(path, "SELECT table_name, reason, from_ns, to_ns FROM missing ORDER BY ALL")
    return [(table, reason, (begin - BEGIN) / SECOND, (end - BEGIN) / SECOND) for table, reason, begin, end in rows]


def test_what_another_recorder_of_the_capture_recorded_is_not_missing(tmp_path):
    builder = CaptureBuilder(tmp_path)
    recorder_of(builder, "node-a", leads=[(0, 100)])
    recorder_of(builder, "node-b")
    recorder_of(builder, "node-c")
    assert gaps_of(builder.write()) == []


def test_between_two_leaders_both_tables_miss_what_happened_once(tmp_path):
    # GIVEN a leader that died in second 40, when its recording ends, and one that led from second 57 on
    builder = CaptureBuilder(tmp_path)
    recorder_of(builder, "node-a", leads=[(0, 40)], recorded=(0, 40))
    recorder_of(builder, "node-b", leads=[(57, 100)])
    recorder_of(builder, "node-c")
    # THEN that is said once for each table, from when the last row of a segment is too old to be followed by another one
    assert gaps_of(builder.write()) == [(table, "not_leader", 42.0, 57.0) for table in TABLES]


def test_a_leader_that_could_not_renew_says_since_when(tmp_path):
    builder = CaptureBuilder(tmp_path)
    recorder_of(builder, "node-a", leads=[(0, 40), (61, 100)])
    recorder_of(builder, "node-b")
    assert gaps_of(builder.write()) == [(table, "not_leader", 40.0, 61.0) for table in TABLES]


def test_two_that_lead_in_turns_miss_nothing(tmp_path):
    builder = CaptureBuilder(tmp_path)
    recorder_of(builder, "node-a", leads=[(0, 40), (80, 100)])
    recorder_of(builder, "node-b", leads=[(39, 81)])
    assert gaps_of(builder.write()) == []


def test_without_the_capture_of_the_leader_everything_cluster_wide_is_missing(tmp_path):
    builder = CaptureBuilder(tmp_path)
    recorder_of(builder, "node-b")
    assert gaps_of(builder.write()) == [(table, "not_leader", 0.0, 100.0) for table in TABLES]


def test_a_recorder_that_received_nothing_from_the_api_server_is_no_leader(tmp_path):
    builder = CaptureBuilder(tmp_path)
    recorder_of(builder, "node-b")
    builder.on_node("node-z").process("process.exec", 1, at=0).process("process.exit", 1, at=100)
    assert gaps_of(builder.write()) == [(table, "not_leader", 0.0, 100.0) for table in TABLES]


SPEC = {"containers": [{"name": "api"}]}


def handed_over(tmp_path, *, recorded=True, ahead=0.0, inferred=False):
    """A pod that the leader saw without a node, and the recorder of its node, whose clock may be ahead, from then on."""
    builder = CaptureBuilder(tmp_path, node="node-leader")
    builder.kube_object("Pod", "api-1", {"spec": SPEC, "status": {"phase": "Pending"}}, event="added", at=10)
    builder.kube_object(
        "Pod", "api-1", {"spec": SPEC, "status": {"phase": "Pending"}}, event="left", at=10.05, inferred=inferred
    )
    left = builder._version
    builder.kube_object("ConfigMap", "other", at=60)
    if recorded:
        builder.on_node("node-1")
        builder._version = left - 1
        bound = {"spec": {**SPEC, "nodeName": "node-1"}}
        builder.kube_object("Pod", "api-1", {**bound, "status": {"phase": "Pending"}}, event="added", at=10.05 - ahead)
        builder.kube_object("Pod", "api-1", {**bound, "status": {"phase": "Running"}}, at=12 - ahead)
        builder.kube_object("ConfigMap", "own", at=60)
    return builder.write()


VERSIONS = "SELECT node, is_addition, is_last FROM object_version WHERE kind = 'Pod' ORDER BY at_ns, node DESC"


@pytest.mark.parametrize("inferred", [False, True])
def test_a_pod_that_got_a_node_is_told_by_its_recorder_from_then_on(tmp_path, inferred):
    path = handed_over(tmp_path, inferred=inferred)
    assert ask(path, VERSIONS) == [
        ("node-leader", True, False),
        ("node-1", False, False),
        ("node-1", False, True),
    ]
    assert ask(path, "SELECT verb FROM change WHERE kind = 'Pod' AND verb <> 'modified'") == [("created",)]


def test_the_clock_of_its_node_does_not_take_its_node_away(tmp_path):
    # GIVEN a node whose clock is ahead: its first row seems to be older than what the leader saw before
    path = handed_over(tmp_path, ahead=0.5)
    # THEN the last version is still the one that runs, and no interval ends before it begins
    last = ask(path, "SELECT pod.status.phase, pod.spec.nodeName FROM pod_version WHERE is_last")
    assert last == [("Running", "node-1")]
    assert ask(path, "SELECT count(*) FROM object_version WHERE until_ns < at_ns") == [(0,)]
    assert ask(path, VERSIONS.replace("at_ns, node DESC", "is_addition DESC, is_last"))[0] == (
        "node-leader",
        True,
        False,
    )


def test_a_pod_whose_recorder_is_not_in_the_capture_does_not_stay_without_a_node(tmp_path):
    path = handed_over(tmp_path, recorded=False)
    ((from_ns, until_ns, is_last),) = ask(path, "SELECT at_ns, until_ns, is_last FROM pod_version")
    assert ((until_ns - from_ns) / SECOND, is_last) == (0.05, False)
    assert ask(path, "SELECT * FROM unscheduled_pod") == []
    assert ask(path, "SELECT entity_id FROM unhealthy_object") == []
    assert ask(path, "SELECT is_deleted FROM recorded_entity WHERE kind = 'Pod'") == [(False,)]


@pytest.mark.parametrize(("recorded", "expected"), [(True, [("Running",)]), (False, [])])
def test_before_a_window_it_has_left_as_well(tmp_path, recorded, expected):
    path = handed_over(tmp_path, recorded=recorded)
    window = (BEGIN + 30 * SECOND, None)
    assert ask(path, "SELECT pod.status.phase FROM pod_version WHERE is_last", window) == expected
