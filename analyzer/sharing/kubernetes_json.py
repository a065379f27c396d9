"""Kubernetes objects and lists of changes, walked field by field with an allow-list: what is not in it is dropped.

Field names are kept if a Kubernetes API type has them; the keys of free maps (labels, data, annotations) and every text
are rewritten by what the field holds. Numbers and booleans stay: ports, replicas, exit codes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from analyzer.sharing.pseudonyms import Replacement
from analyzer.sharing.rewriting import (
    reduce_note,
    rewrite_identifier,
    rewrite_name,
    rewrite_path,
    rewrite_value,
)
from analyzer.sharing.vocabulary import load_words
from formats.limits import JSON_DEPTH

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)\Z")
_QUANTITY = re.compile(r"[+-]?\d{1,12}(\.\d{1,9})?([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d{1,3})?%?\Z")
_QUANTITY_MAPS = frozenset(
    {"limits", "requests", "capacity", "allocatable", "hard", "used", "overhead", "allocatedResources"}
)
"""Maps from a resource name to a quantity."""
_QUANTITY_FIELDS = frozenset(
    {"maxSurge", "maxUnavailable", "minAvailable", "sizeLimit", "storage", "averageValue", "value_"}
)
_FREE_MAPS = frozenset({"labels", "matchLabels", "nodeSelector", "annotations", "data", "binaryData", "stringData"})
"""Maps whose keys people choose."""
_IDENTIFIER_FIELDS = frozenset(
    {"uid", "containerID", "imageID", "resourceVersion", "bootID", "machineID", "systemUUID"}
)
_PATH_FIELDS = frozenset(
    {"path", "mountPath", "subPath", "hostPath", "terminationMessagePath", "workingDir", "fieldPath"}
)
_NOTE_FIELDS = frozenset({"message", "note"})
_DIGESTED_MAPS = frozenset({"data", "binaryData", "stringData"})
_KEPT_ANNOTATIONS = frozenset(
    {
        "kubectl.kubernetes.io/restartedAt",
        "deployment.kubernetes.io/revision",
        "deployment.kubernetes.io/desired-replicas",
        "deployment.kubernetes.io/max-replicas",
    }
)
"""Annotations of Kubernetes' own whose values are times or small numbers and say how a workload was rolled out."""
_STEP = re.compile(r'\["(?:[^"\\]|\\.)*"\]|\[[^\]]*\]|\.?[^.\[]+|.')
"""One step of a path as `formats.rows.kube_changes` writes it: `.field`, `[key=value]`, `["any key"]`."""
_SELECTOR_PART = re.compile(r"[\[\]=,]|[^\[\]=,]+")


