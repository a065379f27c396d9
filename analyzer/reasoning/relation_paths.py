"""Which symptoms the paths of a cause link, found by following relations instead of by a join per path.

Why: planning the joins of a path takes some 5 ms however few rows they have, and a capture with few symptoms is linked
along dozens of paths. Where a limit of `analyzer.knowledge.compile.edges_query` could be reached, that query is asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from analyzer.knowledge.compile import CAUSES_OF_AN_EFFECT, EPISODES_OF_A_SIDE, RELATION_SLACK_NS
from analyzer.knowledge.paths import SAME_NAMESPACE
from analyzer.knowledge.rules import CauseRule, Path, PathStep
from analyzer.model.engine import Engine
from analyzer.reasoning.symptoms import FoundSymptom

MAX_RELATIONS = 20_000
"""Relations that are followed here. Why: beyond that, planning a query is the smaller part of it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two symptoms that a path links.

    Attributes:
        source: number of the cause.
        target: number of the effect.
        via: ids of the entities between the two.
        evidence: of the relations, in order of the path; None for a relation without evidence.
    """

    source: int
    target: int
    via: tuple[str, ...]
    evidence: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class _Relation:
    """One row of the table `relation`, seen from one of its ends."""

    there: str
    from_ns: int
    to_ns: int
    evidence: str | None

    def holds_at(self, effect: FoundSymptom) -> bool:
        """Whether it held while the effect showed."""
        return self.from_ns <= effect.to_ns + RELATION_SLACK_NS and self.to_ns >= effect.from_ns - RELATION_SLACK_NS


class RelationPaths:
    """Links the symptoms of a capture along its relations.

    Args:
        engine: its database holds `relation`.
        symptoms: all of the capture.
    """

    def __init__(self, engine: Engine, symptoms: Iterable[FoundSymptom]) -> None:
        self._by_name: dict[str, list[FoundSymptom]] = defaultdict(list)
        for symptom in symptoms:
            self._by_name[symptom.rule.name].append(symptom)
        rows = engine.rows(
            """
            SELECT relation, source_id, target_id, from_ns, to_ns, evidence FROM relation
            WHERE from_ns IS NOT NULL AND to_ns IS NOT NULL LIMIT ?
            """,
            [MAX_RELATIONS + 1],
        )
        self._has_all_relations = len(rows) <= MAX_RELATIONS
        self._relations: dict[tuple[str, bool], dict[str, list[_Relation]]] = defaultdict(lambda: defaultdict(list))
        for relation, source, target, from_ns, to_ns, evidence in rows if self._has_all_relations else ():
            self._relations[relation, True][source].append(_Relation(target, from_ns, to_ns, evidence))
            self._relations[relation, False][target].append(_Relation(source, from_ns, to_ns, evidence))

    def may_link(self, rule: CauseRule, path: Path) -> bool:
        """Whether a path may link any pair, as far as that can be told without looking at every pair."""
        causes, effects = self._ends(rule, path)
        if not causes or not effects or not _lag_fits(causes, effects, rule.lag_ns):
            return False
        if path.text == SAME_NAMESPACE or not self._has_all_relations:
            return True
        start = self._leads(effects, path.steps)[0]
        return any(cause.entity_id in start for cause in causes)

    def can_find_pairs(self, rule: CauseRule) -> bool:
        """Whether `find_pairs` finds everything: all relations are known, and no limit of the query can be reached."""
        causes, effects = len(self._named(rule.causes)), len(self._named(rule.effects))
        return (
            self._has_all_relations
            and causes <= min(CAUSES_OF_AN_EFFECT, EPISODES_OF_A_SIDE)
            and effects <= EPISODES_OF_A_SIDE
        )

    def find_pairs(self, rule: CauseRule, path: Path) -> list[Pair]:
        """The pairs that `edges_query` finds for a rule without its condition, in order of source and target."""
        causes, effects = self._ends(rule, path)
        leads = self._leads(effects, path.steps)[1:]
        is_same_namespace = path.text == SAME_NAMESPACE
        at_end: dict[str | None, list[FoundSymptom]] = defaultdict(list)
        for effect in effects:
            at_end[effect.namespace if is_same_namespace else effect.entity_id].append(effect)
        at_end.pop(None, None)
        found: dict[tuple[int, int], Pair] = {}
        for cause in causes:
            for steps in self._walk(cause.entity_id, path.steps, leads):
                end = cause.namespace if is_same_namespace else (steps[-1].there if steps else cause.entity_id)
                for effect in at_end.get(end, ()):
                    if _follows(cause, effect, rule.lag_ns) and all(step.holds_at(effect) for step in steps):
                        pair = Pair(
                            source=cause.number,
                            target=effect.number,
                            via=tuple(step.there for step in steps[:-1]),
                            evidence=tuple(step.evidence for step in steps),
                        )
                        kept = found.setdefault((pair.source, pair.target), pair)
                        if _order(pair) < _order(kept):
                            found[pair.source, pair.target] = pair
        return [found[ends] for ends in sorted(found)]

    def _ends(self, rule: CauseRule, path: Path) -> tuple[list[FoundSymptom], list[FoundSymptom]]:
        """The symptoms that a rule may take for causes along a path, and those for effects."""
        causes = [symptom for symptom in self._named(rule.causes) if not path.kinds or symptom.kind in path.kinds]
        return causes, self._named(rule.effects)

    def _named(self, names: Iterable[str]) -> list[FoundSymptom]:
        return [symptom for name in names for symptom in self._by_name.get(name, ())]

    def _leads(self, effects: Iterable[FoundSymptom], steps: Sequence[PathStep]) -> list[set[str]]:
        """Before the first step and behind each, the entities from which the rest of the path leads to an effect."""
        leads = [{effect.entity_id for effect in effects}]
        for step in reversed(steps):
            back = self._relations[step.relation, not step.forward]
            ends = {there for there in leads[0] if _is_of(step.kinds, there)}
            leads[0] = ends
            leads.insert(0, {relation.there for there in ends for relation in back.get(there, ())})
        return leads

    def _walk(
        self, entity_id: str, steps: Sequence[PathStep], leads: Sequence[set[str]]
    ) -> Iterator[tuple[_Relation, ...]]:
        """All ways from an entity along the steps that lead to an effect."""
        if not steps:
            yield ()
            return
        for relation in self._relations[steps[0].relation, steps[0].forward].get(entity_id, ()):
            if relation.there in leads[0]:
                for rest in self._walk(relation.there, steps[1:], leads[1:]):
                    yield (relation, *rest)


def _lag_fits(causes: Sequence[FoundSymptom], effects: Sequence[FoundSymptom], lag_ns: tuple[int, int]) -> bool:
    """Whether some effect may begin within the admissible lag of some cause."""
    shortest, longest = lag_ns
    return (
        max(effect.seen_from_ns for effect in effects) - min(cause.seen_from_ns for cause in causes) >= shortest
        and min(effect.seen_from_ns for effect in effects) - max(cause.to_ns for cause in causes) <= longest
    )


def _follows(cause: FoundSymptom, effect: FoundSymptom, lag_ns: tuple[int, int]) -> bool:
    shortest, longest = lag_ns
    return (
        cause.number != effect.number
        and effect.seen_from_ns - cause.seen_from_ns >= shortest
        and effect.seen_from_ns - cause.to_ns <= longest
    )


def _is_of(kinds: Sequence[str], entity_id: str) -> bool:
    """Whether an entity is of one of the kinds; of any, if none is given. Ids of entities begin with their kind."""
    return not kinds or entity_id.partition("/")[0] in kinds


def _order(pair: Pair) -> tuple[tuple[str, ...], list[tuple[bool, str]]]:
    """Where a pair stands among those of the same symptoms: as in SQL, no evidence is last."""
    return pair.via, [(evidence is None, evidence or "") for evidence in pair.evidence]
