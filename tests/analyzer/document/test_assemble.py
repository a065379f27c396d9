"""Promises of the document: what is missing is said and lowers the confidence, a window narrows it, evidence is resolved."""

from __future__ import annotations

import pytest

from analyzer.analyze import analyze_capture
from analyzer.document import assemble as assembly
from formats.capture.reading import open_capture
from formats.loss import LossReason
from formats.postmortem.document import to_json
from reports import story
from tests.analyzed import shipped_knowledge
from tests.analyzer.capture_builder import BOOT_AT_BEGIN, CaptureBuilder, container_status, termination

SECOND = 1_000_000_000


def leak(directory, **how):
    """A cache that is OOM-killed in second 10 without any change."""
    return (
        CaptureBuilder(directory, **how)
        .kube_object("Node", "node-1", {"status": {}}, at=0)
        .pod("cache-1", statuses=[container_status("cache", run_of="cache-1/1")])
        .service("cache", cluster_ip="10.2.0.1")
        .pod(
            "cache-1",
            at=10.0,
            statuses=[
                container_status(
                    "cache",
                    run_of="cache-1/2",
                    restarts=1,
                    started=10,
                    last=termination(at=9.5, reason="OOMKilled", exit_code=137, run_of="cache-1/1"),
                )
            ],
        )
        .kube_object("ConfigMap", "settled", {"data": {}}, at=20)
    )


def analyze(path, **how):
    capture = open_capture(path)
    return analyze_capture(capture, shipped_knowledge(), **how)


def lose(builder, table, begin, end, reason=LossReason.WATCH_GAP):
    return builder.row(
        "loss",
        "loss.lost",
        end,
        loss__table=table,
        loss__reason=reason,
        loss__count=None,
        loss__from_boot_ns=BOOT_AT_BEGIN + begin * SECOND,
        loss__to_boot_ns=BOOT_AT_BEGIN + end * SECOND,
    )


@pytest.mark.slow
def test_loss_in_the_decisive_time_is_told_and_lowers_the_confidence(tmp_path):
    # GIVEN the same incident recorded whole, with a gap when it happened, and with a gap long after
    documents = {}
    for name, gap in (("whole", None), ("decisive", (5, 12)), ("after", (15, 18))):
        folder = tmp_path / name
        folder.mkdir()
        builder = leak(folder)
        documents[name] = analyze((lose(builder, "kube_object", *gap) if gap else builder).write())
    # WHEN they are compared
    whole, decisive, after = (documents[name].findings[0] for name in ("whole", "decisive", "after"))
    # THEN the gap in the decisive time stands beside the finding and costs confidence; the other does not
    assert whole.root_cause.name == decisive.root_cause.name == "cache-1"
    assert decisive.confidence < whole.confidence == after.confidence
    assert any("events of kube_object on node-1" in statement.what for statement in decisive.missing)
    assert not any("missing from this time" in statement.what for statement in after.missing)
    # AND the document tells each loss, with an advice
    assert [row.table for row in documents["after"].capture.loss] == ["kube_object"]
    assert documents["after"].capture.loss[0].advice


@pytest.mark.slow
def test_the_start_of_the_recorder_is_a_warning_only_where_a_finding_rests_on_that_time(tmp_path):
    # GIVEN a source that was opened slowly: before the incident, or while it happened; and another one that did not matter
    documents = {}
    for name, table, interval in (
        ("before", "kube_object", (0, 2)),
        ("meanwhile", "kube_object", (0, 10)),
        ("of no account", "kube_event", (0, 10)),
    ):
        folder = tmp_path / name
        folder.mkdir()
        documents[name] = analyze(lose(leak(folder), table, *interval, LossReason.STARTING).write())
    # WHEN they are told THEN no headline warns, and only the finding that rests on the time says so
    for name, document in documents.items():
        assert story.headline(document).caveat is None, name
        warned = any("(starting)" in statement.what for statement in document.findings[0].missing)
        assert warned is (name == "meanwhile"), name
        assert any(term.term == "loss" for term in document.findings[0].confidence_terms) is warned
        # AND the account of the recording is complete all the same
        assert [row.reason for row in document.capture.loss] == ["starting"]


