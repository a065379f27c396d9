"""What a container runtime tells of containers and pod sandboxes, compared with what it told before, as rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeAlias

from formats.severity import SeverityNumber
from formats.text import cut_text

Row: TypeAlias = dict[str, Any]
"""Columns of the table `container`, all but `boot_time_ns`."""
TEXT_LIMIT = 1024
"""Characters of a name that is recorded: names of Kubernetes have at most 253, images may be longer."""
_REASON = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")
_NO_CRASH = frozenset({0, 137, 143})
_MAX_ATTEMPT = 2**31 - 1


class ContainerState(StrEnum):
    """What a container is doing; the values are the ends of the event names."""

    CREATED = "created"
    RUNNING = "started"
    EXITED = "exited"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The surroundings of a pod's containers.

    Attributes:
        sandbox_id: at the runtime.
        namespace: of the Pod.
        pod: its name.
        pod_uid: its uid.
        attempt: how many sandboxes the Pod had before.
        is_ready: whether it runs.
        created_ns: unix ns.
    """

    sandbox_id: str
    namespace: str
    pod: str
    pod_uid: str
    attempt: int
    is_ready: bool
    created_ns: int


@dataclass(frozen=True, slots=True)
class Container:
    """One container.

    Attributes:
        container_id: at the runtime.
        sandbox_id: of its sandbox.
        name: within the Pod.
        attempt: how many containers of this name the Pod had before.
        state: what it is doing.
        created_ns: unix ns.
        started_ns: unix ns; 0 until it started, and in lists.
        finished_ns: unix ns; 0 until it exited, and in lists.
        exit_code: of its first process.
        reason: of the exit; empty if the runtime says none.
        image: name of the image; empty in lists.
        image_id: its digest or id; empty in lists.
        log_path: where its log is; empty in lists.
    """

    container_id: str
    sandbox_id: str
    name: str
    attempt: int
    state: ContainerState
    created_ns: int
    started_ns: int = 0
    finished_ns: int = 0
    exit_code: int = 0
    reason: str = ""
    image: str = ""
    image_id: str = ""
    log_path: str = ""

    @property
    def has_crashed(self) -> bool:
        """Whether it exited with an error. SIGKILL and SIGTERM are how others end it: what its log says is not why."""
        return self.state is ContainerState.EXITED and self.exit_code not in _NO_CRASH


@dataclass(frozen=True, slots=True)
class Listing:
    """The answers to one look at everything.

    Attributes:
        sandboxes: all of them.
        containers: all of them, as the list tells them.
    """

    sandboxes: Sequence[Sandbox]
    containers: Sequence[Container]


@dataclass(frozen=True, slots=True)
class Told:
    """What a look has shown.

    Attributes:
        rows: of what has changed.
        crashed: the containers that exited with an error since the look before, in the order of their ends.
    """

    rows: list[Row]
    crashed: list[Container]


