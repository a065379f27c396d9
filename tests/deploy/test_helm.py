"""Promises of deploy/helm: the same objects as the manifests, and values that cannot be right are refused."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from analyzer.fleet.manifests import DEFAULT_OVERLAY, list_overlays, render

REPOSITORY = Path(__file__).parents[2]
CHART = REPOSITORY / "deploy" / "helm" / "tapio"
HELM = shutil.which("helm") or shutil.which("helm", path=str(REPOSITORY / ".venv" / "bin"))
needs_helm = pytest.mark.skipif(HELM is None, reason="needs helm, which deploy/setup.sh installs where Go is")
_HASHED = re.compile(r"^tapio-recorder-[0-9a-z]{10}$")


def run_helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(HELM), *arguments], capture_output=True, text=True, check=False)


def template(*arguments: str, namespace: str = "tapio") -> list[dict[str, Any]]:
    done = run_helm("template", "tapio", str(CHART), "--namespace", namespace, *arguments)
    assert done.returncode == 0, done.stderr
    return [content for content in yaml.safe_load_all(done.stdout) if content]


def by_name(objects: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Objects by kind and name; both ways of hashing the ConfigMap's name are one."""
    found = {}
    for content in objects:
        if _HASHED.match(content["metadata"]["name"]):
            content["metadata"]["name"] = "tapio-recorder-HASH"
        if content["kind"] == "DaemonSet":
            for volume in content["spec"]["template"]["spec"]["volumes"]:
                if _HASHED.match(volume.get("configMap", {}).get("name", "")):
                    volume["configMap"]["name"] = "tapio-recorder-HASH"
        found[content["kind"], content["metadata"]["name"]] = content
    return found


@needs_helm
@pytest.mark.parametrize("overlay", list_overlays())
def test_the_chart_gives_the_objects_of_the_manifests(overlay: str) -> None:
    # GIVEN the manifests; Helm makes the namespace itself, or a person does
    expected = by_name([content for content in render(overlay, namespace="flight") if content["kind"] != "Namespace"])
    # THEN the chart gives the same, object by object
    values = {DEFAULT_OVERLAY: [], "upload": ["--set", "upload.secret=tapio-upload"]}
    given = values.get(overlay, ["--set", f"profile={overlay}"])
    assert by_name(template(*given, namespace="flight")) == expected


@needs_helm
def test_values_reach_the_objects(tmp_path: Path) -> None:
    values = {
        "image": {"repository": "r.example/t", "digest": f"sha256:{'0' * 64}", "pullPolicy": "Always"},
        "imagePullSecrets": [{"name": "registry"}],
        "config": {"data_dir": "/var/lib/tapio", "metrics_listen": ""},
        "dataPath": "/data/tapio",
        "resources": {"limits": {"memory": "1Gi"}},
        "tolerations": [],
        "nodeSelector": {"pool": "a"},
        "upload": {"destination": "s3://bucket/pre?region=eu-1"},
    }
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    objects = template("--values", str(tmp_path / "values.yaml"))
    (pod,) = [content["spec"]["template"]["spec"] for content in objects if content["kind"] == "DaemonSet"]
    (container,) = pod["containers"]
    assert container["image"] == f"r.example/t@sha256:{'0' * 64}"
    assert container["imagePullPolicy"] == "Always"
    assert container["resources"]["limits"] == {"memory": "1Gi"}
    assert (pod["tolerations"], pod["nodeSelector"]) == ([], {"pool": "a"})
    assert {"name": "TAPIO_UPLOAD_DESTINATION", "value": "s3://bucket/pre?region=eu-1"} in container["env"]
    assert "envFrom" not in container
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert {"name": "data", "hostPath": {"path": "/data/tapio", "type": "DirectoryOrCreate"}} in pod["volumes"]
    (config,) = [content for content in objects if content["kind"] == "ConfigMap"]
    assert yaml.safe_load(config["data"]["recorder.yaml"]) == values["config"]
    # AND another configuration is another ConfigMap, so that it rolls out
    (usual,) = [content for content in template() if content["kind"] == "ConfigMap"]
    assert config["metadata"]["name"] != usual["metadata"]["name"]


@needs_helm
@pytest.mark.parametrize(
    "value",
    [
        "profile=fast",
        "dataPath=var",
        "image.digest=latest",
        "image.pullPolicy=Sometimes",
        "tolerations=all",
        "typo=1",
        "upload.destination=ftp://x",
    ],
)
def test_values_that_cannot_be_right_are_refused(value: str) -> None:
    done = run_helm("template", "tapio", str(CHART), "--set", value)
    assert done.returncode != 0
    assert "values don't meet the specifications of the schema" in done.stderr


@needs_helm
def test_the_chart_is_complete_without_the_checkout(tmp_path: Path) -> None:
    # GIVEN the packed chart: the manifests that it takes are links in the checkout
    assert run_helm("lint", "--strict", str(CHART)).returncode == 0
    done = run_helm("package", str(CHART), "--destination", str(tmp_path))
    assert done.returncode == 0, done.stderr
    (archive,) = tmp_path.glob("tapio-*.tgz")
    with tarfile.open(archive) as packed:
        assert all(member.isfile() for member in packed.getmembers())
    # THEN it gives the same
    rendered = run_helm("template", "tapio", str(archive), "--namespace", "tapio")
    assert [content for content in yaml.safe_load_all(rendered.stdout) if content] == template()


def test_the_chart_has_the_version_of_the_project_and_takes_the_manifests() -> None:
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (version, version)
    base = REPOSITORY / "deploy" / "kubernetes" / "base"
    links = {path.name: path.resolve() for path in (CHART / "files").iterdir()}
    assert links == {name: base / name for name in ("capture.yaml", "daemonset.yaml", "rbac.yaml", "recorder.yaml")}
