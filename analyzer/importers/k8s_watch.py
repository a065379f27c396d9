"""Recorded lists and watch events of a Kubernetes API, line by line.

One JSON object per line, `{"t": unix ns, "boot_ns": boot clock ns, "resource": …, "type": …, "object": …}` with type
LIST, ADDED, MODIFIED, DELETED, BOOKMARK or ERROR, the object as received. Answers of kubelets and export requests of
OpenTelemetry may be among them.
"""

from __future__ import annotations

from analyzer.importers.kube_conversations import EVENT_RESOURCES, KubeConversations
from analyzer.importers.kubelet_lines import KubeletLines, is_kubelet_line
from analyzer.importers.otlp_lines import OtlpLines, is_otlp_line
from analyzer.importers.recording import Recording
from formats.clock import Instant
from formats.rows.kube_json import Json, integer, text

WATCH_TYPES = frozenset({"LIST", "ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"})


class WatchLines:
    """Feeds a recording from lines, in the order of the file.

    Args:
        recording: gets the clock of each line.
        conversations: get the messages.
        has_core_events: whether Events of core/v1 are among the lines, so that their other form is left out.

    Attributes:
        at: when the last line was received.
    """

    def __init__(self, recording: Recording, conversations: KubeConversations, *, has_core_events: bool) -> None:
        self.at = Instant(0, 0)
        self._kubelets = KubeletLines(recording)
        self._spans = OtlpLines(recording)
        self._recording = recording
        self._conversations = conversations
        self._has_core_events = has_core_events

    def read(self, line: Json) -> bool:
        """Take one line; False if it is neither a list, a watch event, an answer of a kubelet nor an export request."""
        if is_kubelet_line(line):
            self.at = _instant(line, self.at)
            self._recording.tell_clock(self.at)
            return self._kubelets.read(line, self.at)
        if is_otlp_line(line):
            self.at = _instant(line, self.at)
            self._recording.tell_clock(self.at)
            return self._spans.read(line, self.at)
        if not is_watch_line(line):
            return False
        self.at = _instant(line, self.at)
        self._recording.tell_clock(self.at)
        resource, watch_type = text(line, "resource"), line["type"]
        if resource in EVENT_RESOURCES and resource != "events" and self._has_core_events:
            return True
        if watch_type == "LIST":
            self._conversations.list(resource, line.get("object") or {}, self.at)
        else:
            self._conversations.tell(resource, watch_type, line.get("object"), self.at)
        return True

    def end(self) -> None:
        """Record what was kept to be summed up."""
        self._spans.end()


def is_watch_line(line: Json | None) -> bool:
    """Whether a line is a list or a watch event."""
    return line is not None and isinstance(line.get("resource"), str) and text(line, "type") in WATCH_TYPES


def _instant(line: Json, before: Instant) -> Instant:
    """When a line was received; a time that is missing follows from the line before."""
    unix, boot = integer(line, "t"), integer(line, "boot_ns")
    offset = before.unix_nano - before.boot_ns
    if unix is None and boot is None:
        return before
    if unix is None:
        return Instant(_int64((boot or 0) + offset), boot or 0)
    return Instant(unix, _int64(unix - offset) if boot is None else boot)


def _int64(value: int) -> int:
    return min(max(value, -(2**63)), 2**63 - 1)
