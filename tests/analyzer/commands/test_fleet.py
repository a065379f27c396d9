"""Promises of `tapio fleet`: one command for all nodes; what is missing is said, with exit code 1."""

from __future__ import annotations

import json
import sys

import pytest
from click.testing import CliRunner

from analyzer import kubectl_plugin
from analyzer.cli import cli
from analyzer.commands import fleet
from analyzer.fleet import freezing
from formats.capture.reading import open_capture
from formats.errors import ConfigurationError, ExitCode, MissingInputError, OutputError, UnavailableError, UsageError
from tests.analyzer.fleet.fake_cluster import FakeCluster
from tests.formats.recordings import capture, make_batch, seal

NODES = ("node-a", "node-b", "node-c")


@pytest.fixture
def cluster(monkeypatch):
    found = FakeCluster(*NODES)
    monkeypatch.setattr(fleet, "connect", lambda *_: found)
    monkeypatch.setattr(freezing, "LOOK_S", 0)
    return found


@pytest.fixture
def recorded(cluster, tmp_path):
    """Every node has frozen its part of `night`."""
    for node in NODES:
        batches = {"tcp": [make_batch("tcp", 4, node=node)]}
        file = capture(tmp_path / f"there-{node}.tapio", [seal(tmp_path, batches, name=node, node=node)])
        cluster.put_file("night", node, file.read_bytes())
    return cluster


def run(*arguments):
    return CliRunner().invoke(cli, ["fleet", *(str(argument) for argument in arguments)])


# fetch


def test_fetch_writes_one_file_per_node(recorded, tmp_path):
    result = run("fetch", "night", "-o", tmp_path / "all")
    assert result.exit_code == ExitCode.OK, result.output
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == [f"{node}.tapio" for node in NODES]
    for node in NODES:
        assert (tmp_path / "all" / f"{node}.tapio").read_bytes() == (tmp_path / f"there-{node}.tapio").read_bytes()


def test_fetch_merges_into_one_capture(recorded, tmp_path):
    target = tmp_path / "incident.tapio"
    result = run("fetch", "newest", "-o", target)
    assert result.exit_code == ExitCode.OK, result.output
    assert f"{target}: 12 events of 3 nodes" in result.output
    assert open_capture(target).nodes == NODES
    assert not (tmp_path / ".incident.tapio.parts").exists()


def test_a_node_that_is_away_is_said_and_completed_later(recorded, tmp_path):
    # GIVEN a Capture of which one node has not answered
    entries = recorded.captures["night"]["status"]["nodes"]
    late = entries.pop("node-c")
    recorded.set_ready("node-c", False)
    target = tmp_path / "incident.tapio"
    # WHEN it is fetched THEN the others are there, and the exit code says that something is missing
    result = run("fetch", "night", "-o", target)
    assert result.exit_code == ExitCode.NEGATIVE
    assert "node-c: no file: its recorder is not ready; it takes part when it is back" in result.output
    assert open_capture(target).nodes == ("node-a", "node-b")
    # AND WHEN the node is back THEN only its file is fetched
    entries["node-c"] = late
    recorded.set_ready("node-c", True)
    recorded.asked.clear()
    result = run("fetch", "night", "-o", target, "--force")
    assert result.exit_code == ExitCode.OK
    assert [node for node, _ in recorded.asked] == ["node-c"]
    assert open_capture(target).nodes == NODES


def test_a_node_whose_stream_breaks_does_not_keep_the_others(recorded, tmp_path):
    recorded.breaks_after = [0, 0, 0]
    result = run("fetch", "night", "-o", tmp_path / "all")
    assert result.exit_code == ExitCode.NEGATIVE
    assert "node-a: " in result.output
    assert {path.name for path in (tmp_path / "all").glob("[!.]*")} == {"node-b.tapio", "node-c.tapio"}


