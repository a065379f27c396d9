"""What differs between two versions of a Kubernetes object, as people would say it: by name, without heartbeats."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from formats.rows.kube_json import Json, canonical_json
from formats.text import CUT_MARK, cut_text

CHANGES = 256
"""Maximum number of recorded changes of a version. Why: to people, a rewritten object is one change, not thousands."""

VALUE_CHARACTERS = 8_192
"""Maximum length of the JSON of an old or new value; longer ones are cut."""

HEARTBEATS = frozenset({"lastHeartbeatTime", "lastProbeTime", "lastUpdateTime", "renewTime"})
"""Fields that move while nothing happens."""

_BOOKKEEPING = frozenset({("metadata", "resourceVersion"), ("metadata", "managedFields"), ("metadata", "selfLink")})
_LEADER_ANNOTATION = "control-plane.alpha.kubernetes.io/leader"

_KEYS_BY_LIST = {
    "conditions": ("type",),
    "endpoints": ("addresses",),
    "images": ("names",),
    "ownerReferences": ("uid",),
    "podIPs": ("ip",),
    "tolerations": ("key",),
    "volumeMounts": ("mountPath",),
}
_KEYS = ("name", "type", "containerPort", "port", "mountPath", "devicePath", "uid", "key", "ip", "topologyKey")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]*", re.ASCII)
_ABSENT = object()

FieldDifference = dict[str, Any]
"""`path`, `old` and `new`; old is null for what is new, new is null for what is gone."""


def list_changes(old: Json, new: Json) -> list[FieldDifference]:
    """The differences between two versions, sorted by path.

    Items of lists are matched by their own key (`spec.template.spec.containers[name=app].image`), not by position, so a
    new item does not change all after it. Lists of plain values are recorded as a whole.

    Returns:
        At most `CHANGES` entries; if there are more, a last one with path `…` contains their number.
    """
    found = sorted(_differences("", "", old, new), key=lambda change: (change["path"], canonical_json(change)))
    if len(found) > CHANGES:
        return [
            *found[: CHANGES - 1],
            {"path": CUT_MARK, "old": None, "new": f"{len(found) - CHANGES + 1} more changes"},
        ]
    return found


def changes_json(old: Json, new: Json) -> str:
    """`list_changes` as the text of column `k8s.object.changes`."""
    return canonical_json(list_changes(old, new))


def _differences(path: str, field: str, old: Any, new: Any) -> Iterator[FieldDifference]:
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _object_differences(path, field, old, new)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _list_differences(path, field, old, new)
    # `1 == True` and `1 == 1.0` in Python, though not in JSON.
    elif type(old) is not type(new) or old != new:
        yield {"path": path, "old": _told(old), "new": _told(new)}


def _object_differences(path: str, field: str, old: Json, new: Json) -> Iterator[FieldDifference]:
    for key in old.keys() | new.keys():
        if key in HEARTBEATS or (path == "metadata" and (path, key) in _BOOKKEEPING):
            continue
        if key == _LEADER_ANNOTATION and field == "annotations":
            continue
        step = f"[{json.dumps(key, ensure_ascii=False)}]" if _PLAIN_KEY.fullmatch(key) is None else f".{key}"
        inner = f"{path}{step}" if path else step.removeprefix(".")
        yield from _differences(inner, key, *_with_empty(old.get(key, _ABSENT), new.get(key, _ABSENT)))


def _with_empty(old: Any, new: Any) -> tuple[Any, Any]:
    """Both values; an absent one empty if the other is a map or list: then its first key is told as its second."""
    for absent, present in ((old, new), (new, old)):
        if absent is _ABSENT and present and isinstance(present, (dict, list)):
            empty: Any = type(present)()
            return (empty, new) if absent is old else (old, empty)
    return old, new


def _list_differences(path: str, field: str, old: list[Any], new: list[Any]) -> Iterator[FieldDifference]:
    if old == new:
        return
    if not all(isinstance(item, dict) for item in (*old, *new)):
        yield {"path": path, "old": _told(old), "new": _told(new)}
        return
    key, old_items, new_items = _match(field, old, new)
    for name in old_items.keys() | new_items.keys():
        step = f"[{key}={name}]" if key else f"[{name}]"
        yield from _differences(f"{path}{step}", field, old_items.get(name, _ABSENT), new_items.get(name, _ABSENT))


def _match(field: str, old: list[Json], new: list[Json]) -> tuple[str, dict[str, Json], dict[str, Json]]:
    """The key that identifies the items of both lists, and the items by key; by position if there is no key."""
    for key in _KEYS_BY_LIST.get(field, _KEYS):
        old_items, new_items = _by_key(old, key), _by_key(new, key)
        if old_items is not None and new_items is not None:
            return key, old_items, new_items
    return "", _by_position(old), _by_position(new)


def _by_key(listed: list[Json], key: str) -> dict[str, Json] | None:
    """The items by their value of `key`; None if one has none or two have the same."""
    by_key: dict[str, Json] = {}
    for item in listed:
        value = item.get(key)
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, bool) or not isinstance(value, (str, int)) or str(value) in by_key:
            return None
        by_key[str(value)] = item
    return by_key


def _by_position(listed: list[Json]) -> dict[str, Json]:
    return {str(index): item for index, item in enumerate(listed)}


def _told(value: Any) -> Any:
    if value is _ABSENT:
        return None
    if isinstance(value, (dict, list, str)):
        text = value if isinstance(value, str) else canonical_json(value)
        if len(text) > VALUE_CHARACTERS:
            return cut_text(text, VALUE_CHARACTERS)
    return value
