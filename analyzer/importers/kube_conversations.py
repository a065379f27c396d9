"""Lists and watch events of a Kubernetes API, whoever recorded them, followed resource by resource."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analyzer.importers.recording import Recording
from formats.clock import Instant
from formats.loss import LossReason
from formats.rows.kube_event import EventRow
from formats.rows.kube_json import Json, items, text
from formats.rows.kube_object import ObjectRow
from formats.rows.kube_redaction import Redaction
from formats.rows.kube_resources import EVENTS, RESOURCE_BY_NAME
from formats.rows.kube_versions import EventVersions, ObjectVersions

CONVERSATIONS = 10_000
"""Distinct resources of one recording; a cluster with every operator in the world has some hundreds."""

EVENT_RESOURCES = frozenset({"events", "events.events.k8s.io"})


@dataclass(slots=True)
class _Conversation:
    versions: ObjectVersions | EventVersions
    last_seen: Instant
    was_listed: bool = False


class KubeConversations:
    """Feeds a recording from lists and watch events.

    Args:
        recording: gets the rows and the losses.
        redaction: what may be recorded.
    """

    def __init__(self, recording: Recording, redaction: Redaction) -> None:
        self._recording = recording
        self._redaction = redaction
        self._conversations: dict[str, _Conversation] = {}
        self._unfollowed = 0

    def list(self, resource: str, listed: Json, at: Instant) -> None:
        """A complete list of one resource: its state, or after an earlier list what has changed in between.

        Args:
            resource: plural name, with the group appended where two groups have the same.
            listed: the list object.
            at: when it was received.
        """
        conversation = self._of(resource, text(listed, "kind").removesuffix("List"), text(listed, "apiVersion"), at)
        if conversation is None:
            return
        if conversation.was_listed:
            since = conversation.last_seen
            table = _table(conversation)
            self._recording.add_loss(table, LossReason.WATCH_GAP, None, since=since, until=at, detail=resource)
        versions = conversation.versions
        versions.begin_list()
        self._record([*versions.list_page(items(listed, "items")), *versions.end_list()], at)
        conversation.was_listed = True
        conversation.last_seen = at

    def know(self, resource: str, raw: Json, at: Instant) -> None:
        """An object as it was before the first event that tells of it.

        Args:
            resource: plural name.
            raw: the object.
            at: when that event was received.
        """
        conversation = self._of(resource, text(raw, "kind"), text(raw, "apiVersion"), at)
        if conversation is not None:
            self._record(conversation.versions.list_page([raw]), at)

    def tell(self, resource: str, watch_type: str, raw: Any, at: Instant) -> None:
        """One watch event of one resource.

        Args:
            resource: plural name.
            watch_type: ADDED, MODIFIED, DELETED; BOOKMARK and ERROR tell only that the watch lives.
            raw: its object.
            at: when it was received.
        """
        conversation = self._of(resource, text(raw, "kind"), text(raw, "apiVersion"), at)
        if conversation is None:
            return
        if watch_type not in ("BOOKMARK", "ERROR"):
            row = conversation.versions.told(watch_type, raw)
            self._record([row] if row else [], at)
        if watch_type != "ERROR":
            conversation.last_seen = at

    def end(self, begin: Instant, end: Instant) -> None:
        """Count what was no object as lost.

        Args:
            begin: of the recording.
            end: of it.
        """
        if self._unfollowed:
            detail = f"messages of more than {CONVERSATIONS:,} resources"
            self._recording.add_loss(
                "kube_object", LossReason.REJECTED, self._unfollowed, since=begin, until=end, detail=detail
            )
        for resource, conversation in self._conversations.items():
            rejected = conversation.versions.rejected
            if rejected:
                table, detail = _table(conversation), f"{resource}: values that are not objects with a name"
                self._recording.add_loss(table, LossReason.REJECTED, rejected, since=begin, until=end, detail=detail)

    def _record(self, rows: Sequence[ObjectRow | EventRow], at: Instant) -> None:
        self._recording.add_objects([row for row in rows if isinstance(row, ObjectRow)], at)
        self._recording.add_events([row for row in rows if isinstance(row, EventRow)], at)

    def _of(self, resource: str, kind: str, api_version: str, at: Instant) -> _Conversation | None:
        found = self._conversations.get(resource)
        if found is None and len(self._conversations) >= CONVERSATIONS:
            self._unfollowed += 1
        elif found is None:
            known = RESOURCE_BY_NAME.get(resource)
            if known is not None:
                # What the resource is called decides what is left out of it, not what the file says that it holds.
                kind, api_version = known.kind, api_version or known.served[0].api_version
            if resource in EVENT_RESOURCES:
                found = _Conversation(EventVersions(self._redaction, api_version, EVENTS.kind), at)
            else:
                found = _Conversation(ObjectVersions(self._redaction, api_version, kind), at)
            self._conversations[resource] = found
        return found


def _table(conversation: _Conversation) -> str:
    return "kube_event" if isinstance(conversation.versions, EventVersions) else "kube_object"
