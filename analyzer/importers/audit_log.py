"""The audit log of an API server as watch events: every write that succeeded, the object that it made, and who wrote.

Source: audit.k8s.io/v1 Event. Only writes whose response was logged (level RequestResponse) tell the new object.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analyzer.importers.kube_conversations import EVENT_RESOURCES
from formats.rows.kube_json import Json, field, integer, items, text
from formats.rows.kube_managers import USER_PREFIX
from formats.rows.kube_resources import RESOURCE_BY_NAME
from formats.rows.kube_time import unix_nano

AUDIT_API = "audit.k8s.io/"
MAX_KNOWN = 50_000
"""Objects whose last version is held, for what a write to a subresource says of them; the oldest are forgotten."""

_WATCH_TYPES = {
    "create": "ADDED",
    "update": "MODIFIED",
    "patch": "MODIFIED",
    "delete": "DELETED",
    "deletecollection": "DELETED",
}
_OWN = frozenset({"", "status", "ephemeralcontainers", "resize"})
"""Subresources that respond with the object itself."""
_COMPONENT = "system:"
"""Users whose name begins so are components and service accounts: what program they are is in managedFields."""


@dataclass(frozen=True, slots=True)
class AuditedWrite:
    """One successful write.

    Attributes:
        resource: plural name, as in `formats.rows.kube_resources`.
        watch_type: ADDED, MODIFIED or DELETED.
        raw: the object as it is after the write, `managedFields` naming the user; of a deletion perhaps its key alone.
        before: what is known of the object as it was, if the log has not told of it before; None otherwise.
        unix_nano: when the API server responded.
    """

    resource: str
    watch_type: str
    raw: Json
    before: Json | None
    unix_nano: int


class AuditLog:
    """Reads audit events one by one; needs them in the order of time.

    Attributes:
        bodiless: writes that succeeded and whose object was not logged.
    """

    def __init__(self) -> None:
        self.bodiless = 0
        self._known: OrderedDict[tuple[str, str, str], Json] = OrderedDict()

    def read(self, event: Json) -> list[AuditedWrite]:
        """The writes that an event tells of: none, one, or several of a deleted collection."""
        watch_type = _WATCH_TYPES.get(text(event, "verb"))
        code = integer(field(event, "responseStatus"), "code")
        if watch_type is None or event.get("stage") != "ResponseComplete" or code is None or _time(event) is None:
            return []
        reference = field(event, "objectRef")
        resource = _resource(reference)
        if not 200 <= code < 300 or resource is None or "dryRun" in text(event, "requestURI"):
            return []
        response = event.get("responseObject")
        if not isinstance(response, dict) and event.get("verb") == "deletecollection":
            return self._delete_known(event, resource, text(reference, "namespace"))
        if not isinstance(response, dict):
            self.bodiless += text(reference, "subresource") in _OWN and resource != "secrets"
            return []
        written = items(response, "items") if "items" in response else [response]
        return [
            write
            for raw in written
            if isinstance(raw, dict) and (write := self._write(event, resource, watch_type, raw)) is not None
        ]

    def _write(self, event: Json, resource: str, watch_type: str, response: Json) -> AuditedWrite | None:
        reference, metadata = field(event, "objectRef"), field(response, "metadata")
        namespace = text(reference, "namespace") or text(metadata, "namespace")
        key = (resource, namespace, text(reference, "name") or text(metadata, "name"))
        raw = self._object(key, response, text(reference, "subresource"), watch_type)
        if raw is None:
            return None
        if watch_type != "ADDED":
            watch_type = _outcome(raw, watch_type)
        before = None if key in self._known or watch_type != "MODIFIED" else _undo(raw, event.get("requestObject"))
        if watch_type == "DELETED":
            self._known.pop(key, None)
        else:
            self._remember(key, raw)
        return AuditedWrite(resource, watch_type, _signed(raw, event), before, _time(event) or 0)

    def _delete_known(self, event: Json, resource: str, namespace: str) -> list[AuditedWrite]:
        """A deleted collection without its objects, such as of a namespace: all that is known of it.

        Pods are left out, because each of them ends with a deletion of its own; and so is a selection.
        """
        if resource == "pods" or "Selector" in text(event, "requestURI"):
            return []
        gone = [key for key in self._known if key[:2] == (resource, namespace)]
        return [AuditedWrite(resource, "DELETED", self._known.pop(key), None, _time(event) or 0) for key in gone]

    def _object(self, key: tuple[str, str, str], response: Json, subresource: str, watch_type: str) -> Json | None:
        """The object after the write; None if the response does not tell."""
        if subresource == "scale":
            return self._scaled(key, response)
        if subresource not in _OWN:
            return None
        if text(response, "kind") != "Status":
            return response
        if watch_type != "DELETED":
            return None
        uid = text(field(response, "details"), "uid")
        return {"metadata": {"namespace": key[1], "name": key[2], "uid": uid}}

    def _scaled(self, key: tuple[str, str, str], scale: Json) -> Json | None:
        """The object that a write to its `scale` made, as far as an earlier version is known."""
        known = self._known.get(key)
        if known is None:
            return None
        version = text(field(scale, "metadata"), "resourceVersion")
        replicas = field(scale, "spec").get("replicas", 0)
        return {
            **known,
            "metadata": {**field(known, "metadata"), "resourceVersion": version},
            "spec": {**field(known, "spec"), "replicas": replicas},
        }

    def _remember(self, key: tuple[str, str, str], raw: Json) -> None:
        self._known[key] = raw
        self._known.move_to_end(key)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)


def is_audit_event(line: Json | None) -> bool:
    """Whether a line is an event of an audit log."""
    return line is not None and line.get("kind") == "Event" and text(line, "apiVersion").startswith(AUDIT_API)


def _outcome(raw: Json, watch_type: str) -> str:
    """What a write did: a deletion may have to wait for finalizers or a grace period, and any write may end it."""
    metadata = field(raw, "metadata")
    if not metadata.get("deletionTimestamp"):
        return watch_type
    is_waiting = bool(metadata.get("finalizers")) or bool(metadata.get("deletionGracePeriodSeconds"))
    return "MODIFIED" if is_waiting else "DELETED"


def _time(event: Json) -> int | None:
    return unix_nano(event.get("stageTimestamp") or event.get("requestReceivedTimestamp"))


def _resource(reference: Json) -> str | None:
    """The name of a recorded resource; None for any other one."""
    plural, group = text(reference, "resource"), text(reference, "apiGroup")
    if plural == "events":
        return "events.events.k8s.io" if group == "events.k8s.io" else "events"
    known = RESOURCE_BY_NAME.get(plural)
    return plural if known is not None and plural not in EVENT_RESOURCES else None


def _signed(raw: Json, event: Json) -> Json:
    """The object with the user who wrote it as the manager of its last write; components sign themselves."""
    user = text(field(event, "user"), "username")
    if not user or user.startswith(_COMPONENT):
        return raw
    subresource = text(field(event, "objectRef"), "subresource")
    entry = {
        "manager": f"{USER_PREFIX}{user}",
        "operation": "Update",
        "subresource": subresource,
        "time": event.get("stageTimestamp"),
    }
    return {**raw, "metadata": {**field(raw, "metadata"), "managedFields": [entry]}}


def _undo(raw: Json, patch: Any) -> Json:
    """The object without what a patch set: what was there before, as far as the log tells.

    Of a value that was replaced only the new one is known, so the change is told as "was set to".
    """
    metadata = {**field(raw, "metadata"), "resourceVersion": ""}
    return {**_without(raw, patch), "metadata": {**_without(metadata, field(patch, "metadata")), "resourceVersion": ""}}


def _without(value: Json, patch: Any) -> Json:
    if not isinstance(patch, Mapping):
        return value
    left = {}
    for name, item in value.items():
        if name not in patch or name in ("apiVersion", "kind", "name", "namespace", "uid"):
            left[name] = item
        elif isinstance(item, dict) and isinstance(patch[name], Mapping):
            left[name] = _without(item, patch[name])
        elif isinstance(item, list) and isinstance(patch[name], list):
            left[name] = [_without_in_list(entry, patch[name]) for entry in item]
    return left


def _without_in_list(entry: Any, patches: list[Any]) -> Any:
    """An entry of a list that a strategic merge patch changes by name, such as a container."""
    name = text(entry, "name") if isinstance(entry, dict) else ""
    patch = next((one for one in patches if name and isinstance(one, dict) and one.get("name") == name), None)
    return entry if patch is None else _without(entry, patch)
