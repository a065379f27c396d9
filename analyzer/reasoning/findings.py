"""Findings: a ranked root cause with its chain, what supports it, what speaks against it, what is missing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from analyzer.knowledge.check import fill
from analyzer.knowledge.rules import Nature, PatternRule, Wanted
from analyzer.model.entity_index import EntityIndex, EntityRow
from analyzer.model.losses import Recorded
from analyzer.reasoning.causal_graph import CausalGraph, Edge
from analyzer.reasoning.chains import tell_chain
from analyzer.reasoning.impact import assess_impact
from analyzer.reasoning.patterns import Match, match_pattern
from analyzer.reasoning.root_cause import Candidate
from analyzer.reasoning.symptoms import Symptom, shorten
from formats.postmortem.document import ChainEdge, ChainStep, ConfidenceTerm, Finding, RootCause, Statement
from formats.rows.kube_redaction import DIGEST_PREFIX
from formats.times import format_time
from formats.units import format_duration

REFUTATION_FACTOR = 0.7
LOSS_FACTOR = 0.85
RIVAL_FACTOR = 0.8
NO_PATTERN_FACTOR = 0.85
BEGINS_BY_ITSELF_FACTOR = 0.85
COVERAGE_SHARE = 0.3
"""How much of the confidence depends on the share of severe symptoms that the finding explains."""

MAX_SUPPORTS = 12

_INNER_KINDS = frozenset({"Container", "Process"})
"""Entities inside of a pod: the pod is named as the root cause, unless a pattern says otherwise."""


def describe_findings(
    candidates: Iterable[Candidate],
    graph: CausalGraph,
    patterns: Sequence[PatternRule],
    entities: EntityIndex,
    recorded: Recorded,
) -> tuple[Finding, ...]:
    """The findings of a capture, in the order of the candidates."""
    entities.load(
        part for symptom in graph.symptoms.values() for part in (symptom.entity_id, symptom.pod_id, symptom.workload_id)
    )
    return tuple(
        _Description(candidate, graph, patterns, entities, recorded).finding(rank)
        for rank, candidate in enumerate(candidates, start=1)
    )


class _Description:
    """One finding in the making."""

    def __init__(
        self,
        candidate: Candidate,
        graph: CausalGraph,
        patterns: Sequence[PatternRule],
        entities: EntityIndex,
        recorded: Recorded,
    ) -> None:
        self._candidate = candidate
        self._graph = graph
        self._entities = entities
        self._recorded = recorded
        self._match: Match | None = match_pattern(candidate, graph, patterns)
        self._chain = tell_chain(candidate, graph, self._match.pattern.chain if self._match else ())
        self._steps = [candidate.root, *(graph.symptoms[edge.target] for edge in self._chain)]
        self._root_row = self._root_entity()
        self._window = (min(step.from_ns for step in self._steps), max(step.to_ns for step in self._steps))

    def finding(self, rank: int) -> Finding:
        """The whole of it."""
        pattern = self._match.pattern if self._match else None
        refuted_by = self._refutations()
        overlapping = self._overlapping_losses()
        terms = self._confidence_terms(len(refuted_by), len(overlapping))
        confidence = 1.0
        for term in terms:
            confidence *= term.value
        values = self._values()
        explained = self._explained() - {step.number for step in self._steps}
        return Finding(
            rank=rank,
            pattern=pattern.name if pattern else None,
            title=fill(pattern.title, values) if pattern else self._plain_title(),
            category=pattern.category if pattern else "unknown",
            confidence=round(confidence, 4),
            confidence_terms=tuple(terms),
            root_cause=self._root_cause(),
            chain=tuple(self._chain_steps()),
            also=tuple(f"s{number}" for number in sorted(explained)),
            supported_by=tuple(self._supports(pattern)),
            refuted_by=tuple(refuted_by),
            missing=(*self._missing(pattern), *overlapping),
            impact=assess_impact(self._candidate, self._graph),
            recommendations=tuple(fill(action, values) for action in pattern.actions) if pattern else (),
        )

    def _explained(self) -> set[int]:
        """Numbers of all that the candidate and its siblings explain."""
        reaches = (self._candidate.reach, *self._candidate.siblings)
        return {number for reach in reaches for number in reach.confidence}

    def _root_entity(self) -> EntityRow | None:
        root = self._candidate.root
        wanted = self._match.pattern.root_cause if self._match else None
        if wanted == "Pod" or (wanted is None and root.kind in _INNER_KINDS):
            return self._entities.get(root.pod_id) or self._entities.get(root.entity_id)
        if wanted is not None:
            workload = self._entities.get(root.workload_id)
            if workload is not None and workload.kind == wanted:
                return workload
        return self._entities.get(root.entity_id)

    def _root_cause(self) -> RootCause:
        root, row = self._candidate.root, self._root_row
        return RootCause(
            kind=row.kind if row else root.kind,
            namespace=row.namespace if row else root.namespace,
            name=row.name if row else root.name,
            uid=row.uid if row else None,
            node=row.node if row else root.node,
            entity=row.entity_id if row else root.entity_id,
            what=root.what,
            time=format_time(root.from_ns),
        )

    def _chain_steps(self) -> Iterable[ChainStep]:
        edges: list[Edge | None] = [None, *self._chain]
        for step, edge in zip(self._steps, edges, strict=True):
            row = self._entities.get(step.entity_id)
            assert row is not None, step.entity_id  # noqa: S101 - symptoms are joined with their entities
            yield ChainStep(
                time=format_time(step.from_ns),
                entity=row.reference,
                symptom=step.rule.name,
                symptom_id=f"s{step.number}",
                what=step.what,
                evidence=step.evidence,
                edge=None if edge is None else ChainEdge(edge.rule, edge.confidence, edge.lag_ns),
            )

    def _confidence_terms(self, refutations: int, losses: int) -> list[ConfidenceTerm]:
        candidate = self._candidate
        severe = [symptom for symptom in self._graph.symptoms.values() if symptom.is_severe]
        first = max(candidate.explains, key=lambda number: (candidate.reach.confidence[number], -number))
        path = candidate.reach.confidence[first]
        terms = [
            ConfidenceTerm(
                "path", round(path, 4), f"the best path from the root cause to “{self._graph.symptoms[first].what}”"
            )
        ]
        explained = self._explained()
        reached = sum(1 for symptom in severe if symptom.number in explained)
        coverage = 1 - COVERAGE_SHARE * (1 - reached / len(severe))
        terms.append(
            ConfidenceTerm("coverage", round(coverage, 4), f"it explains {reached} of {len(severe)} severe symptoms")
        )
        if self._match is None:
            terms.append(ConfidenceTerm("pattern", NO_PATTERN_FACTOR, "no pattern knows this failure"))
        if candidate.root.rule.nature is not Nature.CHANGE:
            terms.append(
                ConfidenceTerm("origin", BEGINS_BY_ITSELF_FACTOR, "no change was found that could have made it")
            )
        if candidate.rivals:
            rival = self._graph.symptoms[candidate.rivals[0]]
            terms.append(ConfidenceTerm("rival", RIVAL_FACTOR, f"“{rival.what}” would explain nearly as much"))
        if refutations:
            terms.append(
                ConfidenceTerm(
                    "refutation", round(REFUTATION_FACTOR**refutations, 4), f"{refutations} found against it"
                )
            )
        if losses:
            terms.append(ConfidenceTerm("loss", LOSS_FACTOR, "events are missing from the decisive time"))
        return terms

    def _supports(self, pattern: PatternRule | None) -> Iterable[Statement]:
        if pattern is not None:
            yield Statement(what=pattern.meaning, evidence=())
        for edge in self._chain[:MAX_SUPPORTS]:
            target = self._graph.symptoms[edge.target]
            lag = f"{format_duration(edge.lag_ns)} later" if edge.lag_ns >= 0 else "seen a little before its cause"
            yield Statement(
                what=f"{edge.says} ({lag}; {edge.relation})",
                evidence=tuple(dict.fromkeys((*edge.evidence, *target.evidence[:1]))),
            )

    def _refutations(self) -> list[Statement]:
        if self._match is None:
            return []
        concerned = {
            part for step in self._steps for part in (step.entity_id, step.pod_id, step.workload_id, step.node) if part
        }
        found = []
        for wanted in self._match.pattern.refuted_by:
            for symptom in self._graph.symptoms.values():
                if (
                    symptom.rule.name == wanted.symptom
                    and symptom.number != self._candidate.root.number
                    and self._concerns(symptom, concerned)
                    and symptom.from_ns <= self._window[1]
                ):
                    found.append(Statement(what=f"{wanted.says}: {symptom.what}", evidence=symptom.evidence[:1]))
                    break
        return found

    @staticmethod
    def _concerns(symptom: Symptom, concerned: set[str]) -> bool:
        return bool(concerned.intersection((symptom.entity_id, symptom.pod_id or "", symptom.name)))

    def _missing(self, pattern: PatternRule | None) -> Iterable[Statement]:
        names = {symptom.rule.name for symptom in self._graph.symptoms.values()}
        for wanted in pattern.needs if pattern else ():
            if not self._is_there(wanted, names):
                yield Statement(what=wanted.says, evidence=())

    def _is_there(self, wanted: Wanted, names: Collection[str]) -> bool:
        if wanted.table is not None:
            return self._recorded.rows.get(wanted.table, 0) > 0
        return wanted.symptom in names

    def _overlapping_losses(self) -> list[Statement]:
        """Losses in the decisive time, of tables that the chain rests on: what is not there cannot speak against it."""
        tables = {identifier.split(":", 1)[0] for step in self._steps for identifier in step.evidence}
        begin, end = self._window
        return [
            Statement(what=loss.what, evidence=())
            for loss in self._recorded.losses
            if loss.table in tables and loss.from_ns <= end and loss.to_ns >= begin
        ]

    def _values(self) -> dict[str, str]:
        root = self._candidate.root
        effect = next((step for step in self._steps[1:] if step.is_severe), root)
        workload = self._entities.get(effect.workload_id) or self._entities.get(root.workload_id)
        named, own = self._root_row, self._entities.get(root.workload_id)
        return {
            **{column: _readable(column, value) for column, value in root.details.items()},
            "root": f"{root.kind} {root.name}",
            "root_kind": named.kind if named else root.kind,
            "root_name": named.name if named else root.name,
            "namespace": (named.namespace if named else root.namespace) or "default",
            "effect": f"{effect.kind} {effect.name}",
            "effect_name": effect.name,
            "workload": workload.name if workload else effect.name,
            "workload_kind": workload.kind if workload else effect.kind,
            "root_workload": own.name if own else root.name,
            "root_workload_kind": own.kind if own else root.kind,
            "node": root.node or "the node",
        }

    def _plain_title(self) -> str:
        return self._candidate.root.what


def _readable(column: str, value: str) -> str:
    """A recorded value for a recommendation; of a ConfigMap's or Secret's often only the digest was recorded."""
    if value.startswith(DIGEST_PREFIX):
        return "its old value" if column == "old_value" else "its new value"
    return shorten(value)
