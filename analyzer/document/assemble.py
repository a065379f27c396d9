"""The post-mortem document, put together from what the stations found."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from analyzer.document.calls import list_calls
from analyzer.document.capture_summary import summarize_capture
from analyzer.document.evidence import resolve_evidence
from analyzer.document.last_writes import field_manager, tell_last_writes
from analyzer.document.measures import MeasureSearch
from analyzer.document.serving import tell_endpoints
from analyzer.knowledge.rules import Nature
from analyzer.model.engine import Engine
from analyzer.model.entity_index import EntityIndex
from analyzer.model.segment_reading import Window
from analyzer.reasoning.causal_graph import CausalGraph
from analyzer.reasoning.symptoms import FoundSymptom, Symptoms
from formats.capture.reading import Capture
from formats.postmortem.document import DOCUMENT_VERSION, Document
from formats.postmortem.findings import Finding, Prediction
from formats.postmortem.graph import Change, Edge, Symptom
from formats.postmortem.recording import Entity, Relation
from formats.times import format_time

MAX_SYMPTOMS_SHOWN = 2_000
"""Symptoms of one document: first those of findings, then the severe, then the others, each in order of begin."""

MAX_CHANGES_SHOWN = 1_000
MAX_RELATIONS_SHOWN = 5_000

EVIDENCE_OF_BYSTANDERS = 2
"""Event ids kept of a symptom that no finding explains."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the stations found in one capture.

    Attributes:
        engine: of the model; its tables are read.
        capture: opened, for the evidence that is not in the engine.
        entities: of the same engine.
        window: what of the capture was looked at.
    """

    engine: Engine
    capture: Capture
    symptoms: Symptoms
    graph: CausalGraph
    findings: tuple[Finding, ...]
    predictions: tuple[Prediction, ...]
    measures: MeasureSearch
    entities: EntityIndex
    window: Window = (None, None)


def assemble_document(analysis: Analysis) -> Document:
    """The whole document. Everything that it names is in it: entities, evidence, symptoms of every edge."""
    engine, entities = analysis.engine, analysis.entities
    findings = tuple(tell_endpoints(engine, finding) for finding in analysis.findings)
    ranks = _ranks(findings)
    shown = _choose_symptoms(analysis.symptoms.items, ranks)
    changes = _changes(engine, shown, entities)
    changed = {symptom.id for symptom in shown if symptom.rule.nature is Nature.CHANGE}
    findings = tell_last_writes(engine, findings, entities, changed)
    entity_ids = _named_entities(shown, changes, findings)
    entity_ids |= {prediction.entity.id for prediction in analysis.predictions}
    entities.load(entity_ids)
    symptoms = tuple(_symptom(symptom, ranks, entities) for symptom in shown)
    edges = tuple(_edges(analysis.graph, {symptom.number for symptom in shown}))
    relations = _relations(engine, entity_ids)
    foretold = (row for prediction in analysis.predictions for row in prediction.evidence)
    calls = list_calls(engine, entities)
    called = (row for call in calls for row in call.evidence)
    evidence = (*_all_evidence(findings, symptoms, edges, changes, relations), *foretold, *called)
    hit = {symptom.entity_id for symptom in shown if symptom.id in ranks}
    not_shown = len(analysis.symptoms.items) - len(shown)
    return Document(
        version=DOCUMENT_VERSION,
        capture=summarize_capture(
            engine,
            analysis.capture,
            analysis.window,
            symptoms_left_out=analysis.symptoms.left_out + not_shown,
            edges_left_out=analysis.graph.left_out,
        ),
        findings=findings,
        predictions=analysis.predictions,
        changes=changes,
        symptoms=symptoms,
        edges=edges,
        entities=_entities(entity_ids, entities),
        relations=relations,
        evidence=resolve_evidence(engine, analysis.capture, evidence),
        measures=analysis.measures.finish(hit, entities),
        calls=calls,
    )


def _named_entities(shown: Iterable[FoundSymptom], changes: Iterable[Change], findings: Iterable[Finding]) -> set[str]:
    """Ids of all entities that the document names."""
    named = {part for symptom in shown for part in (symptom.entity_id, symptom.pod_id, symptom.workload_id) if part}
    named |= {change.entity.id for change in changes}
    for finding in findings:
        impact = finding.impact
        named |= {finding.root_cause.entity, *impact.services, *impact.workloads, *impact.pods, *impact.serving}
    return named


def _entities(entity_ids: Iterable[str], entities: EntityIndex) -> dict[str, Entity]:
    rows = (entities.get(entity_id) for entity_id in sorted(entity_ids))
    return {
        row.entity_id: Entity(
            id=row.entity_id,
            kind=row.kind,
            namespace=row.namespace,
            name=row.name,
            uid=row.uid,
            node=row.node,
            first_seen=format_time(row.from_ns),
            last_seen=format_time(row.to_ns),
        )
        for row in rows
        if row is not None
    }


def _edges(graph: CausalGraph, shown: Collection[int]) -> Iterator[Edge]:
    for edge in graph.edges:
        if edge.source in shown and edge.target in shown:
            yield Edge(
                source=graph.symptoms[edge.source].id,
                target=graph.symptoms[edge.target].id,
                rule=edge.rule,
                relation=edge.relation,
                lag_ns=edge.lag_ns,
                confidence=edge.confidence,
                how=edge.how,
                order_known=edge.order_known,
                evidence=edge.evidence,
            )


def _ranks(findings: Iterable[Finding]) -> dict[str, int]:
    """The first finding that speaks of a symptom, by the symptom's id."""
    ranks: dict[str, int] = {}
    for finding in findings:
        for identifier in (*(step.symptom_id for step in finding.chain), *finding.also):
            ranks.setdefault(identifier, finding.rank)
    return ranks