@dataclass(frozen=True, slots=True)
class ObjectWalk:
    """Rewrites JSON texts of the columns with sensitivity `object`.

    Attributes:
        replacement: gives the pseudonyms.
        known: whether the tables vouch for a lower-case token of prose (`analyzer.sharing.rewriting.reduce_note`).
    """

    replacement: Replacement
    known: Callable[[str], bool]

    def rewrite_json(self, text: str) -> str | None:
        """One object or one list of changes as JSON text; None if it is not JSON of bounded depth."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if isinstance(value, list):
            value = [self._rewrite_change(change) for change in value if isinstance(change, dict)]
        else:
            value = self._rewrite("", value, 0)
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def _rewrite_change(self, change: dict[str, Any]) -> dict[str, Any]:
        path = change.get("path")
        steps = _STEP.findall(path) if isinstance(path, str) else []
        names = [_unquote(step[1:-1]) if step.startswith('["') else step.removeprefix(".") for step in steps]
        names = [name for name in names if not name.startswith("[")]
        free_map = next((name for name in names if name in _FREE_MAPS), None)
        rewritten: dict[str, Any] = {"path": self._rewrite_path(path if isinstance(path, str) else "")}
        for side in ("old", "new"):
            value = change.get(side)
            if free_map and names[-1] != free_map:
                rewritten[side] = self._rewrite_free_value(free_map, names[-1], value)
            elif len(names) > 1 and names[-2] in _QUANTITY_MAPS:
                rewritten[side] = self._rewrite_map(names[-2], {names[-1]: value}, 0).get(names[-1])
            else:
                rewritten[side] = self._rewrite(names[-1] if names else "", value, 0)
        return rewritten

    def _rewrite_path(self, path: str) -> str:
        return "".join(self._rewrite_step(step) for step in _STEP.findall(path))

    def _rewrite_step(self, step: str) -> str:
        if step.startswith('["'):
            return f"[{json.dumps(rewrite_name(_unquote(step[1:-1]), self.replacement), ensure_ascii=False)}]"
        if step.startswith("["):
            return "".join(
                part if part in "[]=," or part in load_words("fields") else rewrite_name(part, self.replacement)
                for part in _SELECTOR_PART.findall(step)
            )
        dot, name = ("." if step.startswith(".") else ""), step.removeprefix(".")
        return step if name in load_words("fields") else f"{dot}{rewrite_name(name, self.replacement)}"

    def _rewrite(self, field: str, value: Any, depth: int) -> Any:
        if depth > JSON_DEPTH:
            return None
        if isinstance(value, dict):
            return self._rewrite_map(field, value, depth)
        if isinstance(value, list):
            return [self._rewrite(field, element, depth + 1) for element in value]
        if isinstance(value, str):
            return self._rewrite_text(field, value)
        return value

    def _rewrite_map(self, field: str, value: dict[str, Any], depth: int) -> dict[str, Any]:
        if field in _QUANTITY_MAPS:
            return {
                rewrite_name(key, self.replacement): amount
                for key, amount in value.items()
                if isinstance(amount, int | float) or (isinstance(amount, str) and _QUANTITY.match(amount))
            }
        is_service_selector = field == "selector" and all(isinstance(item, str) for item in value.values())
        if field in _FREE_MAPS or is_service_selector:
            return {
                rewrite_name(key, self.replacement): self._rewrite_free_value(field, key, item)
                for key, item in value.items()
            }
        fields = load_words("fields")
        return {key: self._rewrite(key, item, depth + 1) for key, item in value.items() if key in fields}

    def _rewrite_free_value(self, field: str, key: str, value: Any) -> Any:
        if not isinstance(value, str):
            return None
        if field in _DIGESTED_MAPS:
            # Why: a configuration value may be anything. Its digest still shows that it changed.
            return None if not value else f"digest:{self.replacement.identifier(_as_identifier(value))}"
        if field == "annotations" and key not in _KEPT_ANNOTATIONS:
            return ""
        if _TIME.match(value):
            return value
        return rewrite_value(value, self.replacement, self.known) if value not in load_words("values") else value

    def _rewrite_text(self, field: str, value: str) -> str:
        if not value or _TIME.match(value) or value in load_words("values"):
            return value
        if field in _NOTE_FIELDS:
            return reduce_note(value, self.replacement, self.known)
        if field in _IDENTIFIER_FIELDS:
            return rewrite_identifier(value, self.replacement)
        if field in _PATH_FIELDS:
            return rewrite_path(value, self.replacement)
        if (field in _QUANTITY_FIELDS or field in _QUANTITY_MAPS or field in load_words("values")) and _QUANTITY.match(
            value
        ):
            return value
        return rewrite_value(value, self.replacement, self.known)


def _unquote(text: str) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str) else text


def _as_identifier(value: str) -> str:
    """A digest that was recorded as it is; of anything else 16 hexadecimal digits that stand for it."""
    prefix, _, digest = value.rpartition(":")
    if prefix in {"digest", "sha256"} and re.fullmatch(r"[0-9a-f]{16,64}", digest):
        return digest[:16]
    return hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
