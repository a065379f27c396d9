"""`kubectl apply -k` puts the recorder on a real cluster, with the rights of its role, and what it freezes is explained.

`make e2e` runs this with the image that it has built; elsewhere `TAPIO_E2E_IMAGE` names the archive of `make image`.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.lab.analysis import analyze
from fixtures.lab.real_cluster import RealCluster, find_missing_settings, read_cluster
from fixtures.lab.score import find_differences
from tests.cluster.test_e2e import CAPTURE_SECONDS, TRUTH, describe, keep, wait

DEPLOY = Path(__file__).parents[2] / "deploy" / "kubernetes"
MISSING = [
    *find_missing_settings(os.environ),
    *(name for name in ("TAPIO_E2E_IMAGE", "CRI_SOCKET") if name not in os.environ),
]
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(
        bool(MISSING), reason=f"needs a real cluster and an image ({', '.join(MISSING)}); `make e2e` has both"
    ),
]

NAMESPACE = "tapio"
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:tapio-recorder"
READY_SECONDS = 60
FORBIDDEN = [
    (verb, resource)
    for verb in ("create", "update", "patch", "delete", "deletecollection")
    for resource in (
        "pods",
        "deployments.apps",
        "configmaps",
        "nodes",
        "clusterroles.rbac.authorization.k8s.io",
        "events",
    )
] + [
    *((verb, "secrets") for verb in ("get", "list", "watch", "create", "patch")),
    *(
        (verb, resource)
        for verb in ("create", "get")
        for resource in ("pods/exec", "pods/attach", "pods/portforward", "nodes/proxy")
    ),
    *((verb, "captures.tapio.dev") for verb in ("update", "patch", "delete", "deletecollection")),
    ("update", "captures.tapio.dev/status"),
    *((verb, "leases.coordination.k8s.io") for verb in ("get", "list", "watch", "update", "patch", "delete")),
    *((verb, "leases.coordination.k8s.io/tapio-leader") for verb in ("get", "patch", "delete")),
    ("create", "customresourcedefinitions.apiextensions.k8s.io"),
    ("create", "serviceaccounts/token"),
    ("impersonate", "users"),
    ("escalate", "clusterroles.rbac.authorization.k8s.io"),
    ("bind", "clusterroles.rbac.authorization.k8s.io"),
]
"""What a stolen token must not be good for."""


def kubectl(cluster: RealCluster, *arguments: str, check: bool = True) -> str:
    """What kubectl prints."""
    command = ["kubectl", "--kubeconfig", str(cluster.kubeconfig), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"{' '.join(arguments)}: {done.stderr}"
    return done.stdout


def can_serve_captures(cluster: RealCluster) -> bool:
    """Whether an object of a custom kind does not end the API server.

    Kubernetes before 1.23 has a reflect2 that iterates over maps wrongly when it was built with Go 1.18 or later: the first
    custom object ends the process with SIGSEGV (modern-go/reflect2 issue 26). `TAPIO_E2E_CAPTURES=1` says that it was repaired.
    """
    version = json.loads(kubectl(cluster, "version", "-o", "json"))["serverVersion"]
    minor, go_minor = int(version["minor"].rstrip("+") or 0), int(version["goVersion"].split(".")[1])
    return "TAPIO_E2E_CAPTURES" in os.environ or minor >= 23 or go_minor < 18


def write_kustomization(directory: Path, config: dict[str, Any], patch: list[dict[str, Any]]) -> Path:
    """The base with another recorder.yaml and a patched DaemonSet, for `kubectl apply -k`; returns the directory."""
    (directory / "recorder.yaml").write_text(yaml.safe_dump(config))
    overlay = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": NAMESPACE,
        "resources": [os.path.relpath(DEPLOY / "base", directory)],
        "configMapGenerator": [{"name": "tapio-recorder", "behavior": "replace", "files": ["recorder.yaml"]}],
        "patches": [{"target": {"kind": "DaemonSet"}, "patch": json.dumps(patch)}],
    }
    (directory / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    return directory


def write_overlay(directory: Path, cluster: RealCluster, data: Path) -> Path:
    """The base, limited to the cluster's own pods and to a data directory of the test: other programs are not recorded."""
    config = yaml.safe_load((DEPLOY / "base" / "recorder.yaml").read_text())
    config["cgroups"] = [cluster.cgroup]
    config["freeze"] = {"before": "5m", "after": "40s"}
    socket = Path(os.environ["CRI_SOCKET"].removeprefix("unix://"))
    config["sources"]["container"] = {"socket": str(socket)}
    config["fleet"] = {"enabled": can_serve_captures(cluster), "jitter": "1s"}
    spec = "/spec/template/spec"
    patch: list[dict[str, Any]] = [
        {"op": "replace", "path": f"{spec}/volumes/1/hostPath/path", "value": str(data)},
        # The base mounts /run, where a runtime listens that was not started for tests.
        {"op": "add", "path": f"{spec}/volumes/-", "value": {"name": "cri", "hostPath": {"path": str(socket.parent)}}},
        {
            "op": "add",
            "path": f"{spec}/containers/0/volumeMounts/-",
            "value": {"name": "cri", "mountPath": f"/host{socket.parent}", "readOnly": True},
        },
    ]
    return write_kustomization(directory, config, patch)


