"""On several real nodes: an OOM kill of one freezes all, and one command brings their files home.

`fixtures/lab/e2e.py --nodes 3` runs this. It needs an API server that serves custom objects (`can_serve_captures`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from fixtures.lab.analysis import analyze
from fixtures.lab.real_cluster import RealCluster, find_missing_settings, read_cluster
from fixtures.lab.score import find_differences
from formats.capture.reading import open_capture
from tests.cluster.test_e2e import CAPTURE_SECONDS, TRUTH, describe, keep, wait
from tests.cluster.test_install import DEPLOY, NAMESPACE, can_serve_captures, kubectl, write_kustomization

NODES = os.environ.get("NODES", "").split(",")
MISSING = [
    *find_missing_settings(os.environ),
    *(name for name in ("TAPIO_E2E_IMAGE", "CRI_SOCKET") if name not in os.environ),
    *(["several nodes"] if len(NODES) < 2 else []),
]
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(
        bool(MISSING),
        reason=f"needs several real nodes and an image ({', '.join(MISSING)}); `e2e.py --nodes 3` has both",
    ),
]

READY_SECONDS = 240
"""All recorders compile their kernel programs at once, on one machine."""
CUT = Path(os.environ.get("TAPIO_E2E_INCIDENT", "none")).parent / "node-cut"
"""Program beside that of the incident: takes a node off the network, and puts it back with --undo."""
RUN = (
    "case $NODE_NAME in node-a) of=;; *) of=/$NODE_NAME;; esac; "
    "exec tapio-recorder run --config /etc/tapio/recorder.yaml --cgroup $of/kubepods"
)
"""The nodes of one machine have one kernel: each recorder is limited to the pods of its node."""


def write_overlay(directory: Path, data: Path) -> Path:
    """The base, with a directory for each node below `data`, and recorders that see their own node alone."""
    config = yaml.safe_load((DEPLOY / "base" / "recorder.yaml").read_text())
    config["freeze"] = {"before": "5m", "after": "40s"}
    config["fleet"]["jitter"] = "1s"
    base = yaml.safe_load((DEPLOY / "base" / "daemonset.yaml").read_text())["spec"]["template"]["spec"]
    mounts = [mount["name"] for mount in base["containers"][0]["volumeMounts"]]
    volumes = [volume["name"] for volume in base["volumes"]]
    container = "/spec/template/spec/containers/0"
    patch = [
        {
            "op": "replace",
            "path": f"/spec/template/spec/volumes/{volumes.index('data')}/hostPath/path",
            "value": str(data),
        },
        {"op": "add", "path": f"{container}/volumeMounts/{mounts.index('data')}/subPathExpr", "value": "$(NODE_NAME)"},
        {"op": "add", "path": f"{container}/command", "value": ["sh", "-c", RUN]},
        {"op": "remove", "path": f"{container}/args"},
        {"op": "replace", "path": f"{container}/livenessProbe/initialDelaySeconds", "value": 120},
        {"op": "replace", "path": "/spec/updateStrategy/rollingUpdate/maxUnavailable", "value": "100%"},
    ]
    return write_kustomization(directory, config, patch)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """A cluster with the shop and a recorder on every node; afterwards the recorders are uninstalled."""
    found = read_cluster(os.environ)
    if not can_serve_captures(found):
        pytest.skip("a custom object would end this API server: see can_serve_captures")
    found.deploy_shop()
    for node in NODES:
        socket = os.environ.get(f"NODE_{node}_CRI_SOCKET") or os.environ["CRI_SOCKET"]
        command = ["ctr", "-a", socket.removeprefix("unix://"), "-n", "k8s.io", "images", "import"]
        subprocess.run([*command, os.environ["TAPIO_E2E_IMAGE"]], check=True, stdout=subprocess.DEVNULL)
    directory = tmp_path_factory.mktemp("fleet")
    (directory / "data").mkdir()
    overlay = str(write_overlay(directory, directory / "data"))
    kubectl(found, "apply", "-k", overlay)
    try:
        kubectl(found, "-n", NAMESPACE, "rollout", "status", "daemonset/tapio-recorder", f"--timeout={READY_SECONDS}s")
        wait(30)  # until every recorder has compiled its programs
        yield found
    finally:
        kubectl(found, "delete", "-k", overlay, "--timeout=90s")
        left = kubectl(found, "get", "customresourcedefinitions", "-o", "name")
        assert "tapio" not in left


def fleet(cluster: RealCluster, *arguments: str, code: int = 0) -> str:
    """What `tapio fleet` prints, as a person runs it."""
    command = [sys.executable, "-c", "from analyzer.cli import main; main()", "fleet", *arguments]
    done = subprocess.run(
        [*command, "--kubeconfig", str(cluster.kubeconfig)], capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == code, f"{' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


def captures_of(cluster: RealCluster) -> list[dict]:
    return json.loads(kubectl(cluster, "-n", NAMESPACE, "get", "captures", "-o", "json"))["items"]


def wait_for_all(cluster: RealCluster, prefix: str, nodes: int = len(NODES)) -> dict:
    """The Capture whose name begins so, once so many nodes have frozen."""
    deadline = time.monotonic() + CAPTURE_SECONDS
    while time.monotonic() < deadline:
        for found in captures_of(cluster):
            is_whole = found.get("status", {}).get("frozen") == f"{nodes}/{nodes}"
            if found["metadata"]["name"].startswith(prefix) and is_whole:
                return found
        wait(1)
    logs = kubectl(cluster, "-n", NAMESPACE, "logs", "-l", "app.kubernetes.io/name=tapio-recorder", check=False)
    raise AssertionError(f"{captures_of(cluster)}\n{logs}")


def test_every_node_records(cluster: RealCluster) -> None:
    table = fleet(cluster, "status")
    print(f"\ne2e fleet:\n{table}")
    assert [line.split()[:2] for line in table.splitlines()[1 : len(NODES) + 1]] == [
        [node, "recording"] for node in NODES
    ]


def test_an_oom_kill_of_one_node_freezes_all_and_is_explained(cluster: RealCluster, tmp_path: Path) -> None:
    # WHEN the incident happens, with its OOM kills on one node
    begin = time.monotonic()
    cluster.make_incident()
    # THEN there is one Capture, made by itself, that all nodes have frozen
    found = wait_for_all(cluster, "auto-oom-kill-")
    print(f"\ne2e fleet: {len(NODES)} nodes have frozen {time.monotonic() - begin:.0f} s after the incident began")
    assert len(captures_of(cluster)) == 1
    print(kubectl(cluster, "-n", NAMESPACE, "get", "tcap", "-o", "wide"))
    assert set(found["status"]["nodes"]) == set(NODES)
    # AND one command brings their files, as one capture that names the cause
    target = tmp_path / "incident.tapio"
    fleet(cluster, "fetch", found["metadata"]["name"], "-o", str(target))
    assert open_capture(target).nodes == tuple(NODES)
    assert list(open_capture(target).verify()) == []
    document = analyze(keep(target, "fleet"))
    print(f"e2e fleet: {describe(document, target)}")
    assert find_differences(document, TRUTH) == []
    cluster.undo_incident()


def test_a_person_freezes_all_nodes(cluster: RealCluster, tmp_path: Path) -> None:
    said = fleet(cluster, "freeze", "--name", "night", "--before", "1m", "--after", "1s", "--reason", "as a test")
    assert said.count("  Frozen  ") == len(NODES)
    fleet(cluster, "fetch", "night", "-o", str(tmp_path / "night"))
    assert sorted(path.stem for path in (tmp_path / "night").iterdir()) == sorted(NODES)
    assert all(open_capture(path).info.frozen_because == "as a test" for path in (tmp_path / "night").iterdir())


def test_a_node_that_is_away_takes_part_when_it_is_back(cluster: RealCluster) -> None:
    # GIVEN a recorder that is restarted
    node = NODES[-1]
    field = f"spec.nodeName={node}"
    kubectl(cluster, "-n", NAMESPACE, "delete", "pods", "--field-selector", field, "--wait=true", "--timeout=60s")
    # WHEN all are asked meanwhile THEN it answers when it is back, from its ring
    fleet(cluster, "freeze", "--no-wait", "--name", "away", "--before", "1m", "--after", "1s")
    entry = wait_for_all(cluster, "away")["status"]["nodes"][node]
    assert entry["events"] > 0


@pytest.mark.skipif(not CUT.exists(), reason="the cluster has no program that cuts a node off")
def test_a_node_that_is_cut_off_is_fetched_later(cluster: RealCluster, tmp_path: Path) -> None:
    # GIVEN a node that records on, but cannot be reached
    others, target = len(NODES) - 1, tmp_path / "cut.tapio"
    subprocess.run([CUT, NODES[1]], check=True, stdout=subprocess.DEVNULL)
    try:
        # WHEN all are asked THEN what the others have frozen is fetched, and what is missing is said
        fleet(cluster, "freeze", "--no-wait", "--name", "cut", "--before", "1m", "--after", "1s")
        wait_for_all(cluster, "cut", others)
        fleet(cluster, "fetch", "cut", "-o", str(target), code=1)
        assert NODES[1] not in open_capture(target).nodes
    finally:
        subprocess.run([CUT, NODES[1], "--undo"], check=True, stdout=subprocess.DEVNULL)
    # AND when it is back it answers, from its ring
    begin = time.monotonic()
    entry = wait_for_all(cluster, "cut")["status"]["nodes"][NODES[1]]
    print(f"\ne2e fleet: the node that was cut off answered {time.monotonic() - begin:.0f} s after it was back")
    assert entry["events"] > 0
    fleet(cluster, "fetch", "cut", "-o", str(target), "--force")
    assert open_capture(target).nodes == tuple(NODES)


@pytest.mark.parametrize(
    ("name", "spec", "said"),
    [
        ("a.tapio", {}, "metadata.name in body should match"),
        ("evil", {"beforeSeconds": -1}, "spec.beforeSeconds in body should be greater than or equal to 0"),
        ("evil", {"afterSeconds": 3_601}, "spec.afterSeconds in body should be less than or equal to 3600"),
        ("evil", {"at": "2026-13-41T03:20:00Z"}, "spec.at in body must be of type date-time"),
        ("evil", {"nodes": ["../a"]}, "in body should match"),
        ("evil", {"reason": "two\nlines"}, "spec.reason in body should match"),
    ],
)
def test_the_schema_refuses_evil_captures_with_a_sentence(
    cluster: RealCluster, name: str, spec: dict, said: str
) -> None:
    content = {"apiVersion": "tapio.dev/v1alpha1", "kind": "Capture", "metadata": {"name": name}, "spec": spec}
    command = ["kubectl", "--kubeconfig", str(cluster.kubeconfig), "-n", NAMESPACE, "create", "-f", "-"]
    done = subprocess.run(command, input=json.dumps(content), capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert said in done.stderr
