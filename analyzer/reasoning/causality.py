"""Causality: which symptom follows from which, as joins along relations with an admissible lag (`kind: Cause`)."""

from __future__ import annotations

import duckdb

from analyzer.knowledge.check import FactColumns, fill
from analyzer.knowledge.compile import edges_query
from analyzer.knowledge.paths import SAME_NAMESPACE
from analyzer.knowledge.rules import CauseRule, Knowledge, Path
from analyzer.model.engine import Engine
from analyzer.reasoning.causal_graph import CausalEdge, CausalGraph
from analyzer.reasoning.symptoms import FoundSymptom, Symptoms
from formats.errors import KnowledgeError
from formats.units import format_duration

MAX_EDGES_PER_PATH = 20_000
"""Edges of one cause along one path. Why: as with symptoms, a hostile capture must not fill the memory."""

MAX_EDGES = 100_000
"""Edges of one graph, the most confident kept."""

LATE_SHARE = 0.3
"""How much of its confidence an edge loses when the effect begins at the very end of the admissible lag."""

EARLY_FACTOR = 0.95
"""For an effect that was seen before its cause, where the rule admits that: a probe sees later than a caller."""

UNKNOWN_ORDER_FACTOR = 0.9
"""For two moments of two nodes that are closer than their clocks agree."""


def link_symptoms(
    engine: Engine, symptoms: Symptoms, knowledge: Knowledge, facts: FactColumns, *, clock_error_ns: int
) -> CausalGraph:
    """Finds every admissible edge between the symptoms in the table `symptom`.

    Args:
        engine: its database holds `symptom`, `relation` and `entity`.
        symptoms: those of the table.
        knowledge: the causes.
        facts: DuckDB type by column by fact.
        clock_error_ns: how far the clocks of two nodes may disagree.

    Raises:
        KnowledgeError: if a condition fails on what was recorded, with its place.
    """
    by_number = {symptom.number: symptom for symptom in symptoms.items}
    rules = {rule.name: rule for rule in knowledge.symptoms}
    present = {symptom.rule.name for symptom in symptoms.items}
    best: dict[tuple[int, int], CausalEdge] = {}
    names = _Names(engine)
    for cause in knowledge.causes:
        if present.isdisjoint(cause.causes) or present.isdisjoint(cause.effects):
            continue
        for path in cause.paths:
            rows = _run(engine, cause, edges_query(cause, path, rules, facts, MAX_EDGES_PER_PATH))
            for source, target, via, evidence in rows:
                edge = _weigh(
                    cause,
                    path,
                    by_number[source],
                    by_number[target],
                    via=names.of(via),
                    evidence=evidence,
                    clock_error_ns=clock_error_ns,
                )
                kept = best.get((source, target))
                if kept is None or (edge.confidence, kept.rule) > (kept.confidence, edge.rule):
                    best[source, target] = edge
    ordered = sorted(best.values(), key=lambda edge: (-edge.confidence, edge.source, edge.target))
    return CausalGraph(
        symptoms=by_number,
        edges=tuple(sorted(ordered[:MAX_EDGES], key=lambda edge: (edge.source, edge.target))),
        left_out=max(len(ordered) - MAX_EDGES, 0),
    )


class _Names:
    """Names of the entities between two ends, asked for once each."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, str] = {}

    def of(self, entity_ids: list[str]) -> tuple[str, ...]:
        for entity_id in entity_ids:
            if entity_id not in self._known:
                rows = self._engine.rows(
                    "SELECT kind || ' ' || name FROM entity WHERE entity_id = ? LIMIT 1", [entity_id]
                )
                self._known[entity_id] = rows[0][0] if rows else entity_id
        return tuple(self._known[entity_id] for entity_id in entity_ids)


def _run(engine: Engine, cause: CauseRule, sql: str) -> list[tuple[int, int, list[str], list[str | None]]]:
    try:
        return engine.rows(sql)
    except (duckdb.OutOfRangeException, duckdb.ConversionException, duckdb.InvalidInputException) as problem:
        place = cause.condition.where if cause.condition is not None else cause.where
        raise KnowledgeError(
            f"cause `{cause.name}` fails on this capture: {str(problem).splitlines()[0]}",
            where=place,
            next_step="make the expression handle null and unexpected values",
        ) from None


def _weigh(
    rule: CauseRule,
    path: Path,
    cause: FoundSymptom,
    effect: FoundSymptom,
    *,
    via: tuple[str, ...],
    evidence: list[str | None],
    clock_error_ns: int,
) -> CausalEdge:
    lag = effect.from_ns - cause.from_ns
    confidence = rule.confidence
    terms = [f"{rule.confidence:.2f} from the rule"]
    most = rule.lag_ns[1]
    wait = max(effect.from_ns - cause.to_ns, 0)
    if most > 0 and wait > 0:
        factor = 1 - LATE_SHARE * wait / most
        confidence *= factor
        terms.append(f"{factor:.2f} because it began {format_duration(wait)} later, of {format_duration(most)} allowed")
    order_known = cause.recorded_on == effect.recorded_on or abs(lag) > clock_error_ns
    if not order_known:
        confidence *= UNKNOWN_ORDER_FACTOR
        terms.append(f"{UNKNOWN_ORDER_FACTOR} because the clocks cannot tell which came first")
    elif lag < 0:
        confidence *= EARLY_FACTOR
        terms.append(f"{EARLY_FACTOR} because it was observed {format_duration(-lag)} before its cause")
    values = {
        "cause": f"{cause.kind} {cause.name}",
        "effect": f"{effect.kind} {effect.name}",
        "cause_name": cause.name,
        "effect_name": effect.name,
        "lag": format_duration(lag),
    }
    return CausalEdge(
        source=cause.number,
        target=effect.number,
        rule=rule.name,
        relation=_relation_in_words(path, cause, effect, via),
        lag_ns=lag,
        confidence=round(confidence, 4),
        how=" × ".join(terms),
        order_known=order_known,
        says=fill(rule.says, values),
        evidence=tuple(dict.fromkeys(item for item in evidence if item)),
    )


def _relation_in_words(path: Path, cause: FoundSymptom, effect: FoundSymptom, via: tuple[str, ...]) -> str:
    if path.text == SAME_NAMESPACE:
        return f"the same namespace {cause.namespace}"
    if not path.steps:
        return f"the same {cause.kind}"
    words = [f"{cause.kind} {cause.name}"]
    for step, name in zip(path.steps, (*via, f"{effect.kind} {effect.name}"), strict=True):
        words.append(f"-{step.relation}->" if step.forward else f"<-{step.relation}-")
        words.append(name)
    return " ".join(words)