@functools.cache
def import_image() -> None:
    """Give the image of the environment to the node's container runtime."""
    archive, socket = os.environ["TAPIO_E2E_IMAGE"], os.environ["CRI_SOCKET"].removeprefix("unix://")
    command = ["ctr", "-a", socket, "-n", "k8s.io", "images", "import", archive]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def cluster() -> RealCluster:
    found = read_cluster(os.environ)
    found.deploy_shop()
    found.undo_incident()
    return found


@pytest.fixture(scope="module")
def data(cluster: RealCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data directory of an installed recorder; afterwards it is uninstalled."""
    import_image()
    directory = tmp_path_factory.mktemp("install")
    place = directory / "data"
    place.mkdir()
    overlay = str(write_overlay(directory, cluster, place))
    kubectl(cluster, "apply", "-k", overlay)
    try:
        kubectl(
            cluster, "-n", NAMESPACE, "rollout", "status", "daemonset/tapio-recorder", f"--timeout={READY_SECONDS}s"
        )
        yield place
    finally:
        kubectl(cluster, "delete", "-k", overlay, "--timeout=90s")
        left = kubectl(cluster, "get", "all,configmaps,serviceaccounts", "-n", NAMESPACE, "-o", "name", check=False)
        roles = kubectl(cluster, "get", "clusterroles,clusterrolebindings,customresourcedefinitions", "-o", "name")
        assert left == ""
        assert "tapio" not in roles


def ask(cluster: RealCluster, *command: str) -> str:
    """What the recorder in its container answers."""
    return kubectl(cluster, "-n", NAMESPACE, "exec", "daemonset/tapio-recorder", "--", "tapio-recorder", *command)


@pytest.mark.usefixtures("data")
def test_every_source_works_with_the_listed_capabilities(cluster: RealCluster) -> None:
    doctor = ("tapio-recorder", "doctor", "--config", "/etc/tapio/recorder.yaml", "--json")
    # Its exit code says that a source fails; its output says which, and why.
    answer = kubectl(cluster, "-n", NAMESPACE, "exec", "daemonset/tapio-recorder", "--", *doctor, check=False)
    found = json.loads(answer)
    failing = [source["name"] for source in found["sources"] if source["verdict"] == "fails"]
    # The machine of the cluster may have another init.
    assert set(failing) <= {"systemd", "journal"}
    verdicts = {source["name"]: source["verdict"] for source in found["sources"]}
    assert {verdicts.pop("tracepoint"), verdicts.pop("run_queue")} == {"off"}, "profile default leaves these out"
    assert verdicts.pop("otlp") == "off", "no address is configured"
    assert verdicts.pop("oom") in ("works", "fallback"), "containers are not allowed to open /dev/kmsg"
    assert {verdicts.pop("systemd"), verdicts.pop("journal")} <= {"works", "fails"}
    assert verdicts.pop("health") in ("works", "fallback"), "the cluster may have no name server that answers"
    assert verdicts.pop("container") in ("works", "fallback"), "older runtimes report no events"
    assert [source for source in found["sources"] if verdicts.get(source["name"], "works") != "works"] == []


@pytest.mark.usefixtures("data")
def test_the_account_may_do_nothing_but_read_what_is_recorded(cluster: RealCluster) -> None:
    scopes = [("-A",), ("-n", NAMESPACE)]
    allowed = [
        (what, scope)
        for what in FORBIDDEN
        for scope in scopes
        if kubectl(cluster, "auth", "can-i", *what, "--as", ACCOUNT, *scope, check=False).strip() != "no"
    ]
    elsewhere = [
        kubectl(cluster, "auth", "can-i", "create", what, "-n", "default", "--as", ACCOUNT, check=False).strip()
        for what in ("captures.tapio.dev", "leases.coordination.k8s.io")
    ]
    assert len(FORBIDDEN) >= 40
    assert allowed == []
    assert elsewhere == ["no", "no"]


@pytest.mark.usefixtures("data")
def test_the_recorder_holds_the_lease_and_says_so(cluster: RealCluster) -> None:
    find = ("-n", NAMESPACE, "get", "lease", "tapio-leader", "-o", "json", "--ignore-not-found")
    deadline = time.monotonic() + READY_SECONDS
    while not (found := kubectl(cluster, *find)) and time.monotonic() < deadline:
        wait(1)
    lease = json.loads(found)
    status = json.loads(ask(cluster, "status", "--config", "/etc/tapio/recorder.yaml", "--json"))
    assert lease["spec"]["holderIdentity"] == status["node_name"]
    assert status["election"] == {
        "role": "leader",
        "namespace": NAMESPACE,
        "leader": status["node_name"],
        "problem": "",
    }


def test_a_person_freezes_and_fetches_a_capture(cluster: RealCluster, data: Path, tmp_path: Path) -> None:
    # GIVEN the commands of docs/install.md
    place = "/var/lib/tapio/captures/night.tapio"
    ask(cluster, "freeze", "--config", "/etc/tapio/recorder.yaml", "--before", "10m", "--after", "0s", "-o", place)
    command = ["kubectl", "--kubeconfig", str(cluster.kubeconfig), "-n", NAMESPACE, "exec", "daemonset/tapio-recorder"]
    done = subprocess.run([*command, "--", "cat", place], capture_output=True, check=True)
    # THEN what arrives is what is on the node, and can be analyzed
    fetched = tmp_path / "night.tapio"
    fetched.write_bytes(done.stdout)
    assert done.stdout == (data / "captures" / "night.tapio").read_bytes()
    assert analyze(fetched)["capture"]["events"] > 0


def test_an_incident_is_frozen_on_the_node_and_explained(cluster: RealCluster, data: Path) -> None:
    # GIVEN a recorder that was just installed
    wait(5)
    # WHEN the incident happens
    cluster.make_incident()
    deadline = time.monotonic() + CAPTURE_SECONDS
    while not (captures := sorted((data / "captures").glob("*oom*.tapio"))) and time.monotonic() < deadline:
        wait(1)
    # THEN its capture names the cause
    assert captures, kubectl(cluster, "-n", NAMESPACE, "logs", "daemonset/tapio-recorder")
    document = analyze(keep(captures[0], "installed"))
    print(f"\ne2e installed: {describe(document, captures[0])}")
    assert find_differences(document, TRUTH) == []
    cluster.undo_incident()


@pytest.mark.usefixtures("data")
def test_no_request_of_the_recorder_was_refused_and_no_right_is_unused(cluster: RealCluster) -> None:
    log = os.environ.get("AUDIT_LOG", "")
    if not log:
        pytest.skip("the cluster writes no audit log")
    requests = [json.loads(line) for line in Path(log).read_text().splitlines() if ACCOUNT in line]
    mine = [request for request in requests if request["user"]["username"] == ACCOUNT and "objectRef" in request]
    refused = [(request["verb"], request["objectRef"]) for request in mine if request["responseStatus"]["code"] == 403]
    assert refused == []
    leases = {request["verb"] for request in mine if request["objectRef"]["resource"] == "leases"}
    assert leases - {"watch"} == {"create", "list", "update"}, "a watch is written to the log when it ends"
    used = {
        (reference.get("apiGroup", ""), "/".join(filter(None, (reference["resource"], reference.get("subresource")))))
        for reference in (request["objectRef"] for request in mine)
    }
    allowed = {
        (group, resource)
        for document in yaml.safe_load_all((DEPLOY / "base" / "rbac.yaml").read_text())
        if document["kind"] in ("ClusterRole", "Role")
        for rule in document["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    elsewhere = {("", "endpoints"), ("events.k8s.io", "events"), ("gateway.networking.k8s.io", "httproutes")}
    # The kubelet is asked itself; `test_every_source_works_with_the_listed_capabilities` opens its sources.
    elsewhere |= {("", "nodes/metrics"), ("", "nodes/stats")}
    if not can_serve_captures(cluster):
        elsewhere |= {("tapio.dev", "captures"), ("tapio.dev", "captures/status")}
    assert used | elsewhere == allowed, "the others are for clusters that serve these kinds in another way"
