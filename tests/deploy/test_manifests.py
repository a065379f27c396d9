"""Promises of deploy/kubernetes: the recorder gets the rights that it uses and no others, and nothing else of the node."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from formats.rows.kube_resources import EVENTS, OBJECT_RESOURCES
from recorder.config_file import read_config
from recorder.cri.runtime import SOCKETS
from recorder.fleet.lease_api import LeaseApi
from recorder.fleet.lease_objects import LEASE_NAME
from recorder.host_files import find_on_host
from recorder.kube.api_client import ApiClient
from recorder.kube.cluster_access import ClusterAccess
from recorder.registry import SOURCES
from recorder.sources.journal import DIRECTORIES as JOURNALS
from recorder.sources.systemd import SOCKET as SYSTEM_BUS

DEPLOY = Path(__file__).parents[2] / "deploy"
BASE = DEPLOY / "kubernetes" / "base"
SPECS = [source.spec for source in SOURCES]


def read(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((BASE / name).read_text()))


def find(kind: str) -> dict[str, Any]:
    (found,) = [
        document for file in BASE.glob("*.yaml") for document in read(file.name) if document.get("kind") == kind
    ]
    return found


@pytest.fixture
def container() -> dict[str, Any]:
    (only,) = find("DaemonSet")["spec"]["template"]["spec"]["containers"]
    return only


def test_the_role_allows_to_read_what_is_recorded_and_nothing_else() -> None:
    # GIVEN the kinds that the recorder's configuration names, as any cluster may serve them
    recorded = read_config(BASE / "recorder.yaml", SPECS).sources["kube_object"].options["resources"]
    served = [
        way
        for resource in (*OBJECT_RESOURCES, EVENTS)
        for way in resource.served
        if resource.name in {*recorded, "events"}
    ]
    wanted = {(way.api_version.partition("/")[0] if "/" in way.api_version else "", way.plural) for way in served}
    # THEN the role has these, with two verbs, and the two paths of kubelets that are read
    rules = find("ClusterRole")["rules"]
    allowed = {(group, resource) for rule in rules for group in rule["apiGroups"] for resource in rule["resources"]}
    of_kubelets = {("", "nodes/metrics"), ("", "nodes/stats")}
    assert allowed == wanted | of_kubelets
    assert {tuple(rule["verbs"]) for rule in rules if "nodes/stats" not in rule["resources"]} == {("list", "watch")}
    assert [rule["verbs"] for rule in rules if "nodes/stats" in rule["resources"]] == [["get"]]
    assert all(set(rule) == {"apiGroups", "resources", "verbs"} for rule in rules)


def test_captures_are_created_and_answered_and_nothing_else_is_written() -> None:
    # GIVEN the kind that recorders take part in
    definition = find("CustomResourceDefinition")["spec"]
    # THEN the role of their namespace has the verbs that they use, and they take part
    rules = [(rule["apiGroups"], rule["resources"], rule["verbs"]) for rule in find("Role")["rules"]]
    assert rules[:2] == [
        ([definition["group"]], [definition["names"]["plural"]], ["create", "get", "list", "watch"]),
        ([definition["group"]], [f"{definition['names']['plural']}/status"], ["patch"]),
    ]
    assert {group for groups, _, _ in rules[2:] for group in groups} == {"coordination.k8s.io"}
    assert definition["scope"] == "Namespaced"
    assert find("RoleBinding")["subjects"] == find("ClusterRoleBinding")["subjects"]
    assert read_config(BASE / "recorder.yaml", SPECS).fleet.enabled


def test_the_recorders_elect_one_by_a_lease_and_may_write_no_other() -> None:
    # GIVEN what the recorder asks for
    target = LeaseApi(ApiClient(lambda: ClusterAccess("127.0.0.1", 1, "", None)), "tapio").target
    assert target.field_selector == f"metadata.name={LEASE_NAME}", "else a rule with a name would not allow the list"
    # THEN the role allows it for the Lease of that name; only creating cannot be limited to a name
    rules = [rule for rule in find("Role")["rules"] if rule["resources"] == [target.served.plural]]
    assert rules == [
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
        {
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "resourceNames": [LEASE_NAME],
            "verbs": ["list", "update", "watch"],
        },
    ]
    assert read_config(BASE / "recorder.yaml", SPECS).election.enabled


def test_everything_is_recorded_but_secrets() -> None:
    recorded = read_config(BASE / "recorder.yaml", SPECS).sources["kube_object"].options["resources"]
    assert set(recorded) == {resource.name for resource in OBJECT_RESOURCES} - {"secrets"}


def test_the_container_has_single_capabilities_and_cannot_write_but_its_data(container: dict[str, Any]) -> None:
    security = container["securityContext"]
    assert "privileged" not in security
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"]["drop"] == ["ALL"]
    assert "SYS_ADMIN" not in security["capabilities"]["add"]
    volumes = {volume["name"]: volume for volume in find("DaemonSet")["spec"]["template"]["spec"]["volumes"]}
    from_host = [mount for mount in container["volumeMounts"] if "hostPath" in volumes[mount["name"]]]
    assert {mount["name"] for mount in from_host if not mount.get("readOnly")} == {"data"}
    config = read_config(BASE / "recorder.yaml", SPECS)
    places = {mount["mountPath"] for mount in from_host}
    assert {str(config.data_dir), str(config.host.proc), str(config.host.sysfs)} <= places


@pytest.mark.parametrize("path", [*SOCKETS, SYSTEM_BUS, *JOURNALS, "/var/log/pods/shop_api-1_uid/api/0.log"])
def test_the_container_runtime_and_its_logs_are_mounted_where_the_recorder_looks(
    container: dict[str, Any], path: str
) -> None:
    config = read_config(BASE / "recorder.yaml", SPECS)
    volumes = {volume["name"]: volume for volume in find("DaemonSet")["spec"]["template"]["spec"]["volumes"]}
    expected, _ = find_on_host(path, config.host.proc)
    found = [
        volumes[mount["name"]]["hostPath"]["path"] + str(expected)[len(mount["mountPath"]) :]
        for mount in container["volumeMounts"]
        if mount.get("readOnly") and str(expected).startswith(mount["mountPath"] + "/")
    ]
    assert found == [path]


def test_the_kubelet_of_the_node_is_asked_where_the_downward_api_says(container: dict[str, Any]) -> None:
    fields = {one["name"]: one["valueFrom"]["fieldRef"]["fieldPath"] for one in container["env"]}
    assert fields == {"NODE_NAME": "spec.nodeName", "NODE_IP": "status.hostIP"}


def test_every_capability_says_what_it_is_for() -> None:
    lines = (BASE / "daemonset.yaml").read_text().splitlines()
    begin = lines.index("              add:")
    added = [line for line in lines[begin + 1 :] if line.startswith("                - ")]
    assert added
    assert all(" # " in line for line in added)


def test_the_probe_asks_where_the_recorder_answers(container: dict[str, Any]) -> None:
    listen = read_config(BASE / "recorder.yaml", SPECS).metrics_listen
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        probe = container[name]["httpGet"]
        assert f"{probe['host']}:{probe['port']}" == listen


def test_a_recorder_that_starts_slowly_is_not_killed_for_it(container: dict[str, Any]) -> None:
    probe = container["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 120


def test_the_image_is_the_one_of_this_version() -> None:
    version = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["project"]["version"]
    (image,) = find("Kustomization")["images"]
    assert image["newTag"] == version


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl, which tests of the cluster install")
@pytest.mark.parametrize("overlay", ["base", "overlays/lean", "overlays/deep", "overlays/upload"])
def test_kustomize_renders(overlay: str) -> None:
    command = ["kubectl", "kustomize", str(DEPLOY / "kubernetes" / overlay)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stderr
    rendered = list(yaml.safe_load_all(done.stdout))
    assert {document["kind"] for document in rendered} == {
        "ClusterRole", "ClusterRoleBinding", "ConfigMap", "CustomResourceDefinition", "DaemonSet", "Namespace", "Role",
        "RoleBinding", "ServiceAccount",
    }  # fmt: skip
    # kustomize adds a hash to the names of generated ConfigMaps, and to what it takes for a reference to one.
    (role,) = [document for document in rendered if document["kind"] == "Role"]
    assert [rule["resourceNames"] for rule in role["rules"] if "resourceNames" in rule] == [[LEASE_NAME]]
    (daemon_set,) = [document for document in rendered if document["kind"] == "DaemonSet"]
    (container,) = daemon_set["spec"]["template"]["spec"]["containers"]
    has_profile = any(argument.startswith("--profile=") for argument in container["args"])
    assert has_profile == (overlay in {"overlays/lean", "overlays/deep"})
    assert ("envFrom" in container) == (overlay == "overlays/upload")
