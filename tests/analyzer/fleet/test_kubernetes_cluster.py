"""The official client against the lab's API server; streams are the client's own, cut where the test says.

Exec streams of a real kubelet are in tests/cluster/test_install.py.
"""

from __future__ import annotations

import json
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from kubernetes import stream as client_stream

from analyzer.fleet import kubernetes_cluster
from analyzer.fleet.kubernetes_cluster import KubernetesCluster
from analyzer.fleet.recorders import ConflictError, RecorderPod
from fixtures.lab.api_server import ApiServer
from fixtures.lab.api_server.faults import Action, Fault
from fixtures.lab.api_server.kinds import CAPTURE, KINDS
from formats.errors import ConfigurationError, MissingInputError, PermissionDeniedError, UnavailableError

POD = RecorderPod("node-a", "tapio-recorder-x", True, "Running")


@pytest.fixture
def server(tmp_path):
    with ApiServer(tmp_path / "server", kinds=(*KINDS, CAPTURE)) as running:
        yield running


@pytest.fixture
def cluster(server):
    return KubernetesCluster("tapio", str(server.kubeconfig_path))


def put_pod(server, name, node, *, ready="True", label="tapio-recorder", **metadata):
    server.put(
        {
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "tapio", "labels": {"app.kubernetes.io/name": label}, **metadata},
            "spec": {"nodeName": node},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]},
        }
    )


def test_recorders_are_the_pods_of_the_daemon_set(server, cluster):
    put_pod(server, "r-b", "node-b", ready="False")
    put_pod(server, "r-a", "node-a")
    put_pod(server, "r-c", "node-c", deletionTimestamp="2026-11-22T03:20:00Z")
    put_pod(server, "other", "node-a", label="other")
    put_pod(server, "pending", "")
    assert [(pod.node, pod.name, pod.is_ready, pod.state) for pod in cluster.list_recorders()] == [
        ("node-a", "r-a", True, "Running"),
        ("node-b", "r-b", False, "Running"),
        ("node-c", "r-c", False, "Terminating"),
    ]


def test_captures_are_created_read_and_listed(server, cluster):
    for number, name in enumerate(("old", "new")):
        server.store.read_time = lambda number=number: 1_700_000_000 + number
        cluster.create_capture({"kind": "Capture", "metadata": {"name": name}, "spec": {"reason": "x"}})
    assert [found["metadata"]["name"] for found in cluster.list_captures()] == ["new", "old"]
    assert cluster.read_capture("old")["spec"] == {"reason": "x"}


def test_a_capture_is_deleted(cluster):
    cluster.create_capture({"kind": "Capture", "metadata": {"name": "old"}, "spec": {}})
    cluster.delete_capture("old")
    with pytest.raises(MissingInputError):
        cluster.delete_capture("old")


def test_any_object_can_be_read_and_written(server, cluster):
    path = "/api/v1/namespaces/tapio/configmaps"
    made = cluster.request("POST", path, body={"metadata": {"name": "a"}, "data": {"b": "<c>"}})
    assert made["data"] == {"b": "<c>"}
    assert cluster.request("GET", path, query={"labelSelector": "x=y"})["items"] == []
    assert cluster.request("GET", f"{path}/a")["metadata"]["uid"] == made["metadata"]["uid"]
    with pytest.raises(ConflictError, match="already exists"):
        cluster.request("POST", path, body={"metadata": {"name": "a"}})
    with pytest.raises(MissingInputError, match="configmaps/b: b not found"):
        cluster.request("GET", f"{path}/b")


def test_a_log_is_given_piece_by_piece(server, cluster):
    server.logs["tapio-recorder-x"] = b"one\ntwo\n" * 20_000
    for options in ({"tailLines": "5"}, {"follow": "true"}):
        pieces = list(cluster.read_log(POD, options))
        assert b"".join(pieces) == server.logs["tapio-recorder-x"]
        assert len(pieces) > 1
        (asked,) = [entry.target for entry in server.answered if entry.plural == "pods/log"]
        assert parse_qs(urlsplit(asked).query) == {
            "container": ["recorder"],
            **{key: [value] for key, value in options.items()},
        }
        server.answered.clear()


