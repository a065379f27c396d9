"""Kubernetes objects and lists of changes, walked field by field: what is not declared is dropped.

Field names stay if a Kubernetes API type has them and the object is of a kind that Kubernetes defines; the keys of free
maps (labels, data) are names; a value is left in the shape that `leaves.txt` declares for its field. Of custom
resources only kind, name and owners are left.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from analyzer.sharing.leaves import DROPPED, TIME, Leaves, digest_of, is_amount, rewrite_label, rewrite_word
from analyzer.sharing.names import is_defined_key, rewrite_identifier, rewrite_key
from analyzer.sharing.prose import Vouching, rewrite_resource
from analyzer.sharing.pseudonyms import Replacement
from analyzer.sharing.vocabulary import load_words
from formats.limits import JSON_DEPTH
from formats.text import CUT_MARK

_QUANTITY_MAPS = frozenset(
    {"limits", "requests", "capacity", "allocatable", "hard", "used", "overhead", "allocatedResources"}
)
"""Maps from a resource name to a quantity."""
_LABEL_MAPS = frozenset({"labels", "matchLabels", "nodeSelector", "selector"})
_DIGESTED_MAPS = frozenset({"data", "binaryData", "stringData"})
_FREE_MAPS = frozenset({*_LABEL_MAPS, *_DIGESTED_MAPS, "annotations"})
"""Maps whose keys people choose."""
_MOMENTS = frozenset({"kubectl.kubernetes.io/restartedAt", "endpoints.kubernetes.io/last-change-trigger-time"})
"""Annotations that are times."""
_REVISION = "deployment.kubernetes.io/revision"
_STATIC_POD_UID = "kubernetes.io/config.hash"
_SWITCHES = frozenset({"true", "false", "linux", "windows", "amd64", "arm64", "master", "control-plane"})
"""Texts that labels and annotations whose key Kubernetes defines may keep."""
_GROUPS = re.compile(
    r"(?:(?:apps|batch|autoscaling|policy|events\.k8s\.io|(?:networking|gateway\.networking|storage|discovery|coordination|scheduling|node|"
    r"rbac\.authorization|resource|certificates|admissionregistration|apiregistration|flowcontrol\.apiserver)\.k8s\.io)/)?"
    r"v[0-9]{1,2}(?:(?:alpha|beta)[0-9]{1,2})?\Z"
)
"""API groups that Kubernetes defines."""
_STEP = re.compile(r'\["(?:[^"\\]|\\.)*"\]|\[[^\]]*\]|\.?[^.\[]+|.', re.DOTALL)
"""One step of a path as `formats.rows.kube_changes` writes it: `.field`, `[key=value]`, `["any key"]`."""
_POSITION = re.compile(r"[0-9]{1,4}\Z")
_TOP = frozenset({"metadata", "spec", "status"})


@dataclass(frozen=True, slots=True)
class ObjectWalk:
    """Rewrites JSON texts of the columns with sensitivity `object`.

    Attributes:
        replacement: gives the pseudonyms.
        vouching: what prose and values may hold.
    """

    replacement: Replacement
    vouching: Vouching
    _leaves: Leaves = field(init=False)

    def __post_init__(self) -> None:
        """Makes what rewrites the leaves."""
        object.__setattr__(self, "_leaves", Leaves(self.replacement, self.vouching))

    def rewrite_json(self, text: str, kind: str | None, api_version: str | None) -> str | None:
        """One object or one list of changes as JSON text; None if it is not JSON of bounded depth.

        Args:
            text: the JSON.
            kind: of the object; None if unknown, as of a custom resource.
            api_version: group and version of its API; None if unknown.
        """
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return None
        is_defined = is_defined_kind(kind, api_version)
        rewritten: Any
        if isinstance(value, list):
            changes = [change for change in value if isinstance(change, dict)]
            rewrite = self._rewrite_change if is_defined else self._rewrite_custom_change
            rewritten = [rewrite(change) for change in changes]
        elif not isinstance(value, dict):
            rewritten = None
        else:
            rewritten = self._rewrite_map("", value, 0) if is_defined else self._rewrite_custom(value)
        return json.dumps(rewritten, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def _rewrite_custom(self, value: dict[str, Any]) -> dict[str, Any]:
        """Kind and relations of an object that Kubernetes does not define."""
        metadata = value.get("metadata")
        known = {"name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "generation", "ownerReferences"}
        kept = {key: item for key, item in metadata.items() if key in known} if isinstance(metadata, dict) else {}
        named = {key: value[key] for key in ("apiVersion", "kind") if isinstance(value.get(key), str)}
        return self._rewrite_map("", {**named, "metadata": kept}, 0)

    def _rewrite_custom_change(self, change: dict[str, Any]) -> dict[str, Any]:
        top = re.split(r"[.\[]", str(change.get("path", "")), maxsplit=1)[0]
        sides = {side: digest_of(change.get(side), self.replacement) for side in ("old", "new")}
        return {"path": top if top in _TOP else "spec", **sides}

    def _rewrite_change(self, change: dict[str, Any]) -> dict[str, Any]:
        path = change.get("path")
        steps = _STEP.findall(path) if isinstance(path, str) else []
        names = [_unquote(step[1:-1]) if step.startswith('["') else step.removeprefix(".") for step in steps]
        names = [name for name in names if not name.startswith("[")]
        sides = {side: change.get(side) for side in ("old", "new")}
        left = {side: self._rewrite_side(names, value) for side, value in sides.items()}
        if left["old"] == left["new"] or DROPPED in left.values():
            # What makes the difference is dropped; that there is one stays.
            left = {side: digest_of(value, self.replacement) for side, value in sides.items()}
        return {"path": self._rewrite_path(steps), **left}

    def _rewrite_side(self, names: list[str], value: Any) -> Any:
        last = names[-1] if names else ""
        before = names[-2] if len(names) > 1 else ""
        if isinstance(value, dict):
            return self._rewrite_map(last, value, 0)
        if isinstance(value, list):
            return self._rewrite_list(last, value, 0)
        if value is None:
            return None
        if before in _QUANTITY_MAPS:
            return value if is_amount(value) else DROPPED
        free_map = next((name for name in names[:-1] if name in _FREE_MAPS), None)
        if free_map is not None and not (free_map == "selector" and before != "selector" and before not in _LABEL_MAPS):
            return self._rewrite_free(free_map, last, value)
        return self._rewrite_leaf(before, last, value) if last in load_words("fields") else DROPPED

    def _rewrite_path(self, steps: list[str]) -> str:
        rewritten: list[str] = []
        before = ""
        for step in steps:
            rewritten.append(self._rewrite_step(step, before))
            before = step.removeprefix(".")
        return "".join(rewritten)

    def _rewrite_step(self, step: str, before: str) -> str:
        if step == CUT_MARK:
            return step
        if step.startswith("[") and not step.startswith('["'):
            return f"[{self._rewrite_selector(step[1:].removesuffix(']'))}]"
        rewrite_step = rewrite_resource if before in _QUANTITY_MAPS else rewrite_key
        if step.startswith('["'):
            return f"[{json.dumps(rewrite_step(_unquote(step[1:-1]), self.replacement), ensure_ascii=False)}]"
        dot, name = ("." if step.startswith(".") else ""), step.removeprefix(".")
        is_field = name in load_words("fields") and (before not in _FREE_MAPS or name in _LABEL_MAPS)
        return step if is_field else f"{dot}{rewrite_step(name, self.replacement)}"

    def _rewrite_selector(self, text: str) -> str:
        key, equals, value = text.partition("=")
        if not equals:
            return text if _POSITION.match(text) else self.replacement.opaque(text)
        if key not in load_words("fields"):
            return self.replacement.opaque(text)
        number = int(value) if _POSITION.match(value) else None
        leaf = self._leaves.rewrite(key, value if number is None else number)
        if leaf is DROPPED or leaf is None:
            leaf = self._leaves.rewrite(key, value)
        return f"{key}={self.replacement.opaque(value) if leaf is DROPPED else leaf}"

    def _rewrite_list(self, name: str, value: list[Any], depth: int) -> list[Any]:
        if depth > JSON_DEPTH:
            return []
        rewritten: list[Any] = []
        for item in value:
            if isinstance(item, dict):
                rewritten.append(self._rewrite_map(name, item, depth + 1))
            elif isinstance(item, list):
                rewritten.append(self._rewrite_list(name, item, depth + 1))
            else:
                leaf = self._leaves.rewrite(name, item)
                rewritten.append(None if leaf is DROPPED else leaf)
        return [item for item in rewritten if item is not None]

    def _rewrite_map(self, name: str, value: dict[str, Any], depth: int) -> dict[str, Any]:
        if depth > JSON_DEPTH:
            return {}
        if name in _QUANTITY_MAPS:
            return {rewrite_resource(key, self.replacement): item for key, item in value.items() if is_amount(item)}
        if name in _FREE_MAPS and (name != "selector" or all(isinstance(item, str) for item in value.values())):
            free = {key: self._rewrite_free(name, key, item) for key, item in value.items()}
            return {rewrite_key(key, self.replacement): item for key, item in free.items() if item is not DROPPED}
        rewritten: dict[str, Any] = {}
        for key, item in value.items():
            if key not in load_words("fields"):
                continue
            if isinstance(item, dict):
                rewritten[key] = self._rewrite_map(key, item, depth + 1)
            elif isinstance(item, list):
                rewritten[key] = self._rewrite_list(key, item, depth + 1)
            else:
                leaf = self._rewrite_leaf(name, key, item)
                if leaf is not DROPPED:
                    rewritten[key] = leaf
        return rewritten

    def _rewrite_leaf(self, parent: str, key: str, item: Any) -> Any:
        if isinstance(item, str) and key in {"kind", "apiVersion"}:
            return rewrite_word(item, self.replacement)
        return self._leaves.rewrite("values" if key == "value" and parent != "env" else key, item)

    def _rewrite_free(self, name: str, key: str, value: Any) -> Any:
        if not isinstance(value, str):
            return DROPPED if name == "annotations" else None
        if name in _DIGESTED_MAPS:
            # Why: a configuration value may be anything. Its digest still shows that it changed.
            return digest_of(value, self.replacement)
        if name == "annotations":
            return self._rewrite_annotation(key, value)
        if value == "" or (is_defined_key(key) and value in _SWITCHES):
            return value
        return rewrite_label(value, self.replacement)

    def _rewrite_annotation(self, key: str, value: str) -> Any:
        if key == _STATIC_POD_UID:
            return rewrite_identifier(value, self.replacement)
        if key == _REVISION and value.isascii() and value.isdigit():
            return self.replacement.number(value)
        if is_defined_key(key) and value in _SWITCHES:
            return value
        return value if key in _MOMENTS and TIME.match(value) else DROPPED


def is_defined_kind(kind: str | None, api_version: str | None) -> bool:
    """Whether Kubernetes defines the kind and not somebody's custom resource."""
    return kind in load_words("values") and api_version is not None and _GROUPS.match(api_version) is not None


def _unquote(text: str) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str) else text
