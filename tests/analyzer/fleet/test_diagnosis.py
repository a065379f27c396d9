"""What nodes say of what they can record: asked at once, told once, also when a source fails."""

from __future__ import annotations

import pytest

from analyzer.fleet.diagnosis import diagnose_nodes, diagnoses_to_json, format_diagnoses
from formats.errors import UnavailableError
from tests.analyzer.fleet.fake_cluster import FakeCluster

GOOD = {
    "node": [{"what": "kernel", "is_good": True, "found": "6.18", "next_step": ""}],
    "sources": [
        {"name": "tcp", "verdict": "works", "why": "", "next_step": ""},
        {"name": "tracepoint", "verdict": "off"},
    ],
}
FALLBACK = {"name": "oom", "verdict": "fallback", "why": "the tracepoint alone", "next_step": "add CAP_SYSLOG"}
FAILS = {"name": "kube_event", "verdict": "fails", "why": "no \x1b[31mcluster", "next_step": ""}


@pytest.fixture
def cluster():
    return FakeCluster("node-a", "node-b", "node-c")


def ask(cluster):
    return diagnose_nodes(cluster, cluster.list_recorders())


def test_nodes_on_which_everything_works_are_one_line(cluster):
    cluster.statuses = dict.fromkeys(("node-a", "node-b", "node-c"), GOOD)
    found = ask(cluster)
    assert format_diagnoses(found) == "works    everything        (all nodes)"
    assert all(node.is_good for node in found)
    assert '"node": "node-c"' in diagnoses_to_json(found)


def test_what_several_nodes_say_is_told_once_with_what_to_do(cluster):
    lacking = {**GOOD, "sources": [FALLBACK]}
    cluster.statuses = {"node-a": lacking, "node-b": GOOD, "node-c": lacking}
    found = ask(cluster)
    assert format_diagnoses(found).splitlines() == [
        "fallback oom              the tracepoint alone  (node-a, node-c)",
        f"{'':<25} -> add CAP_SYSLOG",
        "works    everything        (node-b)",
    ]
    assert all(node.is_good for node in found), "a fallback is no failure"


def test_a_source_that_fails_is_told_although_the_command_ends_with_1(cluster):
    cluster.statuses = {"node-a": GOOD, "node-b": {**GOOD, "sources": [FAILS]}, "node-c": GOOD}
    cluster.ends_with = {"node-b": UnavailableError("command terminated with exit code 1")}
    found = ask(cluster)
    assert [node.is_good for node in found] == [True, False, True]
    assert "fails    kube_event       no \\x1b[31mcluster  (node-b)" in format_diagnoses(found)


def test_nodes_that_cannot_be_asked_say_why(cluster):
    cluster.set_ready("node-a", False)
    cluster.statuses = {"node-b": b"no JSON", "node-c": b""}
    cluster.ends_with = {"node-c": UnavailableError("the connection failed")}
    found = ask(cluster)
    assert [node.problem for node in found] == [
        "its recorder is not ready (Running)",
        "it answered no JSON",
        "the connection failed",
    ]
    assert not any(node.is_good for node in found)


def test_a_bad_fact_of_the_node_is_told(cluster):
    fact = {"what": "election", "is_good": False, "found": "returned 403", "next_step": "apply the role"}
    cluster.statuses = {pod.node: {**GOOD, "node": [fact]} for pod in cluster.recorders}
    assert format_diagnoses(ask(cluster)).splitlines()[0] == "BAD      election         returned 403  (all nodes)"


def test_of_many_nodes_some_are_named():
    cluster = FakeCluster(*(f"node-{number:02d}" for number in range(10)))
    cluster.statuses = {pod.node: GOOD for pod in cluster.recorders}
    cluster.statuses["node-00"] = {**GOOD, "sources": [FALLBACK]}
    assert "node-01, node-02, node-03, node-04, node-05 and 4 more" in format_diagnoses(ask(cluster))
