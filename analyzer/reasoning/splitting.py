"""Episodes that begin before their cause are split where the cause changes.

Errors during a rolling restart and errors of the crash loop after it are one episode by their times, and two effects:
of the restart, and of the crash loop. A chain that tells them as one tells an effect before its cause.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from analyzer.knowledge.compile import EVIDENCE_KEPT
from analyzer.knowledge.rules import CauseRule, Combine, Nature, Path
from analyzer.model.engine import Engine
from analyzer.reasoning.causal_graph import EARLY_FACTOR, MIN_EDGE_CONFIDENCE, CausalEdge
from analyzer.reasoning.relation_paths import Pair
from analyzer.reasoning.symptoms import FoundSymptom, describe_episode

CausePath = tuple[CauseRule, Path]
"""A cause and one of its paths."""

SPLIT_AFTER_NS = 3_000_000_000
"""How much later than an episode a cause must begin for the episode to be split there. Why: the API server and the
kubelet report a failure up to some seconds after its callers see it, and that is no other cause."""

EVIDENCE_OF_FIRST = EVIDENCE_KEPT - 1
"""Event ids that are kept in order of time; a last one follows."""

MAX_ROUNDS = 3
"""How often episodes are split. Why: the effects of what was split have two causes then, and are split themselves."""


@dataclass(frozen=True, slots=True)
class Split:
    """The symptoms of a capture, some of them in two parts.

    Attributes:
        symptoms: by number, in order of begin.
        parts: new numbers by the number before; two of what was split, in order of time.
    """

    symptoms: Mapping[int, FoundSymptom]
    parts: Mapping[int, tuple[int, ...]]

    def renumber(self, numbers: Iterable[int]) -> set[int]:
        """The new numbers of symptoms and of their parts."""
        return {new for old in numbers for new in self.parts[old]}

    @property
    def halves(self) -> set[int]:
        """New numbers of what was split."""
        return {new for numbers in self.parts.values() if len(numbers) > 1 for new in numbers}


def find_cuts(symptoms: Mapping[int, FoundSymptom], edges: Iterable[CausalEdge]) -> dict[int, int]:
    """Where episodes are to be split: unix ns by number.

    An episode is split where a symptom begins that explains it better than all that may explain its begin, or as well
    as these, which have ended. What nothing explains at its begin was only seen before its cause, and what led to the
    later cause itself is not its effect.
    """
    strong = [edge for edge in edges if edge.confidence >= MIN_EDGE_CONFIDENCE]
    leading = {(edge.source, edge.target) for edge in strong}
    incoming: dict[int, list[CausalEdge]] = defaultdict(list)
    for edge in strong:
        if symptoms[edge.target].rule.nature is Nature.SYMPTOM:
            incoming[edge.target].append(edge)
    cuts = {}
    for number, causes in incoming.items():
        of_begin = [edge for edge in causes if edge.lag_ns >= -SPLIT_AFTER_NS]
        later = [
            edge
            for edge in causes
            if edge.lag_ns < -SPLIT_AFTER_NS
            and symptoms[edge.source].rule.nature is Nature.SYMPTOM
            and symptoms[edge.source].from_ns < symptoms[number].to_ns
            and (number, edge.source) not in leading
            and all(_takes_over(edge, other, symptoms) for other in of_begin)
        ]
        if of_begin and later:
            best = min(later, key=lambda edge: (-edge.confidence, symptoms[edge.source].from_ns))
            cuts[number] = symptoms[best.source].from_ns
    return cuts


def _takes_over(later: CausalEdge, earlier: CausalEdge, symptoms: Mapping[int, FoundSymptom]) -> bool:
    """Whether a cause that begins within an episode explains the rest of it instead of one from its begin."""
    if symptoms[earlier.source].to_ns > symptoms[later.source].from_ns:
        return later.confidence > earlier.confidence
    return later.confidence >= round(earlier.confidence * EARLY_FACTOR, 4)


def split_episodes(engine: Engine, symptoms: Mapping[int, FoundSymptom], cuts: Mapping[int, int]) -> Split:
    """The symptoms after the cuts, numbered anew in order of begin.

    Args:
        engine: its database holds `merged_episode`.
        symptoms: by number.
        cuts: unix ns by number. An episode of whose events too many came before the cut, or whose magnitude is no sum,
            stays whole.
    """
    told = _read_moments(engine, [symptoms[number] for number in cuts])
    parts: list[tuple[int, FoundSymptom]] = []
    for number, item in symptoms.items():
        pair = split_episode(item, cuts[number], *told[number]) if number in told else None
        parts.extend((number, part) for part in pair or (item,))
    parts.sort(key=lambda part: (part[1].from_ns, part[1].rule.name, part[1].entity_id))
    numbers: dict[int, list[int]] = defaultdict(list)
    for new, (old, _item) in enumerate(parts, start=1):
        numbers[old].append(new)
    return Split(
        {new: replace(item, number=new) for new, (_old, item) in enumerate(parts, start=1)},
        {old: tuple(new) for old, new in numbers.items()},
    )


def pairs_of_parts(found: Iterable[tuple[CausePath, Pair]], split: Split) -> Iterator[tuple[CausePath, Pair]]:
    """Pairs between the parts of what was linked, where the lag admits them.

    What begins within the first part explains the second one alone: the first part has a cause at its begin.
    """
    for (cause, path), pair in found:
        sources, targets = split.parts[pair.source], split.parts[pair.target]
        is_whole = len(sources) == len(targets) == 1
        shortest, longest = cause.lag_ns
        for source, target in product(sources, targets):
            begin, effect = split.symptoms[source], split.symptoms[target]
            lag = effect.seen_from_ns - begin.seen_from_ns
            is_admitted = (
                lag >= shortest
                and effect.seen_from_ns - begin.to_ns <= longest
                and (lag >= -SPLIT_AFTER_NS or target == targets[-1])
            )
            if is_whole or is_admitted:
                yield (cause, path), replace(pair, source=source, target=target)


_Moment = tuple[int, int, int | None]
"""Start and end of an event in unix ns, and its magnitude."""


def _read_moments(engine: Engine, items: Sequence[FoundSymptom]) -> dict[int, tuple[Sequence[_Moment], Sequence[str]]]:
    """The first events of episodes and their evidence, by number."""
    keys = {(item.rule.name, item.entity_id, item.from_ns): item.number for item in items}
    rows = engine.rows(
        """
        SELECT name, entity_id, from_ns, moments, evidence FROM merged_episode
        WHERE (name, entity_id, from_ns) IN (SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), unnest(?::BIGINT[]))
        """,
        [[key[place] for key in keys] for place in range(3)],
    )
    return {
        keys[name, entity_id, from_ns]: ([(moment[0], moment[1], moment[2]) for moment in moments], evidence)
        for name, entity_id, from_ns, moments, evidence in rows
    }


def split_episode(
    item: FoundSymptom, at_ns: int, moments: Sequence[_Moment], evidence: Sequence[str]
) -> tuple[FoundSymptom, FoundSymptom] | None:
    """What came before a moment, and what came after it; None if the events do not tell them apart.

    Args:
        item: the whole episode.
        at_ns: where it is split, in unix ns.
        moments: its first events, in order of start.
        evidence: event ids of the first ones in the same order, and of the last.
    """
    evidence = list(dict.fromkeys(evidence))
    before = [moment for moment in moments if moment[0] < at_ns]
    after = moments[len(before) :]
    if not before or (not after and len(moments) < item.count):
        return None
    if at_ns - item.from_ns < item.rule.lasting_ns:
        return None  # an episode so short would have been dropped
    going_on = max(end for _start, end, _value in before) > at_ns
    if not (after or going_on):
        return None
    amounts = [value for _start, _end, value in before if value is not None]
    if item.magnitude is not None and (going_on or item.rule.combine is not Combine.SUM):
        return None
    first_amount = None if item.magnitude is None else sum(amounts)
    first = _part(
        item,
        (item.from_ns, min(max(end for _start, end, _value in before), at_ns)),
        len(before),
        first_amount,
        evidence[: min(len(before), EVIDENCE_OF_FIRST)],
    )
    second = _part(
        item,
        (at_ns if going_on else after[0][0], item.to_ns),
        item.count - len(before) + going_on,
        None if item.magnitude is None or first_amount is None else item.magnitude - first_amount,
        evidence[min(len(before) - going_on, EVIDENCE_OF_FIRST) :],
    )
    return replace(first, is_open=False, is_ongoing=False), second


def _part(
    item: FoundSymptom, span: tuple[int, int], count: int, magnitude: int | None, evidence: Sequence[str]
) -> FoundSymptom:
    from_ns, to_ns = span
    row = {
        "from_ns": from_ns,
        "to_ns": to_ns,
        "kind": item.kind,
        "entity_name": item.name,
        "namespace": item.namespace,
        "node": item.node,
        "count": count,
        "magnitude": magnitude,
    }
    return replace(
        item,
        from_ns=from_ns,
        to_ns=to_ns,
        seen_from_ns=max(item.seen_from_ns, from_ns),
        count=count,
        magnitude=magnitude,
        evidence=tuple(evidence),
        what=describe_episode(item.rule, row, item.details),
    )
