"""What a document says, as sentences: the same words on the page and in the terminal.

Everything here is plain text made from the document alone. Texts of the document are passed on as they were recorded:
whoever shows them escapes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from formats.loss import EXPECTED_REASONS, LossReason
from formats.postmortem.document import Document
from formats.postmortem.findings import ChainStep, Comparison, Cost, Finding, Impact, RootCause
from formats.postmortem.graph import Change, Edge, Symptom
from formats.postmortem.recording import Entity, EntityRef, LossRow
from formats.times import parse_time
from reports.quantities import clock_minute, counted, day, number, percent, span
from reports.zones import zone_words

_CLOCK_ERROR_WORTH_TELLING_NS = 1_000_000


class OverallResult(StrEnum):
    """The overall result of a document."""

    EXPLAINED = "explained"
    """At least one finding."""
    CALM = "calm"
    """Nothing wrong was found."""


@dataclass(frozen=True, slots=True)
class Headline:
    """The answer of a document in 20 seconds.

    Attributes:
        title: one sentence, without a final stop.
        summary: what happened, when, and to whom, in one or two sentences.
        since: when it began, RFC 3339; None if nothing did.
        cause: what began it; None if unknown or nothing did.
        hit: who was affected; None if no one, as far as recorded.
        first_action: what to do first; None if there is nothing to do.
        caveat: why this could be wrong or incomplete; None if nothing says so.
    """

    verdict: OverallResult
    title: str
    summary: str
    since: str | None
    cause: str | None
    hit: str | None
    first_action: str | None
    caveat: str | None


@dataclass(frozen=True, slots=True)
class SetAside:
    """A change that was considered and is no root cause, with the reason.

    Attributes:
        triggered: rank of the finding that it set off without being at fault; None if it set off none.
    """

    change: Change
    why: str
    triggered: int | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that cannot be decided from the recording, in one sentence, with the evidence ids concerned."""

    what: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One row of a contrast table, as words.

    Attributes:
        by: what is compared.
        reached: how often the effect shows with the change.
        other: how often it shows without it.
        speaks: for the change, against it, or neither.
        comparison: where this comes from.
    """

    by: str
    reached: str
    other: str
    speaks: str
    comparison: Comparison


_COMPARED_BY = {"pods": "pods", "time": "time", "undo": "undone"}
_SPEAKS = {"for": "speaks for it", "against": "speaks against it"}


def contrast_rows(finding: Finding) -> tuple[ComparedRow, ...]:
    """The contrast table of a finding; empty if its root cause is no change."""
    return tuple(
        ComparedRow(
            _COMPARED_BY.get(item.by, "other"), *_compared_cells(item), _SPEAKS.get(item.speaks, "undecided"), item
        )
        for item in finding.contrast
    )


def _compared_cells(item: Comparison) -> tuple[str, str]:
    if item.by == "pods":
        return (
            f"{number(item.reached)} of {counted(item.reached_of, 'pod')} reached",
            f"{number(item.other)} of {counted(item.other_of, 'other pod')}",
        )
    since, without = ("until it was undone", "since then") if item.by == "undo" else ("after it", "before it")
    return (
        f"{counted(item.reached, 'time')} in {span(item.reached_of)} {since}",
        f"{counted(item.other, 'time')} in {span(item.other_of)} {without}",
    )


def sentence(text: str) -> str:
    """The text with a final stop, unless it has one."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def full_name(entity: Entity | EntityRef | RootCause) -> str:
    """`ConfigMap shop/cache-config`, `Node worker-3`."""
    place = f"{entity.namespace}/" if entity.namespace else ""
    return f"{entity.kind} {place}{entity.name}"


def short_name(entity: Entity | EntityRef) -> str:
    """`ConfigMap cache-config`: for pictures, where the namespace is one too many."""
    return f"{entity.kind} {entity.name}"


def headline(document: Document) -> Headline:
    """The answer on top of every report."""
    caveat = _caveat(document)
    if document.findings:
        first = document.findings[0]
        return Headline(
            OverallResult.EXPLAINED,
            first.title,
            finding_summary(document, first),
            first.root_cause.time,
            cause_sentence(first.root_cause),
            hit(document, first),
            first.recommendations[0] if first.recommendations else None,
            caveat,
        )
    return Headline(
        OverallResult.CALM,
        "No failure was found",
        f"{looked_at(document)} {_calm(document)}",
        None,
        None,
        None,
        None,
        caveat,
    )