def test_evidence_that_was_not_recorded_is_said_to_be_missing(tmp_path):
    finding = analyze(leak(tmp_path).write()).findings[0]
    assert finding.pattern == "memory-leak"
    assert [statement.what for statement in finding.missing] == [
        "memory usage over time was not recorded, so a leak cannot be distinguished from a burst"
    ]


def test_evidence_rows_tell_the_event_in_one_line(tmp_path):
    document = analyze(leak(tmp_path).write())
    identifier = document.findings[0].chain[0].evidence[0]
    row = document.evidence[identifier]
    assert (row.id, row.table, row.node) == (identifier, "kube_object", "node-1")
    assert row.text.startswith("k8s.object.modified Pod cache-1: ")
    assert "k8s.object.content" not in row.fields


def test_evidence_of_a_frequent_table_is_read_from_its_segment(tmp_path):
    # GIVEN refused connections in a segment of their own, caused by a crash
    builder = (
        leak(tmp_path)
        .pod("api-1", ip="10.1.0.9", statuses=[container_status("api", run_of="api-1/api")], at=0.5)
        .cgroup(11, "api-1", "api")
        .next_segment()
    )
    for number in range(40):
        builder.tcp(
            "refused", 10.5 + number / 4, cgroup_id=11, network__peer__address="10.2.0.1", network__peer__port=6379
        )
    # WHEN
    document = analyze(builder.write())
    # THEN the effect is in the graph and its evidence can be read
    (refused,) = [symptom for symptom in document.symptoms if symptom.name == "connections-refused"]
    assert (refused.count, refused.finding, len(refused.evidence)) == (40, 1, 20)
    assert document.evidence[refused.evidence[0]].text.endswith("to 10.2.0.1:6379")
    assert [measure.name for measure in document.measures] == ["failed connections", "restarts"]
    assert sum(value for _at, value in document.measures[0].points) == 40
    # AND the tail of the chain is the caller
    assert document.findings[0].chain[-1].entity.name == "api-1/api"


def test_what_the_analyzer_left_out_is_told_like_a_loss(tmp_path, monkeypatch):
    monkeypatch.setattr(assembly, "MAX_SYMPTOMS_SHOWN", 1)
    document = analyze(leak(tmp_path).pod("cache-1", at=25, phase="Failed").write())
    assert len(document.symptoms) == 1
    left_out = [row for row in document.capture.loss if row.reason == "analysis_limit"]
    assert all(row.count for row in left_out)


def test_capture_without_anything_has_a_document(tmp_path):
    document = analyze(CaptureBuilder(tmp_path).kube_object("Node", "node-1", {}, at=0).write())
    assert (document.findings, document.symptoms, document.edges) == ((), (), ())
    assert to_json(document).endswith("}\n")


def test_finding_without_a_change_says_who_wrote_its_workload_last(tmp_path):
    def by(name, at, subresource=None):
        told = {"name": name, "operation": "Update", "subresource": subresource, "written_unix_nano": at * SECOND}
        return {f"k8s.object.manager.{key}": value for key, value in told.items()}

    builder = leak(tmp_path)
    builder.kube_object("Pod", "cache-1", {"status": {"x": 1}}, at=21, **by("kubelet", 21, "status"))
    finding = analyze(builder.kube_object("ConfigMap", "other", {}, at=22, **by("helm", 22)).write()).findings[0]
    # The status is written by whoever watches, and other objects by others.
    assert finding.root_cause.last_write is None
    again = tmp_path / "again"
    again.mkdir()
    builder = leak(again)
    builder.kube_object("Pod", "cache-1", {"metadata": {"labels": {"a": "b"}}}, at=21, **by("kubectl-label", 21))
    finding = analyze(builder.write()).findings[0]
    assert finding.root_cause.last_write.name == "kubectl-label"
