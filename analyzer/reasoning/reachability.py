"""Which paths of causes can link anything at all: asked before a query is planned for each of them.

Why: on a small capture planning a query takes a hundred times as long as answering it, and many causes whose symptoms
are both there do not hold between any two of their entities.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from analyzer.knowledge.paths import SAME_NAMESPACE
from analyzer.knowledge.rules import CauseRule, Path
from analyzer.model.engine import Engine
from analyzer.reasoning.symptoms import FoundSymptom

MAX_RELATIONS = 20_000
"""Relations that are followed here. Why: beyond that, planning a query is the smaller part of it."""


class Reachability:
    """Follows the relations of a capture regardless of when they held: what it excludes no query can find.

    Args:
        engine: its database holds `relation`.
        symptoms: all of the capture.
    """

    def __init__(self, engine: Engine, symptoms: Iterable[FoundSymptom]) -> None:
        self._by_name: dict[str, list[FoundSymptom]] = defaultdict(list)
        for symptom in symptoms:
            self._by_name[symptom.rule.name].append(symptom)
        self._next: dict[tuple[str, bool], dict[str, set[str]]] | None = None
        relations = engine.rows(
            "SELECT DISTINCT relation, source_id, target_id FROM relation LIMIT ?", [MAX_RELATIONS + 1]
        )
        if len(relations) <= MAX_RELATIONS:
            self._next = defaultdict(lambda: defaultdict(set))
            for relation, source, target in relations:
                self._next[relation, True][source].add(target)
                self._next[relation, False][target].add(source)

    def may_link(self, rule: CauseRule, path: Path) -> bool:
        """Whether some symptom that the rule takes for a cause may reach one that it takes for an effect."""
        causes = [symptom for symptom in self._named(rule.causes) if not path.kinds or symptom.kind in path.kinds]
        effects = self._named(rule.effects)
        if not causes or not effects or not _lag_fits(causes, effects, rule.lag_ns):
            return False
        if path.text == SAME_NAMESPACE:
            return not {symptom.namespace for symptom in causes}.isdisjoint(symptom.namespace for symptom in effects)
        reached = self._follow({symptom.entity_id for symptom in causes}, path)
        return reached is None or not reached.isdisjoint(symptom.entity_id for symptom in effects)

    def count_ends(self, rule: CauseRule) -> tuple[int, int]:
        """How many symptoms a rule may take for causes, and how many for effects."""
        return len(self._named(rule.causes)), len(self._named(rule.effects))

    def _named(self, names: Collection[str]) -> list[FoundSymptom]:
        return [symptom for name in names for symptom in self._by_name.get(name, ())]

    def _follow(self, entity_ids: set[str], path: Path) -> set[str] | None:
        """The entities at the end of a path; None if there are too many relations to follow."""
        if self._next is None:
            return None
        for step in path.steps:
            following = self._next[step.relation, step.forward]
            entity_ids = {
                found
                for entity_id in entity_ids
                for found in following.get(entity_id, ())
                if not step.kinds or found.partition("/")[0] in step.kinds
            }
        return entity_ids


def _lag_fits(causes: Collection[FoundSymptom], effects: Collection[FoundSymptom], lag_ns: tuple[int, int]) -> bool:
    shortest, longest = lag_ns
    return (
        max(effect.from_ns for effect in effects) - min(cause.from_ns for cause in causes) >= shortest
        and min(effect.from_ns for effect in effects) - max(cause.to_ns for cause in causes) <= longest
    )
