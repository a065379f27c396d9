"""What was recorded: the capture, what is missing from it, its entities, relations, events and figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from formats.postmortem.values import Count, EvidenceId, Integer, Time

ANALYSIS_LIMIT = "analysis_limit"
"""Reason of a `LossRow` for what was recorded and left out of the document."""


@dataclass(frozen=True, slots=True)
class LossRow:
    """What is missing from the capture: lost while recording, or damaged since.

    Attributes:
        table: the table that misses events.
        reason: of `formats.loss.LossReason`, or `analysis_limit`.
        count: events that are missing; None if that is not known.
        node: name of the node that lost them.
        begin: nothing was lost before.
        end: nothing was lost after.
        detail: where exactly; empty if the reason says all.
        advice: what to do about it.
    """

    table: str
    reason: str
    count: Count | None
    node: str
    begin: Time
    end: Time
    detail: str
    advice: str


@dataclass(frozen=True, slots=True)
class CaptureSummary:
    """The capture itself.

    Attributes:
        id: 32 hexadecimal digits; the same segments have the same id.
        nodes: names of the nodes that were recorded, sorted.
        begin: of what was looked at.
        end: of what was looked at.
        events: rows of all tables in it.
        tables: rows by table, sorted by name.
        loss: what is missing.
        clock_error_ns: how far the clocks of the nodes may be apart, ns; None if that was not recorded.
        frozen_because: why it was frozen; None if no one and nothing froze it.
        cluster: name by a label of its nodes, else uid of its Namespace kube-system; None if neither was recorded.
    """

    id: str
    nodes: tuple[str, ...]
    begin: Time
    end: Time
    events: Count
    tables: dict[str, Count]
    loss: tuple[LossRow, ...]
    clock_error_ns: Count | None
    frozen_because: str | None
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class EntityRef:
    """Names one entity wherever the document mentions it.

    Attributes:
        id: key into `Document.entities`.
        kind: Kubernetes kind, or Container, Process, Cgroup, Device, Address.
        namespace: None if the kind has none.
        name: what people call it: pod name, `pod/container`, `command (pid)`.
        uid: of the Kubernetes object; None if it has none.
        node: name of the node that it is on; None if it is on none.
    """

    id: str
    kind: str
    namespace: str | None
    name: str
    uid: str | None
    node: str | None


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity over the interval in which the capture saw it.

    Attributes:
        id: key into `Document.entities`.
        kind: Kubernetes kind, or Container, Process, Cgroup, Device, Address.
        namespace: None if the kind has none.
        name: what people call it: pod name, `pod/container`, `command (pid)`.
        uid: of the Kubernetes object; None if it has none.
        node: name of the node that it is on; None if it is on none.
        first_seen: when the capture first knows of it.
        last_seen: when the capture last knows of it.
    """

    id: str
    kind: str
    namespace: str | None
    name: str
    uid: str | None
    node: str | None
    first_seen: Time
    last_seen: Time


@dataclass(frozen=True, slots=True)
class Relation:
    """One typed relation between two entities while it held, such as Pod RUNS_ON Node.

    Attributes:
        kind: OWNS, CONTAINS, RUNS_ON, MOUNTS, USES, SELECTS, CALLS, SCALES, LIMITS, CLAIMS, BINDS, …
        source: key into `Document.entities`: the one that needs or holds.
        target: key into `Document.entities`: the one that is needed or held.
        first_seen: when it was first seen to hold.
        last_seen: when it was last seen to hold.
        evidence: events that show it.
    """

    kind: str
    source: str
    target: str
    first_seen: Time
    last_seen: Time
    evidence: tuple[EvidenceId, ...]


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """One event that something in the document rests on.

    Attributes:
        id: `table:node:seq`.
        table: the table that it is in.
        node: name of the node that recorded it.
        seq: its `event_seq` in that table of that node.
        time: when it happened.
        text: the event in one line.
        fields: the columns that say something, as JSON values; long texts are cut and end with `…`.
    """

    id: str
    table: str
    node: str
    seq: Count
    time: Time
    text: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of a chart: a decisive figure over time.

    Attributes:
        name: of the figure.
        entity: what was measured.
        unit: of the values and of the limit, as in the catalog: `By`, `ns`, `%`, `1`, …
        points: pairs of Unix time in ns and value, at most 2,000, in order of time.
        limit: a limit to draw as a line (the memory limit); None if there is none.
    """

    name: str
    entity: EntityRef
    unit: str
    points: tuple[tuple[Integer, Integer], ...]
    limit: Integer | None


@dataclass(frozen=True, slots=True)
class Call:
    """Connections from the pods of one workload to one thing, as the callers observed them.

    Attributes:
        source: the workload that called; the Pod if it has none.
        target: the Service, workload, Pod, Node or Address that was called.
        workload: the only workload that the called Service selects; None if there are none or several, or no Service.
        opened: connections that were established.
        refused: attempts that were refused.
        timed_out: attempts that were not answered in time.
        unreachable: attempts for which there was no route.
        evidence: event that shows the first attempt.
    """

    source: EntityRef
    target: EntityRef
    workload: EntityRef | None
    opened: Count
    refused: Count
    timed_out: Count
    unreachable: Count
    evidence: tuple[EvidenceId, ...]

    @property
    def failed(self) -> int:
        """Attempts that failed for any reason."""
        return self.refused + self.timed_out + self.unreachable