def _calm(document: Document) -> str:
    ordinary = len(ordinary_symptoms(document))
    if not ordinary:
        return "They contain no symptom of a known failure."
    are = "symptom that is ordinary" if ordinary == 1 else "symptoms that are ordinary"
    return f"They contain {ordinary} {are}, as while pods start or are replaced (`tapio timeline`), and no other."


def cause_sentence(cause: RootCause) -> str:
    """`ConfigMap shop/cache-config: data.MEM_MB 24 → 200`; the name is not said twice."""
    return cause.what if cause.name in cause.what else f"{full_name(cause)}: {cause.what}"


def finding_summary(document: Document, finding: Finding) -> str:
    """What happened, in at most three sentences: the cause, its first effect, its last."""
    cause, chain = finding.root_cause, finding.chain
    is_same_day = day(cause.time) == day(document.capture.begin)
    at = f"{clock_minute(cause.time)} {zone_words(cause.time)}{'' if is_same_day else f' on {day(cause.time)}'}"
    if cause.name in cause.what:
        summary = sentence(f"It began at {at}: {cause.what}")
    elif document_nature(document, finding) == "change":
        summary = f"It began at {at} with a change to {full_name(cause)} ({cause.what})."
    else:
        summary = f"It began at {at} with {full_name(cause)} ({cause.what})."
    if len(chain) > 1:
        after = parse_time(chain[1].time) - parse_time(cause.time)
        order = f"{span(after)} later" if after > 0 else "At the same moment" if after == 0 else "Already before"
        summary += f" {order}: {sentence(chain[1].what)}"
    if len(chain) > 2:
        summary += f" Finally: {sentence(chain[-1].what)}"
    return summary


def document_nature(document: Document, finding: Finding) -> str:
    """Whether a finding begins with a change, a symptom or mere context."""
    if not finding.chain:
        return "symptom"
    first = finding.chain[0].symptom_id
    return next((symptom.nature for symptom in document.symptoms if symptom.id == first), "symptom")


def hit(document: Document, finding: Finding) -> str | None:
    """`3 services (api, cache, frontend), 4 pods, 787 failed requests, for 6 min 35 s`; None if nothing is known."""
    impact = finding.impact
    parts = []
    for ids, word in ((impact.services, "service"), (impact.workloads, "workload"), (impact.pods, "pod")):
        if ids:
            names = entity_names(document, ids) if word != "pod" else ""
            parts.append(counted(len(ids), word) + (f" ({names})" if names else ""))
    if impact.failed_requests is not None:
        parts.append(failed_requests(impact))
    if not parts:
        return None
    cost = "" if impact.cost is None else f"; {money(impact.cost)}"
    length = f", for {span(impact.duration_ns)}" if impact.duration_ns else ""
    return f"{', '.join(parts)}{length}{cost}"


def failed_requests(impact: Impact) -> str:
    """`150 failed requests of 512`, without the number of all where it is not known."""
    failed = counted(impact.failed_requests or 0, "failed request")
    return failed if impact.requests is None else f"{failed} of {number(impact.requests)}"


def money(cost: Cost) -> str:
    """`12.40 EUR by costs.yaml`, and how many workloads have no price."""
    unpriced = f" ({counted(cost.unpriced, 'workload')} without a price)" if cost.unpriced else ""
    return f"{cost.amount:,.2f} {cost.currency} by {cost.prices.partition(' (')[0]}{unpriced}"


def entity_names(document: Document, ids: Iterable[str], *, most: int = 4) -> str:
    """The names of the entities of these ids, the first few of them."""
    names = [document.entities[key].name if key in document.entities else key for key in ids]
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def ordinary_symptoms(document: Document) -> list[Symptom]:
    """Severe symptoms of no finding: a healthy cluster has such, too, as while pods start.

    A severe symptom that is not ordinary has a finding, if only one that says that nothing explains it. Changes and
    context are none, and a warning alone is background.
    """
    return [
        symptom
        for symptom in document.symptoms
        if symptom.nature == "symptom" and symptom.severity in {"error", "fatal"} and symptom.finding is None
    ]


