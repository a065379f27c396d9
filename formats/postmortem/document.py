"""The post-mortem document: the whole result for one capture, which every report renders and nothing else knows.

`formats/schemas/document.schema.json` is its JSON Schema, which `make docs` writes from the types and docstrings
here. Times are RFC 3339 in UTC with nine decimals; `*_ns` are integers. The same capture, knowledge and version give
the same bytes: lists are sorted by the order stated here, keys by name.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from msgspec import Meta

DOCUMENT_VERSION: Final = 1

Time = Annotated[
    str,
    Meta(
        description="RFC 3339 in UTC with nine decimals.",
        pattern=r"^[0-9]{4}-(0[0-9]|1[0-2])-([0-2][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{9}Z$",
        max_length=30,
    ),
]
EvidenceId = Annotated[
    str,
    Meta(description="`table:node:seq` of one event.", extra_json_schema={"pattern": "^[a-z_]+:.*:[0-9]+$"}),
]
Nature = Annotated[str, Meta(extra_json_schema={"enum": ["change", "symptom", "context"]})]
Severity = Annotated[str, Meta(extra_json_schema={"enum": ["info", "warning", "error", "fatal"]})]
Outcome = Annotated[str, Meta(extra_json_schema={"enum": ["confirmed", "refuted", "open"]})]
"""Words that a later version may have more of: the schema has those of this one, the reader takes any."""

Integer = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
Count = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
Rank = Annotated[int, Meta(ge=1, le=(1 << 63) - 1)]
Share = Annotated[float, Meta(ge=0, le=1)]


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
class LossRow:
    """What is missing from the capture: lost while recording, or damaged since.

    Attributes:
        table: the table that misses events.
        reason: of `formats.loss.LossReason`.
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


@dataclass(frozen=True, slots=True)
class Change:
    """A change that someone or something made, whether it mattered or not.

    Attributes:
        id: unique in the document.
        time: when it was seen.
        entity: what was changed.
        kind: category of the change.
        what: one sentence, such as "ConfigMap cache-config: data.MEM_MB 24 → 200".
        path: JSON path within the object; None for creation, deletion, or a change of the whole.
        old: value before, as text; None if there was none or it was not recorded.
        new: value after, as text; None if there is none or it was not recorded.
        evidence: events that show it.
        symptom: key of the node of the causality graph that stands for it; None if it takes no part.
    """

    id: str
    time: Time
    entity: EntityRef
    kind: str
    what: str
    path: str | None
    old: str | None
    new: str | None
    evidence: tuple[EvidenceId, ...]
    symptom: str | None


@dataclass(frozen=True, slots=True)
class Symptom:
    """An interval in which one thing is wrong with (or was changed on) one entity: a node of the causality graph.

    Attributes:
        id: `s` and a number in order of begin.
        name: of the `kind: Symptom` in `patterns/`.
        nature: change, symptom or context.
        severity: info, warning, error or fatal.
        entity: what it is about.
        begin: of its first event.
        end: of its last event.
        count: how often it was seen in the interval.
        magnitude: how bad, in `unit`; None if the symptom has no measure.
        unit: of the magnitude; None if the symptom has no measure.
        what: one sentence.
        evidence: at most 20 events, first and last among them; `count` says how many there are.
        finding: rank of the finding that explains it; None if none does.
    """

    id: str
    name: str
    nature: Nature
    severity: Severity
    entity: EntityRef
    begin: Time
    end: Time
    count: Count
    magnitude: Integer | None
    unit: str | None
    what: str
    evidence: tuple[EvidenceId, ...]
    finding: Rank | None


@dataclass(frozen=True, slots=True)
class Edge:
    """One causal link between two symptoms (or changes).

    Attributes:
        source: id of the symptom that is the cause.
        target: id of the symptom that is the effect.
        rule: name of the `kind: Cause` in `patterns/`.
        relation: the relations between the two entities that the rule asked for, in words.
        lag_ns: from the begin of the cause to the begin of the effect, ns; negative if the effect was seen first.
        confidence: 0 to 1.
        how: how the confidence was computed, in words with the numbers.
        order_known: False if the clocks cannot tell which came first.
        evidence: events of the relation and of both ends.
    """

    source: str
    target: str
    rule: str
    relation: str
    lag_ns: Integer
    confidence: Share
    how: str
    order_known: bool
    evidence: tuple[EvidenceId, ...]


@dataclass(frozen=True, slots=True)
class ChainEdge:
    """How a step of a chain follows from the step before it.

    Attributes:
        rule: name of the `kind: Cause` in `patterns/`.
        confidence: 0 to 1.
        lag_ns: from the begin of the step before to the begin of this one, ns; negative if this one was seen first.
    """

    rule: str
    confidence: Share
    lag_ns: Integer


@dataclass(frozen=True, slots=True)
class ChainStep:
    """One step of the chain from the root cause to the last effect.

    Attributes:
        time: when it began.
        entity: what it is about.
        symptom: name of the `kind: Symptom`.
        symptom_id: id of the symptom.
        what: one sentence.
        evidence: events that show it.
        edge: from the step before; None for the first step.
    """

    time: Time
    entity: EntityRef
    symptom: str
    symptom_id: str
    what: str
    evidence: tuple[EvidenceId, ...]
    edge: ChainEdge | None


