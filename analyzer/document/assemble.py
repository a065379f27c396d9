"""The post-mortem document, put together from what the stations found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from analyzer.document.evidence import resolve_evidence
from analyzer.document.measures import MeasureSearch
from analyzer.knowledge.rules import Nature
from analyzer.model.engine import Engine
from analyzer.model.entity_index import EntityIndex
from analyzer.reasoning.causal_graph import CausalGraph
from analyzer.reasoning.symptoms import Symptom as FoundSymptom
from analyzer.reasoning.symptoms import Symptoms
from formats.capture.reading import Capture
from formats.loss import LOSS_ADVICE, LossReason
from formats.postmortem.document import (
    DOCUMENT_VERSION,
    CaptureSummary,
    Change,
    Document,
    Edge,
    Entity,
    Finding,
    LossRow,
    Relation,
    Symptom,
)
from formats.times import format_time

MAX_SYMPTOMS_SHOWN = 2_000
"""Symptoms of one document: first those of findings, then the severe, then the others, each in order of begin."""

MAX_CHANGES_SHOWN = 1_000
MAX_LOSSES_SHOWN = 1_000
MAX_RELATIONS_SHOWN = 5_000

EVIDENCE_OF_BYSTANDERS = 2
"""Event ids kept of a symptom that no finding explains."""


def assemble_document(
    engine: Engine,
    capture: Capture,
    *,
    symptoms: Symptoms,
    graph: CausalGraph,
    findings: Sequence[Finding],
    measures: MeasureSearch,
    entities: EntityIndex,
) -> Document:
    """The whole document. Everything that it names is in it: entities, evidence, symptoms of every edge."""
    ranks = _ranks(findings)
    shown = _choose_symptoms(symptoms.items, ranks)
    shown_numbers = {symptom.number for symptom in shown}
    edges = tuple(
        Edge(
            source=f"s{edge.source}",
            target=f"s{edge.target}",
            rule=edge.rule,
            relation=edge.relation,
            lag_ns=edge.lag_ns,
            confidence=edge.confidence,
            how=edge.how,
            order_known=edge.order_known,
            evidence=edge.evidence,
        )
        for edge in graph.edges
        if edge.source in shown_numbers and edge.target in shown_numbers
    )
    changes = _changes(engine, shown, entities)
    entity_ids = {
        part for symptom in shown for part in (symptom.entity_id, symptom.pod_id, symptom.workload_id) if part
    }
    entity_ids |= {change.entity.id for change in changes}
    for finding in findings:
        entity_ids |= {
            finding.root_cause.entity,
            *finding.impact.services,
            *finding.impact.workloads,
            *finding.impact.pods,
        }
    relations = _relations(engine, entity_ids)
    entities.load(entity_ids)
    described = tuple(_symptom(symptom, ranks, entities) for symptom in shown)
    evidence = resolve_evidence(engine, capture, _all_evidence(findings, described, edges, changes, relations))
    hit = {symptom.entity_id for symptom in shown if symptom.number in ranks}
    return Document(
        version=DOCUMENT_VERSION,
        capture=_summary(engine, capture, symptoms, graph, len(shown)),
        findings=tuple(findings),
        predictions=(),
        changes=changes,
        symptoms=described,
        edges=edges,
        entities={
            row.entity_id: Entity(
                row.entity_id,
                row.kind,
                row.namespace,
                row.name,
                row.uid,
                row.node,
                format_time(row.from_ns),
                format_time(row.to_ns),
            )
            for row in (entities.get(entity_id) for entity_id in sorted(entity_ids))
            if row is not None
        },
        relations=relations,
        evidence=evidence,
        measures=measures.finish(hit, entities),
    )


def _ranks(findings: Iterable[Finding]) -> dict[int, int]:
    ranks: dict[int, int] = {}
    for finding in findings:
        for identifier in (*(step.symptom_id for step in finding.chain), *finding.also):
            ranks.setdefault(int(identifier[1:]), finding.rank)
    return ranks


def _choose_symptoms(symptoms: Sequence[FoundSymptom], ranks: Mapping[int, int]) -> list[FoundSymptom]:
    by_interest = sorted(
        symptoms, key=lambda symptom: (symptom.number not in ranks, not symptom.is_severe, symptom.number)
    )
    return sorted(by_interest[:MAX_SYMPTOMS_SHOWN], key=lambda symptom: symptom.number)


def _symptom(symptom: FoundSymptom, ranks: Mapping[int, int], entities: EntityIndex) -> Symptom:
    row = entities.get(symptom.entity_id)
    assert row is not None, symptom.entity_id  # noqa: S101 - symptoms are joined with their entities
    rank = ranks.get(symptom.number)
    evidence = symptom.evidence
    if rank is None and len(evidence) > EVIDENCE_OF_BYSTANDERS:
        evidence = (evidence[0], evidence[-1])
    return Symptom(
        id=f"s{symptom.number}",
        name=symptom.rule.name,
        nature=symptom.rule.nature.value,
        severity=symptom.rule.severity.value,
        entity=row.reference,
        begin=format_time(symptom.from_ns),
        end=format_time(symptom.to_ns),
        count=symptom.count,
        magnitude=symptom.magnitude,
        unit=symptom.rule.unit,
        what=symptom.what,
        evidence=evidence,
        finding=rank,
    )


def _changes(engine: Engine, shown: Sequence[FoundSymptom], entities: EntityIndex) -> tuple[Change, ...]:
    stands_for = {
        (symptom.entity_id, evidence): f"s{symptom.number}"
        for symptom in reversed(shown)
        if symptom.rule.nature is not Nature.SYMPTOM
        for evidence in symptom.evidence
    }
    rows = engine.rows(
        """
        SELECT change_id, at_ns, entity_id, category, what, path, old_value, new_value, evidence
        FROM change WHERE actor = 'user' ORDER BY at_ns, evidence, path, change_id LIMIT ?
        """,
        [MAX_CHANGES_SHOWN],
    )
    entities.load(row[2] for row in rows)
    changes = []
    for identifier, at_ns, entity_id, category, what, path, old, new, evidence in rows:
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
    for symptom in symptoms:
        yield from symptom.evidence
    for edge in edges:
        yield from edge.evidence
    for relation in relations:
        yield from relation.evidence
    for change in changes:
        yield from change.evidence


def _summary(
    engine: Engine, capture: Capture, symptoms: Symptoms, graph: CausalGraph, symptoms_shown: int
) -> CaptureSummary:
    begin, end = engine.rows("SELECT from_ns, to_ns FROM capture_window")[0]
    return CaptureSummary(
        id=capture.id,
        nodes=capture.nodes,
        begin=format_time(begin),
        end=format_time(end),
        events=capture.events,
        tables=dict(sorted(capture.tables.items())),
        loss=(
            *_losses(engine),
            *_limits(symptoms.left_out, len(symptoms.items) - symptoms_shown, graph.left_out, (begin, end)),
        ),
        clock_error_ns=engine.value("SELECT max(error_ns) FROM clock_error"),
        frozen_because=capture.info.frozen_because,
    )


def _losses(engine: Engine) -> Iterator[LossRow]:
    rows = engine.rows(
        """
        SELECT table_name, reason, count, node, from_ns, to_ns, coalesce(detail, '') AS detail
        FROM missing ORDER BY from_ns, table_name, reason, node, to_ns, detail LIMIT ?
        """,
        [MAX_LOSSES_SHOWN],
    )
    for table, reason, count, node, begin, end, detail in rows:
        yield LossRow(
            table=table,
            reason=reason,
            count=count,
            node=node,
            begin=format_time(begin),
            end=format_time(end),
            detail=detail,
            advice=LOSS_ADVICE[LossReason(reason)] if reason in set(LossReason) else "",
        )


def _limits(
    symptoms_left_out: int, symptoms_not_shown: int, edges_left_out: int, window: tuple[int, int]
) -> Iterator[LossRow]:
    """What the analyzer itself left out, said as the losses of the recorder are."""
    for what, count in (
        ("symptom", symptoms_left_out + symptoms_not_shown),
        ("edge", edges_left_out),
    ):
        if count:
            yield LossRow(
                table=what,
                reason="analysis_limit",
                count=count,
                node="",
                begin=format_time(window[0]),
                end=format_time(window[1]),
                detail=f"{count:,} of the least severe or least certain were left out",
                advice="narrow the window with --from and --to",
            )
