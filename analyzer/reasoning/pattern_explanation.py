"""`tapio pattern explain`: why a pattern was or was not found in a recording, step by step as it is decided."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from analyzer.knowledge.evidence_tables import symptoms_of_pattern, tables_of_symptom
from analyzer.knowledge.rules import Knowledge, Path, PatternRule
from analyzer.model.losses import Recorded
from analyzer.reasoning.causal_graph import MIN_EDGE_CONFIDENCE, CausalEdge, CausalGraph, Reach
from analyzer.reasoning.patterns import fit_pattern, match_pattern
from analyzer.reasoning.root_cause import Candidate
from analyzer.reasoning.symptoms import FoundSymptom
from formats.times import format_time
from formats.units import format_duration

MAX_BEGINNINGS = 5
"""Occurrences of root symptoms that are explained one by one, those of findings first."""

MAX_RULES_NAMED = 3
"""Causes that are named where an edge is missing, the particular ones before the mechanisms."""


@dataclass(frozen=True, slots=True)
class Reasons:
    """What the explanation of a pattern is read from.

    Attributes:
        candidates: finding N is the Nth.
    """

    pattern: PatternRule
    knowledge: Knowledge
    graph: CausalGraph
    candidates: Sequence[Candidate]
    recorded: Recorded

    def occurrences(self, name: str) -> list[FoundSymptom]:
        """The symptoms of one rule, in order of begin."""
        return [symptom for symptom in self.graph.symptoms.values() if symptom.rule.name == name]

    def patterns_found(self) -> dict[int, str | None]:
        """By rank of a finding the name of its pattern."""
        matches = (match_pattern(candidate, self.graph, self.knowledge.patterns) for candidate in self.candidates)
        return {rank: match.pattern.name if match else None for rank, match in enumerate(matches, start=1)}


def find_ranks(reasons: Reasons) -> list[int]:
    """The ranks of the findings that have the pattern."""
    return [rank for rank, name in reasons.patterns_found().items() if name == reasons.pattern.name]


def explain_pattern(reasons: Reasons) -> Iterator[str]:
    """The answer, line by line; recorded text in it is not yet escaped."""
    pattern, ranks = reasons.pattern, find_ranks(reasons)
    if ranks:
        numbers = " and ".join(str(rank) for rank in ranks)
        yield f"Pattern {pattern.name} was found: {'findings' if len(ranks) > 1 else 'finding'} {numbers}."
    else:
        yield f"Pattern {pattern.name} was not found."
    yield ""
    yield "It begins with one of:"
    for name in pattern.roots:
        count = len(reasons.occurrences(name))
        yield f"  {name}: {_times(count)}"
    beginnings = _beginnings(reasons)
    for symptom in beginnings[:MAX_BEGINNINGS]:
        yield ""
        yield from _explain_beginning(symptom, reasons)
    if len(beginnings) > MAX_BEGINNINGS:
        yield ""
        yield f"{len(beginnings) - MAX_BEGINNINGS:,} more occurrences are not shown."
    absent = list(_absent_evidence(reasons))
    if absent:
        yield ""
        yield "Evidence that was not recorded:"
        yield from (f"  {line}" for line in absent)


def _times(count: int) -> str:
    return "not observed" if not count else f"observed {'once' if count == 1 else f'{count:,} times'}"


def _beginnings(reasons: Reasons) -> list[FoundSymptom]:
    """The occurrences of all root symptoms: those of findings first, then by what they explain."""
    ranks = {candidate.root.number: rank for rank, candidate in enumerate(reasons.candidates)}
    found = [symptom for name in reasons.pattern.roots for symptom in reasons.occurrences(name)]
    reached = {symptom.number: len(reasons.graph.reach_from(symptom.number).confidence) for symptom in found}
    return sorted(found, key=lambda one: (ranks.get(one.number, len(ranks)), -reached[one.number], one.number))


def _explain_beginning(symptom: FoundSymptom, reasons: Reasons) -> Iterator[str]:
    yield f"{format_time(symptom.from_ns)[11:23]}  {symptom.what}  [{symptom.rule.name}]"
    reach = reasons.graph.reach_from(symptom.number)
    for line in (
        *_explain_rank(symptom, reach, reasons),
        *(line for names in reasons.pattern.requires for line in _explain_required(names, reach, reasons)),
        *_explain_chain(reach, reasons),
    ):
        yield f"  {line}"


def _explain_rank(symptom: FoundSymptom, reach: Reach[CausalEdge], reasons: Reasons) -> Iterator[str]:
    for rank, candidate in enumerate(reasons.candidates, start=1):
        if candidate.root.number == symptom.number:
            yield f"root cause: yes, of finding {rank}"
            yield from _explain_preference(candidate, reasons)
            return
        if symptom.number in {sibling.root for sibling in candidate.siblings}:
            yield f"root cause: told with finding {rank}, which began alike: {candidate.root.what}"
            return
    before = [edge for edge in reasons.graph.edges if edge.target == symptom.number]
    strong = [edge for edge in before if edge.confidence >= MIN_EDGE_CONFIDENCE]
    if strong:
        best = max(strong, key=lambda edge: edge.confidence)
        yield f"root cause: no, {_explained_by(best, reasons)}"
    elif not any(reasons.graph.symptoms[number].is_severe for number in reach.confidence):
        yield "root cause: no, it explains no severe symptom"
    elif not symptom.may_be_root:
        yield "root cause: no, it can only be an effect or a step of a chain"
    else:
        yield f"root cause: no, what it explains is explained better by {_better_findings(reach, reasons)}"


def _explained_by(edge: CausalEdge, reasons: Reasons) -> str:
    source = reasons.graph.symptoms[edge.source]
    return f"explained by: {source.what} (rule {edge.rule}, confidence {edge.confidence:.2f})"


def _better_findings(reach: Reach[CausalEdge], reasons: Reasons) -> str:
    better = [
        f"finding {rank} ({candidate.root.what})"
        for rank, candidate in enumerate(reasons.candidates, start=1)
        if not reach.confidence.keys().isdisjoint(candidate.explains)
    ]
    return " and ".join(better[:MAX_RULES_NAMED]) or "others"


def _explain_preference(candidate: Candidate, reasons: Reasons) -> Iterator[str]:
    own = fit_pattern(reasons.pattern, candidate, reasons.graph)
    chosen = match_pattern(candidate, reasons.graph, reasons.knowledge.patterns)
    if own is None:
        yield f"pattern of this finding: {chosen.pattern.name if chosen else 'none'}; this one does not fit"
    elif chosen is None or chosen.pattern.name == own.pattern.name:
        yield "pattern of this finding: this one"
    else:
        required, other = len(own.pattern.requires), len(chosen.pattern.requires)
        if own.pattern.is_general and not chosen.pattern.is_general:
            why = "is more particular"
        elif other > required:
            why = f"requires more ({other} instead of {required})"
        elif chosen.fit > own.fit:
            why = f"has more of its chain explained ({chosen.fit:.0%} instead of {own.fit:.0%})"
        else:
            why = "fits equally well and comes first by name"
        yield f"pattern of this finding: {chosen.pattern.name}; this one fits as well, but {chosen.pattern.name} {why}"


def _explain_required(names: Sequence[str], reach: Reach[CausalEdge], reasons: Reasons) -> Iterator[str]:
    """Whether one of the alternatives is explained; if none is, why not."""
    best = [
        (reach.confidence[symptom.number], name)
        for name in names
        for symptom in reasons.occurrences(name)
        if symptom.number in reach.confidence
    ]
    if best:
        confidence, name = max(best)
        yield f"requires {name}: explained (confidence {confidence:.2f})"
        return
    observed = {name: found for name in names if (found := reasons.occurrences(name))}
    if not observed:
        yield f"requires {' or '.join(names)}: not observed"
    for name, found in observed.items():
        yield f"requires {name}: {_times(len(found))}, but not explained by this root"
        yield from (f"  {line}" for line in _explain_missing_edge(name, found, reach, reasons))


def _explain_missing_edge(
    name: str, found: Sequence[FoundSymptom], reach: Reach[CausalEdge], reasons: Reasons
) -> Iterator[str]:
    numbers = {symptom.number for symptom in found}
    incoming = [edge for edge in reasons.graph.edges if edge.target in numbers]
    weak = [edge for edge in incoming if edge.source in reach.confidence]
    if weak:
        best = max(weak, key=lambda edge: edge.confidence)
        yield f"the edge is too weak: {best.rule} ({best.how})"
    else:
        explained = [reasons.graph.symptoms[number] for number in sorted(reach.confidence)]
        yield from _rules_not_applied(name, explained, found, reasons)
    others = [edge for edge in incoming if edge.source not in reach.confidence]
    if others:
        yield _explained_by(max(others, key=lambda edge: edge.confidence), reasons)


def _rules_not_applied(
    name: str, explained: Sequence[FoundSymptom], found: Sequence[FoundSymptom], reasons: Reasons
) -> Iterator[str]:
    """The causes that could have led here from what the root explains, and what they ask for."""
    named = 0
    for rule in sorted(reasons.knowledge.causes, key=lambda rule: (rule.is_mechanism, rule.name)):
        sources = [symptom for symptom in explained if symptom.rule.name in rule.causes]
        paths = [path.text for path in rule.paths if _joins_kinds(path, sources, found)]
        if name not in rule.effects or not paths or named == MAX_RULES_NAMED:
            continue
        named += 1
        least, most = (format_duration(lag) for lag in rule.lag_ns)
        names = ", ".join(sorted({symptom.rule.name for symptom in sources}))
        condition = ", when its condition holds" if rule.only_if else ""
        yield f"no edge: {rule.name} leads from {names} along {' or '.join(paths)}, {least} to {most} later{condition}"
    if not named:
        names = ", ".join(sorted({symptom.rule.name for symptom in explained}))
        yield f"no edge: no cause leads from {names} to {name} between such entities; add a cause"


def _joins_kinds(path: Path, sources: Collection[FoundSymptom], effects: Collection[FoundSymptom]) -> bool:
    """Whether the path can begin at one of the sources and end at one of the effects, by their kinds."""
    begin, end = {symptom.kind for symptom in sources}, {symptom.kind for symptom in effects}
    if not path.steps:
        return bool(begin) and (path.text != "same" or not begin.isdisjoint(end))
    last = path.steps[-1].kinds
    return bool(begin if not path.kinds else begin.intersection(path.kinds)) and (not last or not end.isdisjoint(last))


def _explain_chain(reach: Reach[CausalEdge], reasons: Reasons) -> Iterator[str]:
    explained = {reasons.graph.symptoms[number].rule.name for number in reach.confidence}
    chain = reasons.pattern.chain
    if not chain:
        return
    found = [name for name in chain if name in explained]
    missing = [
        f"{name} ({_times(len(reasons.occurrences(name)))}{', not explained' if reasons.occurrences(name) else ''})"
        for name in chain
        if name not in explained
    ]
    rest = f"; missing: {', '.join(missing)}" if missing else ""
    yield f"chain: {len(found)} of {len(chain)} explained{rest}"


def _absent_evidence(reasons: Reasons) -> Iterator[str]:
    pattern = reasons.pattern
    for name in dict.fromkeys((*symptoms_of_pattern(pattern), *pattern.chain)):
        tables = tables_of_symptom(reasons.knowledge.symptom(name))
        if tables and not any(reasons.recorded.rows.get(table) for table in tables):
            noun = "table" if len(tables) == 1 else "tables"
            yield f"{noun} {' and '.join(sorted(tables))}: without rows, {name} cannot be observed"
    for wanted in pattern.needs:
        if wanted.table is not None and not reasons.recorded.rows.get(wanted.table):
            yield f"table {wanted.table}: {wanted.says}"
        if wanted.symptom is not None and not reasons.occurrences(wanted.symptom):
            yield f"symptom {wanted.symptom}: {wanted.says}"
