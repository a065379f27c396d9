"""Promises of the manifests as objects: those that kubectl makes of the same files, with the settings that are given."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from analyzer.fleet import manifests
from analyzer.fleet.manifests import DEFAULT_OVERLAY, list_overlays, render
from formats.errors import DeclarationError, UsageError

DEPLOY = Path(__file__).parents[3] / "deploy" / "kubernetes"


def find(objects, kind):
    (found,) = [content for content in objects if content["kind"] == kind]
    return found


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl, which tests of the cluster install")
@pytest.mark.parametrize("overlay", list_overlays())
def test_objects_are_those_of_kubectl(overlay):
    # GIVEN what kubectl makes of the files
    directory = DEPLOY / ("base" if overlay == DEFAULT_OVERLAY else f"overlays/{overlay}")
    command = ["kubectl", "kustomize", str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]})
    expected = {(content["kind"], content["metadata"]["name"]): content for content in yaml.safe_load_all(done.stdout)}
    # THEN it is the same, object by object, the hash in a name included
    assert {(content["kind"], content["metadata"]["name"]): content for content in render(overlay)} == expected


def test_objects_come_in_the_order_in_which_they_can_be_created():
    kinds = [content["kind"] for content in render()]
    assert kinds[0] == "Namespace"
    assert kinds[-1] == "DaemonSet"
    assert kinds.index("ServiceAccount") < kinds.index("ClusterRoleBinding")


def test_settings_reach_every_object():
    objects = render("lean", namespace="flight", image="r.example/t@sha256:00", config="a: 1\n", data_path="/data/t")
    assert find(objects, "Namespace")["metadata"]["name"] == "flight"
    namespaced = {content["kind"]: content["metadata"].get("namespace") for content in objects}
    assert {kind for kind, namespace in namespaced.items() if namespace is None} == {
        "Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding",
    }  # fmt: skip
    assert set(namespaced.values()) == {None, "flight"}
    for kind in ("ClusterRoleBinding", "RoleBinding"):
        assert find(objects, kind)["subjects"][0]["namespace"] == "flight"
    pod = find(objects, "DaemonSet")["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == "r.example/t@sha256:00"
    assert "--profile=lean" in pod["containers"][0]["args"]
    paths = {volume["name"]: volume.get("hostPath", {}).get("path") for volume in pod["volumes"]}
    assert paths["data"] == "/data/t"
    # AND another configuration is another ConfigMap, so that it rolls out
    made = find(objects, "ConfigMap")
    assert made["data"] == {"recorder.yaml": "a: 1\n"}
    assert made["metadata"]["name"] != find(render(), "ConfigMap")["metadata"]["name"]
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "config"]
    assert volume["configMap"]["name"] == made["metadata"]["name"]


@pytest.mark.parametrize(
    "settings",
    [
        {"overlay": "none"},
        {"overlay": "../base"},
        {"namespace": "a/../b"},
        {"namespace": ""},
        {"image": "a b"},
        {"image": "--privileged"},
        {"data_path": "var"},
        {"data_path": "/"},
    ],
)
def test_what_cannot_be_right_is_a_usage_error(settings):
    with pytest.raises(UsageError):
        render(**settings)


@pytest.mark.parametrize(
    "kustomization",
    [
        {"resources": ["../../base"], "namePrefix": "x-"},
        {"resources": ["../../base"], "patches": [{"target": {"kind": "DaemonSet", "name": "none"}, "patch": "[]"}]},
        {
            "resources": ["../../base"],
            "patches": [
                {
                    "target": {"kind": "DaemonSet", "name": "tapio-recorder"},
                    "patch": "[{op: remove, path: /spec/selector}]",
                }
            ],
        },
    ],
)
def test_what_it_does_not_know_of_kustomize_is_said(tmp_path, monkeypatch, kustomization):
    # GIVEN an overlay that uses more of kustomize than ours do
    shutil.copytree(DEPLOY, tmp_path / "kubernetes")
    (tmp_path / "kubernetes" / "overlays" / "lean" / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    monkeypatch.setattr(manifests, "_CHECKOUT", tmp_path / "kubernetes")
    # THEN it is not installed as if it did not
    with pytest.raises(DeclarationError, match=r"known here|there is no"):
        render("lean")