def looked_at(document: Document) -> str:
    """What the answer rests on, in one sentence."""
    capture = document.capture
    length = span(parse_time(capture.end) - parse_time(capture.begin))
    nodes = counted(len(capture.nodes), "recorder")
    events, changes = counted(capture.events, "event"), counted(len(document.changes), "change")
    return f"{events} and {changes} from {nodes} over {length} were analyzed."


def length_of(begin: str, end: str) -> int:
    """From one RFC 3339 time to another, ns."""
    return parse_time(end) - parse_time(begin)


def lost_rows(document: Document) -> list[LossRow]:
    """Losses that something caused; not what a configured rule omits, and not the time before a source was open.

    A finding that depends on such a time says so itself.
    """
    return [row for row in document.capture.loss if row.reason not in EXPECTED_REASONS]


def gathered_losses(document: Document) -> list[tuple[LossRow, int]]:
    """All losses, each with the number of its intervals.

    The pauses of a source that looks in turns are one, from the first to the last.
    """
    gathered: dict[tuple[str, str, int], tuple[LossRow, int]] = {}
    for place, row in enumerate(document.capture.loss):
        key = (row.table, row.node, -1 if row.reason == LossReason.IN_TURNS else place)
        first, intervals = gathered.get(key, (row, 0))
        gathered[key] = (replace(first, end=row.end), intervals + 1)
    return list(gathered.values())


def _caveat(document: Document) -> str | None:
    lost = [(row.table, row.count) for row in lost_rows(document)]
    return incomplete_sentence(lost) if lost else None


def incomplete_sentence(lost: Sequence[tuple[str, int | None]]) -> str:
    """What is missing from a recording, in one sentence.

    Args:
        lost: the table and the number of events of each gap; None if it is not known.
    """
    known = sum(count for _, count in lost if count is not None)
    uncounted = sum(count is None for _, count in lost)
    amount = counted(known, "event") if known else ""
    gaps = counted(uncounted, "gap of unknown size", "gaps of unknown size") if uncounted else ""
    tables = ", ".join(sorted({table for table, _ in lost}))
    return f"The recording is incomplete: {' and '.join(filter(None, (amount, gaps)))} missing ({tables})."


def loss_amount(row: LossRow) -> str:
    """How many events a loss row represents."""
    return "unknown" if row.count is None else number(row.count)


def set_aside(document: Document) -> list[SetAside]:
    """The changes that begin no finding, each with the reason why not. In the document's order."""
    roots = {finding.chain[0].symptom_id for finding in document.findings if finding.chain}
    symptoms = {symptom.id: symptom for symptom in document.symptoms}
    effects: dict[str, list[str]] = {}
    for edge in document.edges:
        effects.setdefault(edge.source, []).append(edge.target)
    begun: dict[int, str] = {}
    for failure in document.symptoms:
        if failure.finding is not None and failure.severity in {"error", "fatal"}:
            begun[failure.finding] = min(failure.begin, begun.get(failure.finding, failure.begin))
    aside = []
    for change in document.changes:
        symptom = symptoms.get(change.symptom) if change.symptom is not None else None
        if symptom is not None and symptom.id in roots:
            continue
        reached = [] if symptom is None else [symptoms[target] for target in effects.get(symptom.id, [])]
        aside.append(_judge(change, symptom, reached, begun))
    return aside


_MAKE_PODS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob"})
"""Kinds whose changes make new pods, which then meet what was broken before."""


