"""A real cluster, recorded with a read-only token: its incident is explained, its quiet is not disturbed.

`make e2e` runs these against a cluster; `fixtures/lab/real_cluster.py` says how to point them at another one.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from analyzer.model.engine import Engine
from fixtures.lab.analysis import analyze
from fixtures.lab.foreign_oom import cause_foreign_oom
from fixtures.lab.incident import Effect, RootCause
from fixtures.lab.real_cluster import RealCluster, find_missing_settings, read_cluster
from fixtures.lab.recorder_process import RecorderProcess, Setup
from fixtures.lab.score import Document, find_differences
from fixtures.lab.truth import Truth
from formats.capture.reading import open_capture
from tests.analyzer.shipped_model import build_model

MISSING = find_missing_settings(os.environ)
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(bool(MISSING), reason=f"needs a real cluster ({', '.join(MISSING)}); `make e2e` starts one"),
]

QUIET_SECONDS = float(os.environ.get("TAPIO_E2E_QUIET_SECONDS", "600"))
SETTLE_SECONDS = 15.0
CAPTURE_SECONDS = 240.0

TRUTH = Truth(
    incident="demo",
    namespace="shop",
    root_cause=RootCause(("ConfigMap",), "cache-config"),
    chain=(
        Effect("cache", "its container is OOM-killed"),
        Effect("cache", "its container is in a crash loop"),
        Effect("api", "it fails without the cache"),
    ),
    decoys=(("Deployment", "docs"), ("ConfigMap", "docs-config")),
)
QUIET = Truth(incident="quiet", namespace="shop", root_cause=None, chain=(), decoys=())


def wait(seconds: float) -> None:
    """Let real time pass: what is recorded happens in it."""
    time.sleep(seconds)


@pytest.fixture(scope="module")
def cluster() -> RealCluster:
    found = read_cluster(os.environ)
    found.deploy_shop()
    wait(SETTLE_SECONDS)
    return found


def setup_for(cluster: RealCluster, before: str, after: str) -> Setup:
    socket = os.environ.get("CRI_SOCKET", "").removeprefix("unix://")
    return Setup(
        cluster.node_name,
        cluster.cgroup,
        cluster.recorder_kubeconfig,
        before,
        after,
        runtime_socket=socket,
        kubelet=os.environ.get("KUBELET_URL", "").removeprefix("https://"),
    )


def keep(capture: Path, name: str) -> Path:
    """A copy of a capture that outlives the test, if one is wanted."""
    if output := os.environ.get("TAPIO_E2E_OUTPUT"):
        return Path(shutil.copyfile(capture, Path(output) / f"e2e-{name}.tapio"))
    return capture


def describe(document: Document, capture: Path) -> str:
    """A line about a document, for the log of the run."""
    findings = [f"{finding['pattern']}: {finding['title']}" for finding in document["findings"]]
    return f"{capture.stat().st_size / 1e6:.1f} MB, {document['capture']['events']:,} events, findings: {findings}"


def list_container_events(capture: Path) -> set[tuple[str, str, str]]:
    """Event, name of the container and reason of its exit, as the container runtime told them."""
    with Engine(threads=1) as engine:
        build_model(open_capture(capture), engine)
        rows = engine.rows('SELECT event_name, "k8s.container.name", "container.exit.reason" FROM container')
    return {(event, name, reason) for event, name, reason in rows}


def test_real_incident_freezes_by_itself_and_is_explained(cluster: RealCluster, tmp_path: Path) -> None:
    # GIVEN an OOM kill of this machine that is none of the cluster's, one before and one while the recorder runs
    cause_foreign_oom()
    with RecorderProcess(setup_for(cluster, "10m", "40s"), tmp_path) as recorder:
        recorder.start(lambda: wait(0.5))
        foreign_pid = cause_foreign_oom()
        wait(SETTLE_SECONDS)
        status = recorder.status()
        assert status is not None
        assert status["pending_freezes"] == 0, "an OOM kill outside of the recorded cgroup froze"
        # WHEN the real incident happens
        cluster.make_incident()
        deadline = time.monotonic() + CAPTURE_SECONDS
        while (capture := recorder.find_capture()) is None and time.monotonic() < deadline:
            wait(1)
        # THEN the OOM kill has frozen it without being told to
        assert capture is not None, recorder.log.read_text()
        assert "oom" in capture.name
        document = analyze(keep(capture, "incident"))
        print(f"\ne2e incident: {describe(document, capture)}")
        assert find_differences(document, TRUTH) == []
        symptoms = [step["symptom"] for step in document["findings"][0]["chain"]]
        told = iter(symptoms)
        assert all(wanted in told for wanted in ("config-changed", "kernel-oom-kill", "container-crash-looping")), (
            symptoms
        )
        explained = {
            symptom["entity"]["name"].split("-")[0] for symptom in document["symptoms"] if symptom["finding"] == 1
        }
        assert {"cache", "api", "frontend", "worker"} <= explained
        assert all(row["fields"].get("process.pid") != foreign_pid for row in document["evidence"].values())
        if "CRI_SOCKET" in os.environ:
            assert ("container.exited", "cache", "OOMKilled") in list_container_events(capture)
        recorder.stop()


def test_quiet_period_of_a_real_cluster_has_no_finding(cluster: RealCluster, tmp_path: Path) -> None:
    # GIVEN a cluster that has recovered
    cluster.undo_incident()
    wait(2 * SETTLE_SECONDS)
    with RecorderProcess(setup_for(cluster, f"{int(QUIET_SECONDS)}s", "0s"), tmp_path) as recorder:
        recorder.start(lambda: wait(0.5))
        # WHEN nothing happens
        wait(QUIET_SECONDS)
        asked = recorder.freeze("a quiet period")
        _, problem = asked.communicate(timeout=CAPTURE_SECONDS)
        # THEN
        assert asked.returncode == 0, problem
        capture = recorder.find_capture()
        assert capture is not None
        document = analyze(keep(capture, "quiet"))
        status = recorder.status()
        assert status is not None
        print(f"\ne2e quiet: {describe(document, capture)}; recorder {status['resident_bytes'] / 2**20:.0f} MiB")
        assert find_differences(document, QUIET) == []


def test_recorders_token_may_not_write(cluster: RealCluster) -> None:
    # GIVEN the identity that recorded all of this
    kubectl = ["kubectl", "--kubeconfig", str(cluster.recorder_kubeconfig), "-n", "shop"]
    # WHEN it tries to change something, or to read a Secret
    done = [
        subprocess.run([*kubectl, "auth", "can-i", *what], capture_output=True, text=True, check=False).stdout.strip()
        for what in (("delete", "pods"), ("patch", "configmaps"), ("get", "secrets"))
    ]
    # THEN
    assert done == ["no", "no", "no"]
