"""The analyzer's way from a capture to the post-mortem document, one station after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from analyzer.document.assemble import Analysis, assemble_document
from analyzer.document.measures import MEASURED_FACTS, MeasureSearch
from analyzer.knowledge.compile_changes import change_macros
from analyzer.knowledge.rules import Knowledge
from analyzer.model.build import build_model
from analyzer.model.engine import Engine
from analyzer.model.engine_tables import declared_tables, fact_columns
from analyzer.model.entity_index import EntityIndex
from analyzer.model.losses import Recorded, read_recorded
from analyzer.model.named_entities import FACTS_WITH_IDS, Names, read_names
from analyzer.model.segment_reading import Window
from analyzer.prediction.predict import describe_predictions, judge_predictions, prediction_facts
from analyzer.reasoning.causal_graph import CausalGraph
from analyzer.reasoning.causality import link_symptoms
from analyzer.reasoning.comparison import ComparisonSearch
from analyzer.reasoning.edits import tell_edits
from analyzer.reasoning.findings import Context, describe_findings
from analyzer.reasoning.root_cause import Candidate, rank_candidates
from analyzer.reasoning.symptoms import Symptoms, SymptomSearch, count_readers
from analyzer.reasoning.verdict_order import order_by_verdicts
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


def analyze_with_names(
    capture: Capture, knowledge: Knowledge, *, window: Window = (None, None)
) -> tuple[Document, Names]:
    """As `analyze_capture`, with everything that a question about the capture can name."""
    with Engine.for_events(capture.events) as engine:
        return analyze_in(engine, capture, knowledge, window), read_names(engine)


def analyze_in(engine: Engine, capture: Capture, knowledge: Knowledge, window: Window = (None, None)) -> Document:
    """As `analyze_capture`, in a fresh engine of the caller, who can go on asking it afterwards."""
    causes = find_causes(engine, capture, knowledge, window)
    entities = EntityIndex(engine)
    context = Context(
        causes.graph,
        knowledge.patterns,
        entities,
        causes.recorded,
        ComparisonSearch(engine, causes.graph),
        causes.measures.count_requests,
    )
    findings = describe_findings(causes.candidates, context)
    judged, _events = judge_predictions(engine, knowledge, entities, causes.fact_rows)
    return assemble_document(
        Analysis(
            engine,
            capture,
            causes.symptoms,
            causes.graph,
            findings,
            describe_predictions(judged, knowledge),
            causes.measures,
            entities,
            window,
        )
    )


@dataclass(frozen=True, slots=True)
class Causes:
    """What is known of a capture before its findings are described.

    Attributes:
        candidates: the ranked root causes; finding N is the Nth.
        recorded: what of the recording there is and what is missing.
        fact_rows: how many rows facts have, where that is known.
    """

    symptoms: Symptoms
    graph: CausalGraph
    candidates: tuple[Candidate, ...]
    recorded: Recorded
    measures: MeasureSearch
    fact_rows: Mapping[str, int]


def find_causes(engine: Engine, capture: Capture, knowledge: Knowledge, window: Window = (None, None)) -> Causes:
    """The symptoms of a capture, the links between them and the ranked root causes, in a fresh engine."""
    readers = count_readers(knowledge)
    model = build_model(
        capture,
        engine,
        window,
        wanted=_tables_read({*readers, *prediction_facts(knowledge)}),
        change_macros=change_macros(knowledge.changes),
        often_read={fact for fact, rules in readers.items() if rules > 1} | {trend.fact for trend in knowledge.trends},
    )
    search, measures = SymptomSearch(engine, knowledge, fact_columns()), MeasureSearch(engine)
    model.go_through([search.part_step, measures.part_step])
    symptoms = search.finish(model.fact_rows)
    recorded = read_recorded(engine, capture)
    graph = link_symptoms(engine, symptoms, knowledge, fact_columns(), clocks=recorded.clocks)
    symptoms = replace(symptoms, items=tuple(graph.symptoms.values()))
    symptoms, graph = tell_edits(engine, symptoms, graph)
    candidates = order_by_verdicts(rank_candidates(graph), graph, knowledge.patterns)
    return Causes(symptoms, graph, candidates, recorded, measures, model.fact_rows)


def _tables_read(facts: Iterable[str]) -> set[str]:
    """Every table of the model, and of the facts those that a rule, a measure or a question about a name reads.

    Why not all facts: DuckDB takes some milliseconds to plan each of them, whether it is read or not.
    """
    tables = {name for name, table in declared_tables().items() if not table.is_fact}
    return {*tables, *facts, *MEASURED_FACTS, *FACTS_WITH_IDS}