@dataclass(frozen=True, slots=True)
class RootCause:
    """What began it, as an entity and what happened to it.

    Attributes:
        kind: of the entity.
        namespace: of the entity; None if the kind has none.
        name: of the entity.
        uid: of the entity; None if it has none.
        node: name of the node that the entity is on; None if it is on none.
        entity: key into `Document.entities`.
        what: one sentence.
        time: when it happened.
    """

    kind: str
    namespace: str | None
    name: str
    uid: str | None
    node: str | None
    entity: str
    what: str
    time: Time


@dataclass(frozen=True, slots=True)
class ConfidenceTerm:
    """One factor of a confidence; the confidence is the product of its terms.

    Attributes:
        term: name of the factor.
        value: 0 to 1.
        why: one clause.
    """

    term: str
    value: float
    why: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence with the evidence that it rests on: a support, a refutation, something missing.

    Attributes:
        what: the sentence.
        evidence: events that show it; empty for what is missing.
    """

    what: str
    evidence: tuple[EvidenceId, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """Who was hit.

    Attributes:
        services: keys into `Document.entities`, sorted.
        workloads: keys into `Document.entities`, sorted.
        pods: keys into `Document.entities`, sorted.
        failed_requests: requests that failed; None where the capture cannot tell.
        duration_ns: from the begin of the first error to the end of the last one, ns.
    """

    services: tuple[str, ...]
    workloads: tuple[str, ...]
    pods: tuple[str, ...]
    failed_requests: Count | None
    duration_ns: Integer


@dataclass(frozen=True, slots=True)
class Finding:
    """The best-supported explanation of a set of symptoms.

    Attributes:
        rank: 1 is the best.
        pattern: name of the `kind: Pattern` that matched; None if the graph explains it but no pattern names it.
        title: one sentence.
        category: of the pattern.
        confidence: 0 to 1.
        confidence_terms: the factors of the confidence.
        root_cause: what began it.
        chain: from the root cause to the furthest effect, in order of time.
        also: ids of symptoms that it explains beside the chain.
        supported_by: statements that speak for it.
        refuted_by: statements that speak against it and were found in the capture.
        missing: evidence that would decide and is not in the capture, losses that overlap among them.
        impact: who was hit.
        recommendations: what to do, one sentence each, the first thing first.
    """

    rank: Rank
    pattern: str | None
    title: str
    category: str
    confidence: Share
    confidence_terms: tuple[ConfidenceTerm, ...]
    root_cause: RootCause
    chain: tuple[ChainStep, ...]
    also: tuple[str, ...]
    supported_by: tuple[Statement, ...]
    refuted_by: tuple[Statement, ...]
    missing: tuple[Statement, ...]
    impact: Impact
    recommendations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What could have been known before it happened, from what was recorded until `made_at` alone.

    Attributes:
        made_at: when it could be made.
        pattern: name of the pattern that predicts it.
        entity: what it is about.
        what: one sentence.
        expected_from: the earliest time at which it was expected.
        expected_to: the latest time at which it was expected.
        confidence: 0 to 1.
        evidence: events that it rests on.
        outcome: confirmed, refuted or open.
    """

    made_at: Time
    pattern: str
    entity: EntityRef
    what: str
    expected_from: Time
    expected_to: Time
    confidence: Share
    evidence: tuple[EvidenceId, ...]
    outcome: Outcome


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
        limit: a line to draw beside it (the memory limit); None if there is none.
    """

    name: str
    entity: EntityRef
    unit: str
    points: tuple[tuple[Integer, Integer], ...]
    limit: Integer | None


@dataclass(frozen=True, slots=True)
class Document:
    """The whole post-mortem.

    Attributes:
        version: of this layout.
        capture: what was analyzed.
        findings: sorted by rank.
        predictions: sorted by `made_at`.
        changes: sorted by time.
        symptoms: in order of begin.
        edges: sorted by source, then target.
        entities: by id.
        relations: sorted by kind, source, target.
        evidence: by id; rows that too many others crowd out are left out.
        measures: sorted by name, then entity.
    """

    version: Literal[1]
    capture: CaptureSummary
    findings: tuple[Finding, ...]
    predictions: tuple[Prediction, ...]
    changes: tuple[Change, ...]
    symptoms: tuple[Symptom, ...]
    edges: tuple[Edge, ...]
    entities: dict[str, Entity]
    relations: tuple[Relation, ...]
    evidence: dict[str, EvidenceRow]
    measures: tuple[Measure, ...]


def to_dict(document: Document) -> dict[str, Any]:
    """The document as plain JSON types."""
    return dataclasses.asdict(document)


def to_json(document: Document) -> str:
    """The document as its one canonical text: sorted keys, two spaces, a final newline."""
    return json.dumps(to_dict(document), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