def test_a_log_that_is_not_there_or_breaks_is_a_sentence(server, cluster):
    with pytest.raises(MissingInputError, match='"tapio-recorder-x" not found'):
        list(cluster.read_log(POD, {}))
    server.logs["tapio-recorder-x"] = b"one\n" * 1_000
    server.add_fault(Fault(Action.CLOSE, verb="get", plural="pods/log", after=100))
    with pytest.raises(UnavailableError, match="the connection to the API server failed"):
        list(cluster.read_log(POD, {}))


def test_refusals_are_sentences(server, cluster):
    with pytest.raises(MissingInputError, match=r"none not found; check the namespace \(tapio\)"):
        cluster.read_capture("none")
    cluster.create_capture({"kind": "Capture", "metadata": {"name": "a"}, "spec": {}})
    with pytest.raises(ConfigurationError, match="already exists"):
        cluster.create_capture({"kind": "Capture", "metadata": {"name": "a"}, "spec": {}})
    server.forbidden.add("captures")
    with pytest.raises(PermissionDeniedError, match="forbidden"):
        cluster.list_captures()
    server.forbidden.clear()
    server.add_fault(Fault(Action.STATUS, verb="list", plural="pods", code=500, times=10))
    with pytest.raises(UnavailableError, match="returned 500"):
        cluster.list_recorders()


def test_a_server_that_is_away_is_a_sentence(server, cluster):
    server.stop()
    with pytest.raises(UnavailableError, match="the connection to the API server failed"):
        cluster.list_captures()


class CutStream:
    """What the client gives for an exec: updates that bring data of channels or nothing, and an end as the test says.

    An update may bring nothing long before its timeout: real kubelets begin with empty messages.
    """

    def __init__(self, updates, end):
        self.updates, self.closed = list(updates), False
        self.channels = {}
        self.end = end

    def is_open(self):
        return bool(self.updates)

    def update(self, timeout=0):
        arrived = self.updates.pop(0)
        if isinstance(arrived, Exception):
            raise arrived
        self.channels[1] = self.channels.get(1, b"") + arrived
        if not self.updates and self.end:
            self.channels[3] = json.dumps(self.end).encode()
            if self.end["status"] == "Failure":
                self.channels[2] = b"tail: no such file"

    def peek_channel(self, channel, timeout=0):
        return self.channels.get(channel, b"")

    def read_channel(self, channel, timeout=0):
        return self.channels.pop(channel, b"")

    def close(self):
        self.closed = True


@pytest.fixture
def cut(monkeypatch):
    seconds = iter(range(0, 1_000, 5))
    monkeypatch.setattr(kubernetes_cluster, "time", SimpleNamespace(monotonic=lambda: next(seconds)))

    def make(messages, end):
        made = CutStream(messages, end)
        monkeypatch.setattr(client_stream, "stream", lambda *_, **__: made)
        return made

    return make


def test_a_stream_is_given_piece_by_piece(cluster, cut):
    opened = cut([b"", b"a", b"", b"b", b"c"], {"status": "Success"})
    assert b"".join(cluster.run(POD, ("tail",))) == b"abc"
    assert opened.closed


@pytest.mark.parametrize(
    ("messages", "end", "problem"),
    [
        ([b"a"], {"status": "Failure", "message": "exit code 1"}, "tail: no such file"),
        ([b"a"], None, "the stream ended before the command did"),
        ([b"a", OSError("broken pipe")], None, "the connection to the API server failed"),
        ([b"a", *[b""] * 100], None, "nothing came for"),
    ],
)
def test_a_stream_that_ends_otherwise_is_a_sentence(cluster, cut, messages, end, problem):
    opened = cut(messages, end)
    with pytest.raises(UnavailableError, match=problem):
        list(cluster.run(POD, ("tail",)))
    assert opened.closed