def test_a_failed_node_is_told_with_its_reason(recorded, tmp_path):
    recorded.put_entry("night", "node-b", {"state": "Failed", "message": "nothing was recorded in the window"})
    result = run("fetch", "night", "-o", tmp_path / "all")
    assert result.exit_code == ExitCode.NEGATIVE
    assert "node-b: no file: nothing was recorded in the window" in result.output


def test_a_file_without_a_digest_is_not_fetched(recorded, tmp_path):
    recorded.captures["night"]["status"]["nodes"]["node-b"]["sha256"] = ""
    result = run("fetch", "night", "-o", tmp_path / "all")
    assert result.exit_code == ExitCode.NEGATIVE
    assert "node-b" not in {node for node, _ in recorded.asked}


@pytest.mark.parametrize(
    ("name", "output", "error"),
    [
        ("none", "x.tapio", MissingInputError),
        ("night", "nowhere/x.tapio", OutputError),
        ("night", "there-node-a.tapio", OutputError),
        ("empty", "x.tapio", MissingInputError),
    ],
)
def test_what_cannot_be_fetched_is_a_sentence(recorded, tmp_path, name, output, error):
    recorded.captures["empty"] = {"metadata": {"name": "empty"}}
    result = run("fetch", name, "-o", tmp_path / output)
    assert isinstance(result.exception, error)


# freeze


def answer_all(cluster, state="Frozen"):
    def read(name):
        for node in NODES:
            if node not in cluster.captures[name].get("status", {}).get("nodes", {}):
                cluster.put_entry(name, node, {"state": state, "bytes": 5, "events": 1})
                break
        return cluster.captures[name]

    cluster.read_capture = read


def test_freeze_creates_a_capture_and_waits_for_every_node(cluster):
    answer_all(cluster)
    result = run("freeze", "--before", "90s", "--after", "5s", "--reason", "5xx", "--name", "night")
    assert result.exit_code == ExitCode.OK, result.output
    spec = cluster.captures["night"]["spec"]
    assert (spec["beforeSeconds"], spec["afterSeconds"], spec["reason"]) == (90, 5, "5xx")
    assert "at" in spec
    assert [line.split()[:2] for line in result.output.splitlines()[1:4]] == [[node, "Frozen"] for node in NODES]
    assert "tapio fleet fetch night -o night.tapio" in result.output


def test_freeze_says_which_node_has_not_frozen_and_why(cluster):
    cluster.set_ready("node-c", False)
    cluster.put_entry("night", "node-a", {"state": "Frozen"})
    cluster.put_entry("night", "node-b", {"state": "Failed", "message": "nothing was recorded in the window"})
    result = run("freeze", "--name", "night")
    assert result.exit_code == ExitCode.NEGATIVE
    assert "node-b: no file: nothing was recorded in the window" in result.output
    assert "node-c: no file: its recorder is not ready" in result.output


def test_freeze_stops_waiting_after_the_timeout(cluster):
    result = run("freeze", "--timeout", "0s", "--after", "0s")
    assert result.exit_code == ExitCode.NEGATIVE
    assert "node-a: no file: it has not answered" in result.output


def test_freeze_without_waiting_names_nodes_and_a_moment(cluster):
    result = run("freeze", "--no-wait", "--node", "node-a", "--at", "2026-11-22T03:20:00Z")
    assert result.exit_code == ExitCode.OK
    (made,) = cluster.captures.values()
    assert made["spec"] == {"at": "2026-11-22T03:20:00.000000000Z", "nodes": ["node-a"]}
    assert made["metadata"]["name"].startswith("freeze-20")


def test_an_api_server_that_restarts_does_not_end_the_wait(cluster):
    answer_all(cluster)
    read, fails = cluster.read_capture, [True] * 5

    def flaky(name):
        if fails:
            fails.pop()
            raise UnavailableError("the connection to the API server failed")
        return read(name)

    cluster.read_capture = flaky
    assert run("freeze").exit_code == ExitCode.OK
    fails[:] = [True] * 50
    assert isinstance(run("freeze").exception, UnavailableError)


