"""The manifests of deploy/kubernetes as objects: those of an overlay, as `kubectl kustomize` gives them.

They are files of the wheel, and those of the checkout where there is one. Of kustomize it knows what they use and
nothing else; tests/deploy/test_manifests.py compares its objects with those of kubectl.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from analyzer.fleet.recorders import Json
from formats.errors import DeclarationError, UsageError

DEFAULT_OVERLAY = "default"
"""The base itself."""
CONFIG_KEY = "recorder.yaml"
_INSTALLED = Path(__file__).with_name("kustomize")
_CHECKOUT = Path(__file__).parents[2] / "deploy" / "kubernetes"
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,400}", re.ASCII)
_HASH_LETTERS = str.maketrans("013ae", "ghkmt")
_GO_ESCAPES = {letter: f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}
"""What Go's encoding/json escapes and Python's json does not."""
_CLUSTER_WIDE = frozenset({"Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"})


def list_overlays() -> list[str]:
    """Names for `render`: the base and the overlays beside it."""
    return [DEFAULT_OVERLAY, *sorted(path.name for path in (_directory() / "overlays").iterdir() if path.is_dir())]


def render(
    overlay: str = DEFAULT_OVERLAY,
    *,
    namespace: str = "tapio",
    image: str = "",
    config: str | None = None,
    data_path: str = "",
) -> list[Json]:
    """The objects of an overlay, in the order in which they can be created.

    Args:
        overlay: one of `list_overlays`.
        namespace: of the recorders and of Captures.
        image: of the recorder; empty: that of the manifests.
        config: content of recorder.yaml; None: that of the manifests.
        data_path: directory of a node for what is recorded; empty: that of the manifests.

    Raises:
        UsageError: there is no such overlay, or a value cannot be right.
        DeclarationError: the manifests use what is not known here: a defect of Tapio.
    """
    if overlay not in list_overlays():
        raise UsageError(f"there is no overlay {overlay}, only {', '.join(list_overlays())}", where="--overlay")
    for option, value, form in (("--namespace", namespace, _NAMESPACE), ("--image", image or "x", _IMAGE)):
        if not form.fullmatch(value):
            raise UsageError(f"{value!r} cannot be used", where=option)
    if data_path and not (data_path.startswith("/") and data_path.strip("/")):
        raise UsageError("must be an absolute path", where="--data-path")
    base = _directory() / "base"
    objects = _build(base if overlay == DEFAULT_OVERLAY else _directory() / "overlays" / overlay, config)
    for content in objects:
        _set_namespace(content, namespace)
        if content["kind"] == "DaemonSet":
            pod = content["spec"]["template"]["spec"]
            if image:
                pod["containers"][0]["image"] = image
            if data_path:
                (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "data"]
                volume["hostPath"]["path"] = data_path
    return objects


def is_cluster_wide(kind: str) -> bool:
    """Whether objects of one of the manifests' kinds are in no namespace."""
    return kind in _CLUSTER_WIDE


def _directory() -> Path:
    return _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT


def _build(directory: Path, config: str | None) -> list[Json]:
    """What a kustomization.yaml makes."""
    path = directory / "kustomization.yaml"
    told: Json = yaml.safe_load(path.read_text(encoding="utf-8"))
    objects: list[Json] = []
    for name in told.pop("resources"):
        resource = directory / name
        objects += _build(resource, config) if resource.is_dir() else _read_objects(resource)
    for generator in told.pop("configMapGenerator", []):
        _generate(objects, directory, generator, config)
    for image in told.pop("images", []):
        _each_container(objects, lambda container, image=image: _set_image(container, image))  # type: ignore[misc]
    for patch in told.pop("patches", []):
        _patch(objects, patch, str(path))
    unknown = sorted(told.keys() - {"apiVersion", "kind", "namespace"})
    if unknown:
        raise DeclarationError(f"the fields {unknown} are not known here", where=str(path))
    return objects


def _read_objects(path: Path) -> list[Json]:
    return [found for found in yaml.safe_load_all(path.read_text(encoding="utf-8")) if found]


def _generate(objects: list[Json], directory: Path, generator: Json, config: str | None) -> None:
    """Add a ConfigMap whose name has the hash of its content, so that a change of it rolls out."""
    data = {name: (directory / name).read_text(encoding="utf-8") for name in generator["files"]}
    if config is not None:
        data[CONFIG_KEY] = config
    base_name = generator["name"]
    name = f"{base_name}-{_hash(data)}"
    (daemon_set,) = [content for content in objects if content["kind"] == "DaemonSet"]
    for volume in daemon_set["spec"]["template"]["spec"]["volumes"]:
        if volume.get("configMap", {}).get("name") == base_name:
            volume["configMap"]["name"] = name
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
    objects.insert(objects.index(daemon_set), made)


def _hash(data: dict[str, str]) -> str:
    """The ten letters that kustomize gives to a ConfigMap. Source: kustomize, api/hasher/hasher.go.

    It looks for the name where it is not, so that the name is always empty.
    """
    content = {"data": data, "kind": "ConfigMap", "name": ""}
    encoded = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for letter, escaped in _GO_ESCAPES.items():
        encoded = encoded.replace(letter, escaped)
    return hashlib.sha256(encoded.encode()).hexdigest()[:10].translate(_HASH_LETTERS)


def _each_container(objects: list[Json], do: Callable[[Json], None]) -> None:
    for content in objects:
        if content["kind"] == "DaemonSet":
            for container in content["spec"]["template"]["spec"]["containers"]:
                do(container)


def _set_image(container: Json, image: Json) -> None:
    if container["image"] == image["name"]:
        container["image"] = f"{image['newName']}:{image['newTag']}"


def _patch(objects: list[Json], patch: Json, where: str) -> None:
    """A JSON patch (RFC 6902), as far as overlays add and replace."""
    target = patch["target"]
    chosen = [
        content
        for content in objects
        if content["kind"] == target["kind"] and content["metadata"]["name"] == target["name"]
    ]
    for content in chosen:
        for step in yaml.safe_load(patch["patch"]):
            *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]]
            place: Any = content
            for part in parents:
                place = place[int(part)] if isinstance(place, list) else place[part]
            value = copy.deepcopy(step.get("value"))
            if step["op"] == "add" and last == "-":
                place.append(value)
            elif step["op"] in ("add", "replace") and isinstance(place, dict):
                place[last] = value
            else:
                raise DeclarationError(f"the step {step} is not known here", where=where)
    if not chosen:
        raise DeclarationError(f"there is no {target['kind']} {target['name']}", where=where)


def _set_namespace(content: Json, namespace: str) -> None:
    if content["kind"] == "Namespace":
        content["metadata"]["name"] = namespace
    elif not is_cluster_wide(content["kind"]):
        content["metadata"]["namespace"] = namespace
    for subject in content.get("subjects", []):
        subject["namespace"] = namespace