class ContainerVersions:
    """Remembers what the runtime told last.

    One look is `find_changed` with a listing, a question for the status of each container that it returns, and `tell`
    with the answers.
    """

    def __init__(self) -> None:
        self._sandboxes: dict[str, Sandbox] = {}
        self._containers: dict[str, Container] = {}
        self._has_looked = False

    def find_changed(self, listing: Listing) -> list[str]:
        """The ids of the containers whose status has to be asked: those that are new or in another state, in order."""
        return [
            one.container_id
            for one in listing.containers
            if (known := self._containers.get(one.container_id)) is None or known.state is not one.state
        ]

    def tell(self, listing: Listing, statuses: Mapping[str, Container]) -> Told:
        """What has changed since the last look. The first one tells no changes: its rows are those of `snapshot`.

        Args:
            listing: of this look.
            statuses: of the containers that `find_changed` named; one that is gone meanwhile is missing.
        """
        before, sandboxes_before = self._containers, self._sandboxes
        self._sandboxes = {one.sandbox_id: one for one in listing.sandboxes}
        for one in listing.containers:
            # A container may outlive its sandbox in the lists, and must not lose its Pod.
            if one.sandbox_id not in self._sandboxes and one.sandbox_id in sandboxes_before:
                self._sandboxes[one.sandbox_id] = replace(sandboxes_before[one.sandbox_id], is_ready=False)
        self._containers = {
            one.container_id: _merge(one, statuses.get(one.container_id), before.get(one.container_id))
            for one in listing.containers
        }
        changed = sorted(
            (one for one in self._containers.values() if _is_changed(one, before.get(one.container_id))), key=_order
        )
        crashed = [one for one in changed if one.has_crashed]
        if not self._has_looked:
            self._has_looked = True
            return Told([], crashed)
        rows = [*self._tell_sandboxes(sandboxes_before)]
        rows += [self.make_row(one, f"container.{one.state}") for one in changed]
        rows += [
            _container_row(one, "container.removed", sandboxes_before.get(one.sandbox_id))
            for one in before.values()
            if one.container_id not in self._containers
        ]
        return Told(rows, crashed)

    def snapshot(self) -> list[Row]:
        """A row for everything that exists."""
        return [_sandbox_row(one, "sandbox.state") for one in self._sandboxes.values()] + [
            self.make_row(one, "container.state") for one in self._containers.values()
        ]

    def make_row(self, container: Container, event_name: str) -> Row:
        """A row about a container."""
        return _container_row(container, event_name, self._sandboxes.get(container.sandbox_id))

    def _tell_sandboxes(self, before: Mapping[str, Sandbox]) -> Iterator[Row]:
        for one in self._sandboxes.values():
            known = before.get(one.sandbox_id)
            if known is None or known.is_ready != one.is_ready:
                yield _sandbox_row(one, "sandbox.started" if one.is_ready else "sandbox.stopped")
        for one in before.values():
            if one.sandbox_id not in self._sandboxes:
                yield _sandbox_row(one, "sandbox.removed")


def _merge(listed: Container, status: Container | None, known: Container | None) -> Container:
    """What is known of a container: its status tells most, but not the sandbox."""
    if status is not None:
        return replace(status, sandbox_id=listed.sandbox_id)
    if known is not None:
        return known if known.state is listed.state else replace(known, state=listed.state)
    return listed


def _is_changed(now: Container, before: Container | None) -> bool:
    return now.state is not ContainerState.UNKNOWN and (before is None or before.state is not now.state)


def _order(container: Container) -> tuple[int, str]:
    return max(container.created_ns, container.started_ns, container.finished_ns), container.container_id


def _container_row(container: Container, event_name: str, sandbox: Sandbox | None) -> Row:
    return {
        "event_name": event_name,
        "severity_number": SeverityNumber.WARN if container.has_crashed else SeverityNumber.INFO,
        "container.id": _cut(container.container_id),
        "container.sandbox.id": _cut(container.sandbox_id),
        **_pod_columns(sandbox),
        "k8s.container.name": _cut(container.name),
        "container.attempt": _attempt(container.attempt),
        "container.image.name": _cut(container.image) or None,
        "container.image.id": _cut(container.image_id) or None,
        "container.created_unix_nano": container.created_ns,
        "container.started_unix_nano": container.started_ns or None,
        "container.finished_unix_nano": container.finished_ns or None,
        "container.exit.code": container.exit_code if container.finished_ns else None,
        "container.exit.reason": container.reason if _REASON.fullmatch(container.reason) else None,
    }


def _sandbox_row(sandbox: Sandbox, event_name: str) -> Row:
    return {
        "event_name": event_name,
        "severity_number": SeverityNumber.INFO,
        "container.id": _cut(sandbox.sandbox_id),
        "container.sandbox.id": _cut(sandbox.sandbox_id),
        **_pod_columns(sandbox),
        "container.attempt": _attempt(sandbox.attempt),
        "container.created_unix_nano": sandbox.created_ns,
    }


def _pod_columns(sandbox: Sandbox | None) -> Row:
    if sandbox is None:
        return {"k8s.namespace.name": None, "k8s.pod.name": None, "k8s.pod.uid": None}
    return {
        "k8s.namespace.name": _cut(sandbox.namespace),
        "k8s.pod.name": _cut(sandbox.pod),
        "k8s.pod.uid": _cut(sandbox.pod_uid),
    }


def _attempt(attempt: int) -> int:
    return min(max(attempt, 0), _MAX_ATTEMPT)


def _cut(text: str) -> str:
    return cut_text(text, TEXT_LIMIT)