def _judge(change: Change, symptom: Symptom | None, reached: Sequence[Symptom], begun: Mapping[int, str]) -> SetAside:
    """Why a change is no root cause.

    Args:
        change: to be judged.
        symptom: what stands for it in the graph; None if it takes no part.
        reached: what it led to.
        begun: by rank of a finding, when the first severe symptom of it began.
    """
    if symptom is None:
        return SetAside(change, "Nothing that failed uses or depends on it.")
    if not reached:
        return SetAside(change, "No related symptom occurred within the time in which it could have had an effect.")
    if symptom.finding is not None:
        return SetAside(change, f"It is a step of finding {symptom.finding}, and not what began it.")
    ranks = sorted({effect.finding for effect in reached if effect.finding is not None})
    if not ranks:
        return SetAside(change, "What followed from it matches no known failure pattern.")
    if change.time > begun.get(ranks[0], change.time):
        return SetAside(change, f"It came after finding {ranks[0]} had begun.")
    if change.entity.kind in _MAKE_PODS:
        return SetAside(change, f"It triggered finding {ranks[0]}, and is not at fault.", ranks[0])
    return SetAside(change, f"It leads to a part of finding {ranks[0]}, which another cause explains better.")


def unknowns(document: Document, finding: Finding) -> list[Unknown]:
    """What stays open about a finding: evidence that is missing, and orders that the clocks cannot decide."""
    missing = [Unknown(statement.what, statement.evidence) for statement in finding.missing]
    taking_part = {step.symptom_id for step in finding.chain} | set(finding.also)
    symptoms = {symptom.id: symptom for symptom in document.symptoms}
    unordered = [
        Unknown(unordered_sentence(edge, symptoms, document.capture.clock_error_ns), edge.evidence)
        for edge in document.edges
        if not edge.order_known and edge.source in taking_part and edge.target in taking_part
    ]
    return missing + unordered


def unordered_sentence(edge: Edge, symptoms: dict[str, Symptom], clock_error_ns: int | None) -> str:
    """Says that two symptoms' order is not known, and why."""
    error = "was not recorded" if clock_error_ns is None else f"may be up to {_bound(clock_error_ns)}"
    source, target = symptoms[edge.source], symptoms[edge.target]
    return (
        f"Which came first, {source.name} of {short_name(source.entity)} or {target.name} of "
        f"{short_name(target.entity)}: the clock error between the nodes {error}"
    )


def clock_sentence(document: Document) -> str | None:
    """How far the nodes' clocks may be apart; None if that is too little to matter."""
    error = document.capture.clock_error_ns
    if error is None:
        return "The clock error of the nodes was not recorded: the order of events on different nodes is uncertain."
    if error < _CLOCK_ERROR_WORTH_TELLING_NS or len(document.capture.nodes) < 2:
        return None
    return f"The nodes' clocks may differ by {_bound(error)}: within that, the order on different nodes is uncertain."


def lanes_sentence(document: Document) -> str | None:
    """What the lanes of the timeline are, and how exactly their times are aligned; None with a single recorder."""
    if len(document.capture.nodes) < 2:
        return None
    error = document.capture.clock_error_ns
    apart = "by how much is not known" if error is None else f"by up to {_bound(error)}"
    return f"Each node is a lane. Times are aligned to one clock, but may be off between nodes, {apart}."


def crossing_sentence(document: Document, before: ChainStep, step: ChainStep) -> str | None:
    """How exactly a step and the one before it are aligned; None if one recorder saw both, by one clock."""
    source, target = _recorded_on(before), _recorded_on(step)
    if source is None or target is None or source == target:
        return None
    error = document.capture.clock_error_ns
    apart = "their clocks may differ" if error is None else f"their clocks may differ by up to {_bound(error)}"
    return f"Recorded on {target}, the step before on {source}: {apart}."


def _recorded_on(step: ChainStep) -> str | None:
    """The node whose recorder saw it: not always that of its entity."""
    return step.evidence[0].partition(":")[2].rpartition(":")[0] or None if step.evidence else None


def _bound(error_ns: int) -> str:
    """A bound in whole milliseconds, rounded up: a bound that is cut off would claim too much."""
    return span(-(-error_ns // 1_000_000) * 1_000_000)


def confidence_words(document: Document, finding: Finding) -> str:
    """The confidence and the factors that it is computed from, in one line."""
    terms = " × ".join(f"{term.value:g} ({term.term})" for term in finding.confidence_terms)
    count = len(document.findings)
    rank = f"rank {finding.rank} of {count}" if count > 1 else "the only finding"
    return f"{percent(finding.confidence)}, {rank}" + (f" = {terms}" if terms else "")
