"""Causality: which symptom follows from which, as joins along relations with an admissible lag (`kind: Cause`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import duckdb

from analyzer.guard.activity import working_on
from analyzer.knowledge.check import FactColumns, fill
from analyzer.knowledge.compile import condition_query, edges_query
from analyzer.knowledge.files import is_shipped
from analyzer.knowledge.paths import SAME_NAMESPACE
from analyzer.knowledge.rules import CauseRule, Knowledge, Path, SymptomRule
from analyzer.model.engine import Engine
from analyzer.model.entity_index import EntityIndex
from analyzer.model.losses import ClockErrors
from analyzer.reasoning.causal_graph import EARLY_FACTOR, MIN_EDGE_CONFIDENCE, CausalEdge, CausalGraph
from analyzer.reasoning.contrast import Contrast
from analyzer.reasoning.relation_paths import Pair, RelationPaths
from analyzer.reasoning.splitting import MAX_ROUNDS, CausePath, find_cuts, pairs_of_parts, split_episodes
from analyzer.reasoning.symptoms import FoundSymptom, Symptoms
from formats.errors import KnowledgeError
from formats.units import format_duration

MAX_EDGES_PER_PATH = 20_000
"""Edges of one cause along one path. Why: as with symptoms, a hostile capture must not fill the memory."""

MAX_EDGES = 100_000
"""Edges of one graph, the most confident kept."""

LATE_SHARE = 0.3
"""How much of its confidence an edge loses when the effect begins at the very end of the admissible lag."""

UNKNOWN_ORDER_FACTOR = 0.9
"""For two moments of two nodes that are closer than their clocks agree."""


def link_symptoms(
    engine: Engine, symptoms: Symptoms, knowledge: Knowledge, facts: FactColumns, *, clocks: ClockErrors
) -> CausalGraph:
    """Finds every admissible edge between the symptoms in the table `symptom`.

    Args:
        engine: its database holds `symptom`, `relation` and `entity`.
        symptoms: those of the table.
        knowledge: the causes.
        facts: DuckDB type by column by fact.
        clocks: how far the times of two nodes may be apart.

    Returns:
        The graph. Its symptoms are those given, or more of them: what begins before its cause is split
        (`analyzer.reasoning.splitting`).

    Raises:
        KnowledgeError: if a condition fails on what was recorded, with its place.
    """
    by_number: Mapping[int, FoundSymptom] = {symptom.number: symptom for symptom in symptoms.items}
    rules = {rule.name: rule for rule in knowledge.symptoms}
    search = _PairSearch(engine, rules, facts, RelationPaths(engine, symptoms.items))
    entities = EntityIndex(engine)
    links = [(cause, path) for cause in knowledge.causes for path in cause.paths]
    known = _known_links(knowledge.causes)
    found = list(search.find(links))
    entities.load(entity_id for _link, pair in found for entity_id in pair.via)
    best = _weigh_all(found, by_number, known, entities, clocks)
    halves: set[int] = set()
    for _round in range(MAX_ROUNDS):
        found_cuts = find_cuts(by_number, best.values())
        cuts = {number: at_ns for number, at_ns in found_cuts.items() if number not in halves}
        if not cuts:
            break
        split = split_episodes(engine, by_number, cuts)
        by_number = split.symptoms
        halves = split.renumber(halves) | split.halves
        found = list(pairs_of_parts(found, split))
        best = _weigh_all(found, by_number, known, entities, clocks)
    kept_edges = _without_general_rivals(best, {mechanism.name for mechanism in knowledge.mechanisms})
    ordered = sorted(kept_edges, key=lambda edge: (-edge.confidence, edge.source, edge.target))
    return CausalGraph(
        symptoms=by_number,
        edges=tuple(sorted(ordered[:MAX_EDGES], key=lambda edge: (edge.source, edge.target))),
        left_out=max(len(ordered) - MAX_EDGES, 0),
    )


def _weigh_all(
    found: Iterable[tuple[CausePath, Pair]],
    by_number: Mapping[int, FoundSymptom],
    known: Collection[tuple[str, str, tuple[str, ...]]],
    entities: EntityIndex,
    clocks: ClockErrors,
) -> dict[tuple[int, int], CausalEdge]:
    """The most confident edge of each pair of symptoms."""
    best: dict[tuple[int, int], CausalEdge] = {}
    contrast = Contrast(tuple(by_number.values()))
    for (cause, path), pair in found:
        ends = by_number[pair.source].rule.name, by_number[pair.target].rule.name
        if cause.is_mechanism and (*ends, path.relations) in known:
            continue
        edge = _weigh(
            cause,
            path,
            by_number[pair.source],
            by_number[pair.target],
            via=[_in_words(entities, entity_id) for entity_id in pair.via],
            evidence=pair.evidence,
            contrast=contrast,
            clocks=clocks,
        )
        kept = best.get((pair.source, pair.target))
        if kept is None or (edge.confidence, kept.rule) > (kept.confidence, edge.rule):
            best[pair.source, pair.target] = edge
    return best


def _without_general_rivals(
    edges: Mapping[tuple[int, int], CausalEdge], mechanisms: Collection[str]
) -> Iterator[CausalEdge]:
    """All edges but those of mechanisms where a cause knows better.

    It does where it tells how an earlier effect led on to this one, so that the mechanism skips a step: the step is an
    earlier symptom, so what is left still leads there (unless the step was over long before the effect). And it does
    where it says that the one follows from the other (a socket closes because its process ends), and the mechanism the
    opposite.
    """
    following: dict[int, set[int]] = defaultdict(set)
    leading: dict[int, set[int]] = defaultdict(set)
    for (source, target), edge in edges.items():
        if edge.confidence >= MIN_EDGE_CONFIDENCE:
            following[source].add(target)
            if edge.rule not in mechanisms and not edge.is_outlasted:
                leading[target].add(source)
    for (source, target), edge in edges.items():
        if edge.rule in mechanisms:
            is_shortcut = any(source < step < target for step in following[source] & leading[target])
            opposite = edges.get((target, source))
            is_denied = (
                opposite is not None and opposite.rule not in mechanisms and opposite.confidence > edge.confidence
            )
            if is_shortcut or is_denied:
                continue
        yield edge


def _known_links(causes: Iterable[CauseRule]) -> set[tuple[str, str, tuple[str, ...]]]:
    """The pairs of symptoms that a cause speaks of, each with the relations between them.

    Mechanisms are silent about these: where a cause says under which condition one brings about the other, and the
    condition does not hold, what is true in general must not say it all the same.
    """
    return {
        (source, target, path.relations)
        for cause in causes
        if not cause.is_mechanism
        for path in cause.paths
        for source in cause.causes
        for target in cause.effects
    }


class _PairSearch:
    """Finds the pairs of symptoms that causes link.

    Args:
        engine: its database holds `symptom`, `relation` and `entity`.
        rules: of all symptoms, by name.
        facts: DuckDB type by column by fact.
        paths: of the same capture.
    """

    def __init__(
        self, engine: Engine, rules: Mapping[str, SymptomRule], facts: FactColumns, paths: RelationPaths
    ) -> None:
        self._engine = engine
        self._rules = rules
        self._facts = facts
        self._paths = paths

    def find(self, links: Sequence[CausePath]) -> Iterator[tuple[CausePath, Pair]]:
        """What each link finds, in the order of the links."""
        links = [(cause, path) for cause, path in links if self._paths.may_link(cause, path)]
        found: dict[int, Sequence[Pair]] = {}
        unchecked: dict[int, Sequence[Pair]] = {}
        for place, (cause, path) in enumerate(links):
            if not self._paths.can_find_pairs(cause):
                found[place] = self._ask(cause, path)
            elif cause.only_if is None:
                found[place] = self._paths.find_pairs(cause, path)
            else:
                unchecked[place] = self._paths.find_pairs(cause, path)
        found |= self._check_conditions(links, {place: pairs for place, pairs in unchecked.items() if pairs})
        for place, link in enumerate(links):
            for pair in found.get(place, ()):
                yield link, pair

    def _check_conditions(
        self, links: Sequence[CausePath], found: Mapping[int, Sequence[Pair]]
    ) -> dict[int, Sequence[Pair]]:
        """Of the pairs found, by the place of their link, those for which the condition of the cause holds."""
        if not found:
            return {}
        shipped = [place for place in found if is_shipped(links[place][0].where)]
        holding = self._find_holding(links, found, shipped)
        for place in found:
            cause = links[place][0]
            if not is_shipped(cause.where):
                with working_on(f"cause `{cause.name}` in {cause.where}"):
                    holding |= self._find_holding(links, found, [place])
        return {
            place: [pair for pair in pairs if (place, pair.source, pair.target) in holding]
            for place, pairs in found.items()
        }

    def _find_holding(
        self, links: Sequence[CausePath], found: Mapping[int, Sequence[Pair]], places: Sequence[int]
    ) -> set[tuple[int, int, int]]:
        """Place of the link, source and target of the pairs of these links for which the condition holds."""
        if not places:
            return set()
        asked = [(links[place][0], [(pair.source, pair.target) for pair in found[place]]) for place in places]
        try:
            rows = self._engine.rows(condition_query(asked, self._rules, self._facts))
        except _FAILED:
            for place in places:
                self._ask(*links[place])
            raise
        return {(places[number], source, target) for number, source, target in rows}

    def _ask(self, cause: CauseRule, path: Path) -> list[Pair]:
        """What the query of one link finds: for captures with many symptoms or relations."""
        if not is_shipped(cause.where):
            with working_on(f"cause `{cause.name}` in {cause.where}"):
                return self._ask_unmeasured(cause, path)
        return self._ask_unmeasured(cause, path)

    def _ask_unmeasured(self, cause: CauseRule, path: Path) -> list[Pair]:
        try:
            rows = self._engine.rows(edges_query(cause, path, self._rules, self._facts, MAX_EDGES_PER_PATH))
        except _FAILED as problem:
            place = cause.only_if.where if cause.only_if is not None else cause.where
            raise KnowledgeError(
                f"cause `{cause.name}` fails on this capture: {str(problem).splitlines()[0]}",
                where=place,
                next_step="make the expression handle null and unexpected values",
            ) from None
        return [Pair(source, target, tuple(via), tuple(evidence)) for source, target, via, evidence in rows]


_FAILED = (duckdb.OutOfRangeException, duckdb.ConversionException, duckdb.InvalidInputException)
"""What an expression can do on recorded values although it passed the checks."""


def _weigh(
    rule: CauseRule,
    path: Path,
    cause: FoundSymptom,
    effect: FoundSymptom,
    *,
    via: Sequence[str],
    evidence: Sequence[str | None],
    contrast: Contrast,
    clocks: ClockErrors,
) -> CausalEdge:
    lag = effect.seen_from_ns - cause.seen_from_ns
    confidence = rule.confidence
    terms = [f"{rule.confidence:.2f} from the rule"]
    most = rule.lag_ns[1]
    wait = max(effect.seen_from_ns - cause.to_ns, 0)
    if most > 0 and wait > 0:
        factor = 1 - LATE_SHARE * wait / most
        confidence *= factor
        terms.append(f"{factor:.2f} because it began {format_duration(wait)} later, of {format_duration(most)} allowed")
    is_one_clock = cause.recorded_on == effect.recorded_on
    order_known = is_one_clock or abs(lag) > clocks.between(cause.recorded_on, effect.recorded_on)
    if not order_known:
        confidence *= UNKNOWN_ORDER_FACTOR
        terms.append(f"{UNKNOWN_ORDER_FACTOR} because the clocks cannot tell which came first")
    elif lag < 0:
        confidence *= EARLY_FACTOR
        terms.append(f"{EARLY_FACTOR} because it was observed {format_duration(-lag)} before its cause")
    is_outlasted = False
    for argument in contrast.arguments(cause, effect):
        is_outlasted |= argument.is_outlasting
        weighed = argument.weigh(confidence)
        terms.append(f"{weighed / confidence:.3g} because {argument.says}")
        confidence = weighed
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
        is_outlasted=is_outlasted,
    )


def _in_words(entities: EntityIndex, entity_id: str) -> str:
    """Kind and name of an entity between two ends; its id if the model does not have it."""
    entity = entities.get(entity_id)
    return entity_id if entity is None else f"{entity.kind} {entity.name}"


def _relation_in_words(path: Path, cause: FoundSymptom, effect: FoundSymptom, via: Sequence[str]) -> str:
    if path.text == SAME_NAMESPACE:
        return f"the same namespace {cause.namespace}"
    if not path.steps:
        return f"the same {cause.kind}"
    words = [f"{cause.kind} {cause.name}"]
    for step, name in zip(path.steps, (*via, f"{effect.kind} {effect.name}"), strict=True):
        words.append(f"-{step.relation}->" if step.forward else f"<-{step.relation}-")
        words.append(name)
    return " ".join(words)
