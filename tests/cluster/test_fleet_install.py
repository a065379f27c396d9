"""`tapio fleet install` puts the recorder on a real cluster, and `tapio fleet uninstall` leaves nothing of it there."""

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

from fixtures.lab.real_cluster import RealCluster, read_cluster
from tests.cluster.test_install import DEPLOY, MISSING, NAMESPACE, can_serve_captures, import_image, kubectl

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(
        bool(MISSING), reason=f"needs a real cluster and an image ({', '.join(MISSING)}); `make e2e` has both"
    ),
]


EDIT = {"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "50%"}}}}


def command_of(kubeconfig: Path | str, *arguments: str) -> list[str]:
    """`tapio fleet` in a process of its own."""
    run = [sys.executable, "-c", "from analyzer.cli import main; main()", "fleet"]
    return [*run, *arguments, "--kubeconfig", str(kubeconfig)]


def run_fleet(cluster: RealCluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = command_of(cluster.kubeconfig, *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def fleet(cluster: RealCluster, *arguments: str, code: int = 0) -> str:
    """What `tapio fleet` prints, as a person runs it."""
    done = run_fleet(cluster, *arguments)
    assert done.returncode == code, f"{' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


def list_everything(cluster: RealCluster) -> set[str]:
    """Every object of every kind that can be listed, but Events."""
    kinds = kubectl(cluster, "api-resources", "--verbs=list", "-o", "name").split()
    kept = ",".join(kind for kind in kinds if not kind.startswith(("events", "componentstatuses", "leases")))
    return set(kubectl(cluster, "get", kept, "-A", "-o", "name").split())


@pytest.fixture
def cluster() -> Iterator[RealCluster]:
    found = read_cluster(os.environ)
    found.deploy_shop()
    import_image()
    yield found
    run_fleet(found, "uninstall", "--yes")


@pytest.fixture
def settings(cluster: RealCluster, tmp_path: Path) -> list[str]:
    """Options of install: only the cluster's own pods are recorded, into a directory of the test."""
    config = yaml.safe_load((DEPLOY / "base" / "recorder.yaml").read_text())
    config["cgroups"] = [cluster.cgroup]
    config["fleet"] = {"enabled": can_serve_captures(cluster)}
    config["sources"]["container"] = {"enabled": False}
    path = tmp_path / "recorder.yaml"
    path.write_text(yaml.safe_dump(config))
    return ["--config", str(path), "--data-path", str(tmp_path / "data"), "--timeout", "90s"]


def test_install_is_ready_and_uninstall_leaves_nothing(
    cluster: RealCluster, settings: list[str], tmp_path: Path
) -> None:
    before = list_everything(cluster)
    begin = time.monotonic()
    # WHEN it is tried THEN nothing changes
    tried = fleet(cluster, "install", *settings, "--dry-run=server")
    assert tried.count("created (server dry run)") == 9, tried
    assert kubectl(cluster, "get", "namespace", NAMESPACE, check=False) == ""
    # AND WHEN it is installed THEN it is ready, and records
    said = fleet(cluster, "install", *settings)
    print(f"\ne2e fleet install: ready after {time.monotonic() - begin:.0f} s\n{said}")
    assert said.count(" created\n") == 9
    assert "ready on 1 of 1" in said
    assert "recording" in fleet(cluster, "status")
    # AND WHEN it is installed again THEN nothing is written
    assert fleet(cluster, "install", *settings).count(" unchanged\n") == 9
    # AND what a person set meanwhile is not overwritten, unless that is asked for
    kubectl(cluster, "-n", NAMESPACE, "patch", "daemonset", "tapio-recorder", "-p", json.dumps(EDIT))
    done = run_fleet(cluster, "install", *settings)
    assert done.returncode == 78, done.stdout + done.stderr
    assert 'Apply failed with 1 conflict: conflict with "kubectl-patch"' in done.stderr
    assert fleet(cluster, "install", *settings, "--force-conflicts").count(" configured\n") == 1
    # AND its logs can be read
    logs = fleet(cluster, "logs")
    assert logs.splitlines()
    assert all(line.startswith(os.environ["NODE_NAME"]) for line in logs.splitlines())
    # AND WHEN it is uninstalled THEN nothing is left but the recording
    said = fleet(cluster, "uninstall", "--yes")
    print(f"{said}e2e fleet install: all of it took {time.monotonic() - begin:.0f} s")
    assert f"recordings stay in {tmp_path / 'data'} on 1" in said
    assert list_everything(cluster) == before
    assert list((tmp_path / "data").iterdir())


def test_what_others_made_is_not_overwritten(cluster: RealCluster, settings: list[str]) -> None:
    kubectl(cluster, "create", "clusterrole", "tapio-recorder", "--verb=list", "--resource=pods")
    try:
        done = run_fleet(cluster, "install", *settings)
        assert done.returncode == 78
        assert "clusterrole.rbac.authorization.k8s.io/tapio-recorder exists and was not created" in done.stderr
        assert kubectl(cluster, "get", "namespace", NAMESPACE, check=False) == ""
    finally:
        kubectl(cluster, "delete", "clusterrole", "tapio-recorder")


def test_without_rights_it_is_one_sentence(cluster: RealCluster, settings: list[str]) -> None:
    kubeconfig = os.environ.get("RECORDER_KUBECONFIG")
    if not kubeconfig:
        pytest.skip("the cluster has no identity without rights")
    command = command_of(kubeconfig, "install", *settings)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 77
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "is forbidden" in done.stderr
