"""The analyzer's way from a capture to the post-mortem document, one station after the other."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.document.assemble import Analysis, assemble_document
from analyzer.document.measures import MEASURED_FACTS, MeasureSearch
from analyzer.knowledge.compile_changes import change_macros
from analyzer.knowledge.rules import Knowledge
from analyzer.model.build import build_model
from analyzer.model.engine import Engine
from analyzer.model.engine_tables import declared_tables, fact_columns
from analyzer.model.entity_index import EntityIndex
from analyzer.model.losses import read_recorded
from analyzer.model.named_entities import FACTS_WITH_IDS
from analyzer.model.segment_reading import Window
from analyzer.reasoning.causality import link_symptoms
from analyzer.reasoning.findings import Context, describe_findings
from analyzer.reasoning.root_cause import rank_candidates
from analyzer.reasoning.symptoms import SymptomSearch, count_readers
from formats.capture.reading import Capture
from formats.postmortem.document import Document


def analyze_capture(
    capture: Capture, knowledge: Knowledge, *, window: Window = (None, None), threads: int | None = None
) -> Document:
    """The post-mortem of a capture. The same capture, knowledge and version give the same document.

    Args:
        capture: opened.
        knowledge: checked rules.
        window: what of the capture is looked at.
        threads: worker threads of the engine; None = by the size of the capture. The document does not
            depend on it.

    Raises:
        KnowledgeError: if an expression of the knowledge fails on what was recorded.
    """
    with Engine.for_events(capture.events) if threads is None else Engine(threads=threads) as engine:
        return analyze_in(engine, capture, knowledge, window)


def analyze_in(engine: Engine, capture: Capture, knowledge: Knowledge, window: Window = (None, None)) -> Document:
    """As `analyze_capture`, in a fresh engine of the caller, who can go on asking it afterwards."""
    readers = count_readers(knowledge)
    model = build_model(
        capture,
        engine,
        window,
        wanted=_tables_read(readers),
        change_macros=change_macros(knowledge.changes),
        often_read={fact for fact, rules in readers.items() if rules > 1},
    )
    search, measures = SymptomSearch(engine, knowledge, fact_columns()), MeasureSearch(engine)
    model.go_through([search.part_step, measures.part_step])
    symptoms = search.finish(model.fact_rows)
    recorded = read_recorded(engine, capture)
    graph = link_symptoms(engine, symptoms, knowledge, fact_columns(), clock_error_ns=recorded.clock_error_ns)
    candidates = rank_candidates(graph)
    entities = EntityIndex(engine)
    findings = describe_findings(candidates, Context(graph, knowledge.patterns, entities, recorded))
    return assemble_document(Analysis(engine, capture, symptoms, graph, findings, measures, entities))


def _tables_read(facts: Iterable[str]) -> set[str]:
    """Every table of the model, and of the facts those that a rule, a measure or a question about a name reads.

    Why not all facts: DuckDB takes some milliseconds to plan each of them, whether it is read or not.
    """
    tables = {name for name, table in declared_tables().items() if not table.is_fact}
    return {*tables, *facts, *MEASURED_FACTS, *FACTS_WITH_IDS}
