"""`tapio why`: what happened to one object, from the root cause on, in plain sentences.

Where the object is on the chain of a finding, that chain is told up to its last step about the object: the answer never
contradicts the report. An object beside the chain is told by the best path from the root cause to it, found by the same
search as everything else (`analyzer.reasoning.causal_graph`).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from analyzer.model.named_entities import NamedEntities
from analyzer.reasoning.causal_graph import find_best_paths, group_by_source
from formats.postmortem.document import Document
from formats.postmortem.findings import Finding
from formats.postmortem.graph import Change, Edge, Symptom
from formats.units import format_duration
from reports.answer import answer
from reports.managers import call_manager, say_who
from reports.quantities import percent

_SEVERE = frozenset({"error", "fatal"})


@dataclass(frozen=True, slots=True)
class Explained:
    """What one finding says of an object.

    Attributes:
        finding: of the document.
        is_root: its root cause is the object.
        way: the edges from its root cause to the object, see `way_to`.
        rest: what else it says of the object, in the order of the document.
    """

    finding: Finding
    is_root: bool
    way: tuple[Edge, ...]
    rest: tuple[Symptom, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What happened to an object.

    Attributes:
        names: of the objects that the question means, sorted.
        findings: those that speak of it, by rank.
        unexplained: severe symptoms of it that no finding explains.
        changes: what was changed of it.
    """

    names: tuple[str, ...]
    findings: tuple[Explained, ...]
    unexplained: tuple[Symptom, ...]
    changes: tuple[Change, ...]


def explain(document: Document, named: NamedEntities) -> Explanation:
    """What the document says of what a question names."""
    answered_for = named.entity_ids | named.related_ids
    hit = [symptom for symptom in document.symptoms if symptom.entity.id in answered_for]
    found = []
    for finding in document.findings:
        targets = symptoms_in(finding, hit)
        is_root = finding.root_cause.entity in named.entity_ids
        if targets or is_root:
            way = way_to(document, finding, targets)
            told = {finding.chain[0].symptom_id, *(edge.target for edge in way)}
            rest = tuple(symptom for symptom in targets if symptom.id not in told)
            found.append(Explained(finding, is_root, way, rest))
    return Explanation(
        named.names,
        tuple(found),
        tuple(symptom for symptom in hit if symptom.finding is None and symptom.severity in _SEVERE),
        tuple(change for change in document.changes if change.entity.id in named.entity_ids),
    )


def tell_explanation(document: Document, explanation: Explanation) -> Iterator[str]:
    """The explanation, line by line; recorded text in it is not yet escaped."""
    yield f"{', '.join(explanation.names[:3])}{' and others' if len(explanation.names) > 3 else ''}"
    for explained in explanation.findings:
        yield ""
        yield from _tell(document, explained)
    if explanation.unexplained:
        yield ""
        yield "Not explained by any finding:"
        yield from _list(explanation.unexplained)
    if not explanation.findings and not explanation.unexplained:
        yield "No symptom of it was found in this recording."
    if explanation.changes:
        yield ""
        yield "Changes:"
        yield from map(_tell_change, explanation.changes)


def explanation_to_json(document: Document, explanation: Explanation) -> dict[str, Any]:
    """The explanation for programs: times as RFC 3339, lags in ns, symptoms as in the document."""
    by_id = {symptom.id: symptom for symptom in document.symptoms}
    return {
        "objects": list(explanation.names),
        "findings": [
            {
                "finding": one.finding.rank,
                "title": one.finding.title,
                "pattern": one.finding.pattern,
                "confidence": one.finding.confidence,
                "is_root_cause": one.is_root,
                "root_cause": dataclasses.asdict(one.finding.root_cause),
                "steps": [
                    {
                        "symptom": dataclasses.asdict(by_id[edge.target]),
                        "rule": edge.rule,
                        "relation": edge.relation,
                        "lag_ns": edge.lag_ns,
                        "order_known": edge.order_known,
                        "confidence": edge.confidence,
                    }
                    for edge in one.way
                ],
                "related": [dataclasses.asdict(symptom) for symptom in one.rest],
            }
            for one in explanation.findings
        ],
        "unexplained": [dataclasses.asdict(symptom) for symptom in explanation.unexplained],
        "changes": [dataclasses.asdict(change) for change in explanation.changes],
    }


