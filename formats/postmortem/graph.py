"""The causality graph: changes, symptoms, and which of them caused which."""

from __future__ import annotations

from dataclasses import dataclass

from formats.postmortem.recording import EntityRef
from formats.postmortem.values import Count, EvidenceId, Integer, Nature, Rank, Severity, Share, Time


@dataclass(frozen=True, slots=True)
class FieldManager:
    """The program that made a change, by the object's managedFields.

    Attributes:
        name: such as kubectl-edit; whoever writes to the API server may choose it.
        operation: Apply (server-side apply) or Update.
        subresource: that was written, such as scale; None if the object itself was.
        time: of the write by the clock of the API server, in whole seconds.
    """

    name: str
    operation: str
    subresource: str | None
    time: Time


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
        manager: who made it; None if the recording cannot tell.
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
    manager: FieldManager | None = None


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
        is_ongoing: whether it went on when the recording ended, as far as that can be told.
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
    is_ongoing: bool = False


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
