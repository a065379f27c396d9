"""Kubernetes objects as `kubectl` writes them: JSON or YAML, one or many in a file, between logs in a cluster dump."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from formats.errors import FormatError
from formats.limits import JSON_DEPTH
from formats.rows.kube_json import Json, field, items, text
from formats.rows.kube_resources import EVENTS, OBJECT_RESOURCES
from formats.rows.kube_time import unix_nano
from formats.yaml_reader import read_yaml_documents, to_plain

YAML_BYTES = 128 << 20
"""Largest YAML text. Why: YAML is read at some MiB per second."""

_VERSION_DIGITS = 19
_RESOURCE_BY_KIND = {resource.kind: resource.name for resource in (*OBJECT_RESOURCES, EVENTS)}
_LOGS = re.compile(r"^==== START logs for .*?^==== END logs for [^\n]*$", re.MULTILINE | re.DOTALL)
"""What `kubectl cluster-info dump` prints between objects."""
_NEXT_OBJECT = re.compile(r"^\{", re.MULTILINE)
_TIMES = re.compile(
    r'"(?:creationTimestamp|lastTimestamp|eventTime|startedAt|finishedAt|lastTransitionTime|lastHeartbeatTime|time)"\s*:\s*"([^"]{20,35})"'
)


class KubeDocuments:
    """Collects objects from documents, the newest version of each.

    Attributes:
        newest_unix_nano: the newest time that any object tells of; 0 if none does. Lists do not say when they were
            read.
        unread: what could not be read, one text for each place.
    """

    def __init__(self) -> None:
        self.newest_unix_nano = 0
        self.unread: list[str] = []
        self._objects: dict[str, dict[object, Any]] = {}

    def add(self, document: str, where: str) -> None:
        """Read a text of JSON or YAML.

        Args:
            document: the whole text.
            where: the file, for messages.
        """
        document = document.lstrip("\ufeff")
        is_json = document.lstrip().startswith(("{", "[")) or _NEXT_OBJECT.search(document) is not None
        for found in self._read_json(_LOGS.sub("", document)) if is_json else self._read_yaml(document, where):
            self._add(found)

    def by_resource(self) -> Iterator[tuple[str, list[Any]]]:
        """The objects of each resource, by its plural name or, if it is not recorded, its kind."""
        for resource, objects in sorted(self._objects.items()):
            yield resource, list(objects.values())

    def _add(self, found: Json) -> None:
        listed = items(found, "items") if "items" in found else [found]
        for item in listed:
            kind = text(item, "kind") or text(found, "kind").removesuffix("List")
            typed = {"apiVersion": text(found, "apiVersion"), "kind": kind, **item} if isinstance(item, dict) else item
            known = self._objects.setdefault(_RESOURCE_BY_KIND.get(kind, kind), {})
            key = _key(typed) or len(known)
            if key not in known or _version(typed) >= _version(known[key]):
                known[key] = typed

    def _read_json(self, document: str) -> Iterator[Json]:
        """JSON objects that stand one after the other; what is none is left out up to the next line that begins one."""
        self._see_times(document)
        decoder = json.JSONDecoder(parse_constant=lambda _name: None)
        position = 0
        is_torn = False
        while True:
            while position < len(document) and document[position].isspace():
                position += 1
            if position >= len(document):
                return
            try:
                value, position = decoder.raw_decode(document, position)
            except (ValueError, RecursionError):
                if not is_torn:
                    self.unread.append(f"invalid JSON from character {position:,} on")
                is_torn = True
                following = _NEXT_OBJECT.search(document, position + 1)
                if following is None:
                    return
                position = following.start()
                continue
            if isinstance(value, dict):
                yield value

    def _read_yaml(self, document: str, where: str) -> Iterator[Json]:
        try:
            nodes = read_yaml_documents(
                document, where=where, error=FormatError, max_bytes=YAML_BYTES, max_depth=JSON_DEPTH
            )
        except FormatError as error:
            self.unread.append(error.problem)
            return
        for node in nodes:
            value = to_plain(node)
            if isinstance(value, dict):
                self._see_times(json.dumps(value))
                yield value

    def _see_times(self, document: str) -> None:
        times = (unix_nano(time) for time in _TIMES.findall(document))
        self.newest_unix_nano = max((self.newest_unix_nano, *(time for time in times if time is not None)))


def _key(item: Any) -> object:
    """The uid, or namespace and name where there is none; None if it is no object."""
    metadata = field(item, "metadata")
    name = text(metadata, "name")
    return text(metadata, "uid") or ((text(metadata, "namespace"), name) if name else None)


def _version(item: Any) -> int:
    """Versions of one object may be compared as numbers where they are such (KEP-5504)."""
    version = text(field(item, "metadata"), "resourceVersion")
    return int(version) if version.isascii() and version.isdigit() and len(version) <= _VERSION_DIGITS else 0