def _choose_symptoms(symptoms: Sequence[FoundSymptom], ranks: Mapping[str, int]) -> list[FoundSymptom]:
    by_interest = sorted(symptoms, key=lambda symptom: (symptom.id not in ranks, not symptom.is_severe, symptom.number))
    return sorted(by_interest[:MAX_SYMPTOMS_SHOWN], key=lambda symptom: symptom.number)


def _symptom(symptom: FoundSymptom, ranks: Mapping[str, int], entities: EntityIndex) -> Symptom:
    rank = ranks.get(symptom.id)
    evidence = symptom.evidence
    if rank is None and len(evidence) > EVIDENCE_OF_BYSTANDERS:
        evidence = (evidence[0], evidence[-1])
    return Symptom(
        id=symptom.id,
        name=symptom.rule.name,
        nature=symptom.rule.nature.value,
        severity=symptom.rule.severity.value,
        entity=entities.row(symptom.entity_id).reference,
        begin=format_time(symptom.from_ns),
        end=format_time(symptom.to_ns),
        count=symptom.count,
        magnitude=symptom.magnitude,
        unit=symptom.rule.unit,
        what=symptom.what,
        evidence=evidence,
        finding=rank,
        is_ongoing=symptom.is_ongoing,
    )


def _changes(engine: Engine, shown: Sequence[FoundSymptom], entities: EntityIndex) -> tuple[Change, ...]:
    stands_for = {
        (symptom.entity_id, evidence): symptom.id
        for symptom in reversed(shown)
        if symptom.rule.nature is not Nature.SYMPTOM
        for evidence in symptom.evidence
    }
    rows = engine.rows(
        """
        SELECT change_id, at_ns, entity_id, category, what, path, old_value, new_value, evidence,
            manager, manager_operation, manager_subresource, manager_ns
        FROM change WHERE actor = 'user' ORDER BY at_ns, evidence, path, change_id LIMIT ?
        """,
        [MAX_CHANGES_SHOWN],
    )
    entities.load(row[2] for row in rows)
    changes = []
    for identifier, at_ns, entity_id, category, what, path, old, new, evidence, *manager in rows:
        entity = entities.get(entity_id)
        if entity is not None:
            changes.append(
                Change(
                    id=identifier,
                    time=format_time(at_ns),
                    entity=entity.reference,
                    kind=category,
                    what=what,
                    path=path,
                    old=old,
                    new=new,
                    evidence=(evidence,),
                    symptom=stands_for.get((entity_id, evidence)),
                    manager=field_manager(*manager),
                )
            )
    return tuple(changes)


def _relations(engine: Engine, entity_ids: set[str]) -> tuple[Relation, ...]:
    rows = engine.rows(
        """
        WITH shown AS (SELECT unnest(?::VARCHAR[]) AS entity_id)
        SELECT relation, source_id, target_id, min(from_ns), max(to_ns), min(evidence)
        FROM relation
        WHERE source_id IN (SELECT entity_id FROM shown) AND target_id IN (SELECT entity_id FROM shown)
        GROUP BY relation, source_id, target_id
        ORDER BY relation, source_id, target_id LIMIT ?
        """,
        [sorted(entity_ids), MAX_RELATIONS_SHOWN],
    )
    return tuple(
        Relation(
            kind=relation,
            source=source,
            target=target,
            first_seen=format_time(begin),
            last_seen=format_time(end),
            evidence=(evidence,) if evidence else (),
        )
        for relation, source, target, begin, end, evidence in rows
    )


def _all_evidence(
    findings: Iterable[Finding],
    symptoms: Iterable[Symptom],
    edges: Iterable[Edge],
    changes: Iterable[Change],
    relations: Iterable[Relation],
) -> Iterator[str]:
    for finding in findings:
        for step in finding.chain:
            yield from step.evidence
        for statement in (*finding.supported_by, *finding.refuted_by, *finding.missing):
            yield from statement.evidence
        for comparison in finding.contrast:
            yield from comparison.evidence
    for symptom in symptoms:
        yield from symptom.evidence
    for edge in edges:
        yield from edge.evidence
    for relation in relations:
        yield from relation.evidence
    for change in changes:
        yield from change.evidence
