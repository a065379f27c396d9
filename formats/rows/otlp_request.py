"""An export request of the OpenTelemetry protocol, taken apart within limits: resources, and what is under each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from formats.rows.otlp_messages import MESSAGES
from formats.rows.otlp_names import MAX_NAME, template_name

MAX_RECORD_BYTES = 64 << 10
"""A span or a resource that is larger is not looked at. Why: one with a long statement has some KiB."""
MAX_SCOPES = 4_096
"""Resources of a request, and scopes of a resource, that are looked at."""
_RESOURCE_KEYS = {
    key: key for key in ("service.name", "k8s.namespace.name", "k8s.pod.name", "k8s.pod.uid", "k8s.container.name")
}
"""In the order of the fields of `Origin`."""
_IDENTITY = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:/")


@dataclass(frozen=True, slots=True)
class Origin:
    """Who sent records, as columns of table `otlp`.

    Attributes:
        service: `service.name`.
        namespace: of the Pod.
        pod: its name.
        pod_uid: its uid.
        container: name of the container within the Pod.
    """

    service: str | None = None
    namespace: str | None = None
    pod: str | None = None
    pod_uid: str | None = None
    container: str | None = None

    @property
    def columns(self) -> dict[str, str | None]:
        """The same by the names of the columns."""
        return {
            "service.name": self.service,
            "k8s.namespace.name": self.namespace,
            "k8s.pod.name": self.pod,
            "k8s.pod.uid": self.pod_uid,
            "k8s.container.name": self.container,
        }


def split_request(body: bytes) -> list[tuple[Origin, list[bytes]]]:
    """The records of each resource, not decoded yet.

    Raises:
        ValueError: it is not such a request.
    """
    return [
        (_read_origin(of_resource.resource), list(_list_records(of_resource.scopes)))
        for of_resource in (decode("OfResource", part) for part in decode("Request", body).resources[:MAX_SCOPES])
    ]


def decode(message: str, data: bytes) -> Any:
    """One message.

    Raises:
        ValueError: it is not one.
    """
    try:
        return MESSAGES[message].FromString(data)
    except DecodeError as error:
        raise ValueError(f"not a message of OpenTelemetry ({message})") from error


def read_attributes(attributes: Iterable[Any], keys: Mapping[str, str]) -> dict[str, str]:
    """Attributes that are wanted, by the names that are given to them, numbers as texts; of several, the first one."""
    found: dict[str, str] = {}
    for attribute in attributes:
        name = keys.get(attribute.key)
        if name is not None:
            value = attribute.value
            found.setdefault(name, value.string_value or str(value.int_value))
    return found


def _list_records(scopes: Iterable[bytes]) -> Iterator[bytes]:
    for index, scope in enumerate(scopes):
        if index == MAX_SCOPES:
            return
        yield from decode("OfScope", scope).records


def _read_origin(resource: bytes) -> Origin:
    if len(resource) > MAX_RECORD_BYTES:
        return Origin()
    found = read_attributes(decode("Resource", resource).attributes, _RESOURCE_KEYS)
    identities = [_identity(found.get(key)) for key in list(_RESOURCE_KEYS)[1:]]
    return Origin(template_name(found.get("service.name", "")) or None, *identities)


def _identity(text: str | None) -> str | None:
    """A name of Kubernetes; None if it cannot be one."""
    return text if text and len(text) <= 2 * MAX_NAME and _IDENTITY.issuperset(text) else None