@pytest.mark.parametrize("arguments", [("--before", "soon"), ("--at", "yesterday"), ("--timeout", "x")])
def test_wrong_times_are_usage_errors(cluster, arguments):
    assert isinstance(run("freeze", *arguments).exception, UsageError)
    assert cluster.captures == {}


# status


STATUS = {
    "version": "0.1.0",
    "now_unix_nano": 1_700_000_600_000_000_000,
    "started_unix_nano": 1_700_000_000_000_000_000,
    "have_from_unix_nano": 1_699_990_000_000_000_000,
    "ring_bytes": 1 << 20,
    "journal_bytes": 0,
    "losses": [["tcp", "rejected", 1_234]],
    "sources": [{"name": "tcp", "state": "recording"}, {"name": "dns", "state": "failed"}],
    "cpu_percent": 0.25,
    "storage_problem": "the disk \x1b[31mrejects writes",
    "upload": {"problem": "the bucket does not exist"},
    "fleet": {"problem": "the API server returned 403"},
    "election": {"role": "leader", "problem": "the Lease cannot be renewed"},
}


def test_status_is_a_table_of_nodes(cluster):
    cluster.statuses = {"node-a": STATUS, "node-b": b"no JSON", "node-c": STATUS}
    cluster.set_ready("node-c", False)
    result = run("status")
    assert result.exit_code == ExitCode.NEGATIVE
    lines = result.output.splitlines()
    assert lines[0].split()[:2] == ["NODE", "STATE"]
    for figure in (
        "recording",
        "leader",
        "2023-11-14T22:13:20Z",
        "2 h 56 min",
        "1 MiB",
        "1,234",
        "dns",
        "0.2 %",
        "0.1.0",
    ):
        assert figure.replace(" ", "") in lines[1].replace("\u00a0", "").replace(" ", "")
    assert "unknown (it answered no JSON)" in lines[2]
    assert "not ready (Running)" in lines[3]
    assert "node-a: the disk \\x1b[31mrejects writes" in result.output
    assert "node-a: the bucket does not exist" in result.output
    assert "node-a: the API server returned 403" in result.output
    assert "node-a: the Lease cannot be renewed" in result.output
    assert {node for node, _ in cluster.asked} == {"node-a", "node-b"}


def test_status_as_json_has_everything(cluster):
    cluster.statuses = dict.fromkeys(NODES, STATUS)
    result = run("status", "--json")
    assert result.exit_code == ExitCode.OK
    assert [node["status"] for node in json.loads(result.output)] == [STATUS] * 3


def test_doctor_asks_every_node_or_those_that_are_named(cluster):
    diagnosis = {"node": [], "sources": [{"name": "tcp", "verdict": "works"}]}
    cluster.statuses = dict.fromkeys(NODES, diagnosis)
    assert run("doctor").output.split() == ["works", "everything", "(all", "nodes)"]
    cluster.statuses["node-b"] = {"node": [], "sources": [{"name": "tcp", "verdict": "fails", "why": "no BTF"}]}
    result = run("doctor", "--node", "node-b", "--node", "node-c", "--json")
    assert result.exit_code == ExitCode.NEGATIVE
    assert [node["node"] for node in json.loads(result.output)] == ["node-b", "node-c"]
    assert "node-z" in str(run("doctor", "--node", "node-z").exception)


def test_a_namespace_without_recorders_is_a_sentence(cluster):
    cluster.recorders = []
    assert "install them" in str(run("status").exception)


# The client, and kubectl.


def test_without_the_client_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    assert "tapio[analyzer,fleet]" in str(run("status").exception)


def test_a_kubeconfig_that_cannot_be_used_is_a_sentence(tmp_path):
    assert isinstance(run("status", "--kubeconfig", tmp_path / "none").exception, ConfigurationError)


def test_kubectl_tapio_is_tapio_fleet(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["kubectl-tapio", "status", "--json"])
    seen = []
    monkeypatch.setattr(kubectl_plugin, "run_tapio", lambda: seen.extend(sys.argv))
    kubectl_plugin.main()
    assert seen == ["kubectl-tapio", "fleet", "status", "--json"]
