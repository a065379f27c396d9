"""The findings: root cause, chain, confidence and evidence of each; and what was predicted."""

from __future__ import annotations

from dataclasses import dataclass

from formats.postmortem.graph import FieldManager
from formats.postmortem.recording import EntityRef
from formats.postmortem.values import ComparedBy, Count, EvidenceId, Integer, Outcome, Rank, Share, Speaks, Time


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
        is_state: whether it is a state that cannot work, such as a selector that matches nothing: a cause by itself.
        last_write: who wrote the entity's object, or its workload, last; None if it is a change itself, or if the
            capture cannot tell.
    """

    kind: str
    namespace: str | None
    name: str
    uid: str | None
    node: str | None
    entity: str
    what: str
    time: Time
    is_state: bool = False
    last_write: FieldManager | None = None


@dataclass(frozen=True, slots=True)
class ConfidenceTerm:
    """One factor of a confidence; the confidence is the product of its terms.

    Attributes:
        term: name of the factor.
        value: 0 to 1; above 1 only for `contrast`, which takes away some of the doubt, and `feedback`.
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
class Comparison:
    """One row of the contrast table: how often the effect shows with the change, and how often without it.

    Attributes:
        by: `pods` that the change reached, and others of the same workloads; `time` after and before the change;
            `undo`: until the change was undone, and after that.
        reached: pods that show the effect, or how often it was observed.
        reached_of: pods that the change reached, or ns.
        other: as `reached`, of what the change did not reach.
        other_of: as `reached_of`, of what the change did not reach.
        speaks: `for` the change, `against` it, or `open`.
        what: one sentence.
        evidence: events that show it; empty if it rests on what was not observed.
    """

    by: ComparedBy
    reached: Count
    reached_of: Count
    other: Count
    other_of: Count
    speaks: Speaks
    what: str
    evidence: tuple[EvidenceId, ...]


@dataclass(frozen=True, slots=True)
class WorkloadImpact:
    """How one workload was hit.

    Attributes:
        workload: key into `Document.entities`.
        begin: of its first error.
        duration_ns: from the begin of its first error to the end of its last one, ns.
        failed_requests: its part of the finding's failed requests; None where the capture cannot tell.
        requests: requests that it answered in the time of the finding, the failed ones among them; None where the
            capture cannot tell.
    """

    workload: str
    begin: Time
    duration_ns: Integer
    failed_requests: Count | None
    requests: Count | None


@dataclass(frozen=True, slots=True)
class Cost:
    """Money, by the prices in a file of the user.

    Attributes:
        amount: in units of the currency.
        currency: as the file names it.
        unpriced: workloads that were hit and have no price.
        prices: name and digest of the file.
    """

    amount: float
    currency: str
    unpriced: Count
    prices: str


@dataclass(frozen=True, slots=True)
class Impact:
    """Who was hit.

    Attributes:
        services: keys into `Document.entities`, sorted.
        workloads: keys into `Document.entities`, sorted.
        pods: keys into `Document.entities`, sorted.
        failed_requests: requests that failed; None where the capture cannot tell.
        duration_ns: from the begin of the first error to the end of the last one, ns.
        requests: requests that were answered in that time where the failed ones are counted, these among them; None
            where the capture cannot tell.
        users: users whose requests failed; None where the capture cannot tell, as no table names users yet.
        by_workload: sorted by workload.
        cost: what it cost; None without a file of prices.
        serving: Services of these workloads that had ready endpoints all the time, keys into `Document.entities`,
            sorted; empty if one of them had none, if a request failed, or where the capture cannot tell.
        empty: those of `services` that had no ready endpoints at some time, as far as the capture tells, sorted.
    """

    services: tuple[str, ...]
    workloads: tuple[str, ...]
    pods: tuple[str, ...]
    failed_requests: Count | None
    duration_ns: Integer
    requests: Count | None = None
    users: Count | None = None
    by_workload: tuple[WorkloadImpact, ...] = ()
    cost: Cost | None = None
    serving: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()


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
        also: ids of the symptoms that it explains in addition to the chain.
        supported_by: statements that speak for it.
        refuted_by: statements that speak against it and were found in the capture.
        missing: evidence that would decide and is not in the capture, losses that overlap among them.
        impact: who was hit.
        recommendations: what to do, one sentence each, the first thing first.
        contrast: the root cause compared with what it did not reach, at most one row per way; empty if it is no change.
        fix: commands that undo the root cause, or look at it if nothing is known to undo; they run as pasted.
        verify: commands that show whether the fix worked.
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
    contrast: tuple[Comparison, ...] = ()
    fix: tuple[str, ...] = ()
    verify: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prediction:
    """What could have been known before it happened, from what was recorded until `made_at` alone.

    Attributes:
        made_at: when it could be made.
        rule: name of the `kind: Trend` in `patterns/`, or of the symptom that is an early sign.
        foretells: names of symptoms of which one is expected.
        entity: what it is about.
        what: one sentence.
        expected_from: the earliest time at which it was expected.
        expected_to: the latest time at which it was expected.
        confidence: 0 to 1.
        evidence: events that it rests on.
        recommendations: what to do before it happens, the first thing first.
        warning: number of the warning that it belongs to, from 1; a revision has that of what it revises.
        outcome: confirmed (it happened, no later than expected), revised (a later prediction of the same warning took
            its place), refuted (it was due and did not happen) or open (the recording ended, or the entity was
            deleted, before that).
        happened_at: when it happened; None if it did not happen after the prediction.
    """

    made_at: Time
    rule: str
    foretells: tuple[str, ...]
    entity: EntityRef
    what: str
    expected_from: Time
    expected_to: Time
    confidence: Share
    evidence: tuple[EvidenceId, ...]
    recommendations: tuple[str, ...]
    warning: Rank
    outcome: Outcome
    happened_at: Time | None
