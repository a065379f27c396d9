"""Causality: which symptom follows from which, as joins along relations with an admissible lag (`kind: Cause`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import duckdb

from analyzer.knowledge.check import FactColumns, fill
from analyzer.knowledge.compile import CAUSES_OF_AN_EFFECT, EPISODES_OF_A_SIDE, edges_query, few_edges_query
from analyzer.knowledge.paths import SAME_NAMESPACE
from analyzer.knowledge.rules import CauseRule, Knowledge, Path, SymptomRule
from analyzer.model.engine import Engine
from analyzer.reasoning.causal_graph import CausalEdge, CausalGraph
from analyzer.reasoning.reachability import Reachability
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
    reachability = Reachability(engine, symptoms.items)
    best: dict[tuple[int, int], CausalEdge] = {}
    names = _Names(engine)
    links = [(cause, path) for cause in knowledge.causes for path in cause.paths if reachability.may_link(cause, path)]
    for (cause, path), (source, target, via, evidence) in _find_pairs(engine, links, rules, facts, reachability):
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


_Link = tuple[CauseRule, Path]
_Pair = tuple[int, int, list[str], list[str | None]]


def _find_pairs(
    engine: Engine,
    links: Sequence[_Link],
    rules: Mapping[str, SymptomRule],
    facts: FactColumns,
    reachability: Reachability,
) -> Iterator[tuple[_Link, _Pair]]:
    """What each link finds, in the order of the links: those with few symptoms by one query, the others by one each."""
    few = [link for link in links if _is_small(*reachability.count_ends(link[0]))]
    found: dict[int, list[_Pair]] = defaultdict(list)
    if few:
        try:
            for place, source, target, via, evidence in engine.rows(few_edges_query(few, rules, facts)):
                found[place].append((source, target, via, evidence))
        except _FAILED:
            for cause, path in few:
                _run(engine, cause, edges_query(cause, path, rules, facts, MAX_EDGES_PER_PATH))
            raise
    of_few = iter(range(len(few)))
    for cause, path in links:
        if _is_small(*reachability.count_ends(cause)):
            pairs = found[next(of_few)]
        else:
            pairs = _run(engine, cause, edges_query(cause, path, rules, facts, MAX_EDGES_PER_PATH))
        for pair in pairs:
            yield (cause, path), pair


def _is_small(causes: int, effects: int) -> bool:
    """Whether no limit of `edges_query` can be reached."""
    return causes <= min(CAUSES_OF_AN_EFFECT, EPISODES_OF_A_SIDE) and effects <= EPISODES_OF_A_SIDE


_FAILED = (duckdb.OutOfRangeException, duckdb.ConversionException, duckdb.InvalidInputException)
"""What an expression can do on recorded values although it passed the checks."""


def _run(engine: Engine, cause: CauseRule, sql: str) -> list[_Pair]:
    try:
        return engine.rows(sql)
    except _FAILED as problem:
        place = cause.only_if.where if cause.only_if is not None else cause.where
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