def _tell_change(change: Change) -> str:
    one = change.manager
    by = "" if one is None else f"  by {call_manager(one.name, one.operation, one.subresource)}"
    return f"  {_clock(change.time)}  {change.what}{by}{_proof(change.evidence)}"


def symptoms_in(finding: Finding, symptoms: Sequence[Symptom]) -> list[Symptom]:
    """Those of the symptoms that a finding speaks of: steps of its chain, and what else it explains."""
    on_chain = {step.symptom_id for step in finding.chain}
    return [
        symptom
        for symptom in symptoms
        if symptom.id in on_chain or (symptom.finding == finding.rank and symptom.nature == "symptom")
    ]


def way_to(document: Document, finding: Finding, targets: Sequence[Symptom]) -> tuple[Edge, ...]:
    """The edges from the root cause of a finding to an object, in causal order.

    Args:
        document: the finding's own.
        finding: begins with the root cause.
        targets: symptoms of the object, of those that `symptoms_in` gives.

    Returns:
        The finding's chain up to its last step about the object. If the object is not on the chain, the best path to
        the nearest of its severe symptoms. Empty if there is none, and if only the root cause is about the object.
    """
    by_ends = {(edge.source, edge.target): edge for edge in document.edges}
    steps = [step.symptom_id for step in finding.chain]
    wanted = {symptom.id for symptom in targets}
    told = [position for position, identifier in enumerate(steps) if identifier in wanted]
    if told:
        return tuple(by_ends[ends] for ends in itertools.pairwise(steps[: told[-1] + 1]))
    return _best_way(document, steps[0], wanted)


@dataclass(frozen=True, slots=True)
class _Link:
    """An edge of the document, its ends numbered by the place of the symptoms, which are in order of begin."""

    source: int
    target: int
    edge: Edge

    @property
    def confidence(self) -> float:
        return self.edge.confidence


def _best_way(document: Document, root: str, wanted: Collection[str]) -> tuple[Edge, ...]:
    numbers = {symptom.id: number for number, symptom in enumerate(document.symptoms)}
    links = [_Link(numbers[edge.source], numbers[edge.target], edge) for edge in document.edges]
    reach = find_best_paths(numbers[root], group_by_source(links))
    paths = {number: reach.path_to(number) for number in reach.last if document.symptoms[number].id in wanted}
    if not paths:
        return ()
    # The nearest severe symptom of the object is the most informative; others are listed after it.
    goal = min(
        paths, key=lambda number: (document.symptoms[number].severity not in _SEVERE, len(paths[number]), number)
    )
    return tuple(link.edge for link in paths[goal])


def _tell(document: Document, explained: Explained) -> Iterator[str]:
    finding = explained.finding
    root = finding.root_cause
    yield f"{answer(document, finding).title} (confidence {percent(finding.confidence)})."
    if explained.is_root:
        yield "This is the root cause:"
    yield f"  {_clock(root.time)}  {root.what}{_proof(finding.chain[0].evidence)}"
    who = say_who(document, finding.chain[0].symptom_id)
    if who is not None:
        yield f"      {who}"
    by_id = {symptom.id: symptom for symptom in document.symptoms}
    for edge in explained.way:
        symptom = by_id[edge.target]
        after = f"{format_duration(edge.lag_ns)} later" if edge.lag_ns >= 0 else "observed before its cause"
        yield f"  {_clock(symptom.begin)}  {symptom.what}{_proof(symptom.evidence)}"
        order = "" if edge.order_known else ", order uncertain"
        sure = f"confidence {percent(edge.confidence)}"
        yield f"      caused by rule {edge.rule} ({edge.relation}; {after}{order}; {sure})"
    if explained.rest:
        yield "  related symptoms:"
        yield from _list(explained.rest)


def _list(symptoms: Sequence[Symptom]) -> Iterator[str]:
    return (f"  {_clock(symptom.begin)}  {symptom.what}{_proof(symptom.evidence)}" for symptom in symptoms)


def _clock(time: str) -> str:
    """The time of day of an RFC 3339 time, to the millisecond."""
    return time[11:23]


def _proof(evidence: Sequence[str]) -> str:
    return f"  [{evidence[0]}]" if evidence else ""
