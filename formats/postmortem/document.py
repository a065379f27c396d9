"""The post-mortem document: the whole result for one capture, which every report renders and nothing else knows.

`docs/document.schema.json` is its JSON Schema. Times are RFC 3339 in UTC with nine decimals; `*_ns` are integers.
The same capture, knowledge and version give the same bytes: lists are sorted by the order stated here, keys by name.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

DOCUMENT_VERSION = 1


@dataclass(frozen=True, slots=True)
class EntityRef:
    """Names one entity wherever the document speaks of it.

    Attributes:
        id: key into `Document.entities`.
        kind: Kubernetes kind, or Container, Process, Cgroup, Device, Address.
        namespace: None if the kind has none.
        name: what people call it: pod name, `pod/container`, `command (pid)`.
        uid: identity; None if it has none.
        node: node it lives on; None if it lives on none.
    """

    id: str
    kind: str
    namespace: str | None
    name: str
    uid: str | None
    node: str | None


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity over the interval in which the capture saw it."""

    id: str
    kind: str
    namespace: str | None
    name: str
    uid: str | None
    node: str | None
    first_seen: str
    last_seen: str


@dataclass(frozen=True, slots=True)
class Relation:
    """One typed relation between two entities while it held, e.g. Pod RUNS_ON Node. Sorted by kind, source, target.

    Attributes:
        kind: OWNS, CONTAINS, RUNS_ON, MOUNTS, USES, SELECTS, CALLS, SCALES, LIMITS, CLAIMS, BINDS, …
        evidence: event ids that tell of it.
    """

    kind: str
    source: str
    target: str
    first_seen: str
    last_seen: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LossRow:
    """What is missing from the capture: loss while recording or damage while reading."""

    table: str
    reason: str
    count: int | None
    node: str
    begin: str
    end: str
    detail: str
    advice: str


@dataclass(frozen=True, slots=True)
class CaptureSummary:
    """The capture itself. `nodes` and `tables` sorted by name."""

    id: str
    nodes: tuple[str, ...]
    begin: str
    end: str
    events: int
    tables: dict[str, int]
    loss: tuple[LossRow, ...]
    clock_error_ns: int | None
    frozen_because: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """A change that somebody or something made, whether it mattered or not. Sorted by time.

    Attributes:
        what: one sentence, e.g. "ConfigMap cache-config: data.MEM_MB 24 → 200".
        path: JSON path within the object; None for creation, deletion, or a change of the whole.
        evidence: event ids.
        symptom: id of the node in the causality graph that stands for it; None if it takes no part.
    """

    id: str
    time: str
    entity: EntityRef
    kind: str
    what: str
    path: str | None
    old: str | None
    new: str | None
    evidence: tuple[str, ...]
    symptom: str | None


@dataclass(frozen=True, slots=True)
class Symptom:
    """An interval in which one thing is wrong with (or was changed on) one entity: a node of the causality graph.

    Attributes:
        id: `s` and a number in order of begin.
        name: of the `kind: Symptom` in `patterns/`.
        nature: change, symptom or context.
        severity: info, warning, error or fatal.
        what: one sentence.
        count: how often it was seen in the interval.
        magnitude: how bad, with `unit`; None if the symptom has no measure.
        evidence: at most 20 event ids, first and last among them; `count` tells how many there are.
        finding: rank of the finding that explains it; None if none does.
    """

    id: str
    name: str
    nature: str
    severity: str
    entity: EntityRef
    begin: str
    end: str
    count: int
    magnitude: int | None
    unit: str | None
    what: str
    evidence: tuple[str, ...]
    finding: int | None


@dataclass(frozen=True, slots=True)
class Edge:
    """One causal link between two symptoms (or changes). Sorted by source, target.

    Attributes:
        rule: of the `kind: Cause` in `patterns/`.
        relation: the relations between the two entities that the rule asked for, in words.
        confidence: 0 to 1.
        how: how the confidence was computed, in words with the numbers.
        order_known: False if the clocks cannot tell which came first.
        evidence: event ids of the relation and of both ends.
    """

    source: str
    target: str
    rule: str
    relation: str
    lag_ns: int
    confidence: float
    how: str
    order_known: bool
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChainEdge:
    """How a step of a chain follows from the step before it."""

    rule: str
    confidence: float
    lag_ns: int


@dataclass(frozen=True, slots=True)
class ChainStep:
    """One step of the chain from the root cause to the last effect.

    Attributes:
        symptom: name of the symptom kind; `symptom_id` is the node in the graph.
        edge: from the step before; None for the first step.
    """

    time: str
    entity: EntityRef
    symptom: str
    symptom_id: str
    what: str
    evidence: tuple[str, ...]
    edge: ChainEdge | None


@dataclass(frozen=True, slots=True)
class RootCause:
    """What began it, as an entity and what happened to it."""

    kind: str
    namespace: str | None
    name: str
    uid: str | None
    node: str | None
    entity: str
    what: str
    time: str


@dataclass(frozen=True, slots=True)
class ConfidenceTerm:
    """One factor of a confidence, so that the number can be followed."""

    term: str
    value: float
    why: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence with the evidence it rests on: a support, a refutation, something missing."""

    what: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """Who was hit. Lists of entity ids, sorted; None where the capture cannot tell."""

    services: tuple[str, ...]
    workloads: tuple[str, ...]
    pods: tuple[str, ...]
    failed_requests: int | None
    duration_ns: int


@dataclass(frozen=True, slots=True)
class Finding:
    """The best-supported explanation of a set of symptoms. Sorted by rank, 1 first.

    Attributes:
        pattern: name of the `kind: Pattern` that matched; None if the graph explains it but no pattern names it.
        chain: from the root cause to the furthest effect, in order of time.
        also: symptom ids that it explains beside the chain.
        refuted_by: statements that speak against it and were found in the capture.
        missing: evidence that would decide and is not in the capture, losses that overlap among them.
    """

    rank: int
    pattern: str | None
    title: str
    category: str
    confidence: float
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
    """What could have been known before it happened, from what was recorded until `made_at` alone."""

    made_at: str
    pattern: str
    entity: EntityRef
    what: str
    expected_from: str
    expected_to: str
    confidence: float
    evidence: tuple[str, ...]
    outcome: str


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """One event that something in the document rests on.

    Attributes:
        id: `table:node:seq`.
        text: the event in one line.
        fields: the columns that say something, as JSON values; long texts are cut and end with `…`.
    """

    id: str
    table: str
    node: str
    seq: int
    time: str
    text: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of a chart: a decisive figure over time. Sorted by name, entity.

    Attributes:
        points: (unix ns, value), at most 2,000, in order of time.
        limit: a line to draw beside it (the memory limit); None if there is none.
    """

    name: str
    entity: EntityRef
    unit: str
    points: tuple[tuple[int, int], ...]
    limit: int | None


@dataclass(frozen=True, slots=True)
class Document:
    """The whole post-mortem."""

    version: int
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
