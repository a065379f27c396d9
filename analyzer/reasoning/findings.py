"""Findings: a ranked root cause with its chain, what supports it, what speaks against it, what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from analyzer.knowledge.check import fill
from analyzer.knowledge.rules import Nature, PatternRule, Role, Wanted
from analyzer.model.entity_index import EntityIndex, EntityRow
from analyzer.model.losses import Recorded
from analyzer.reasoning.causal_graph import CausalEdge, CausalGraph
from analyzer.reasoning.chains import tell_chain
from analyzer.reasoning.comparison import AGAINST, ComparisonSearch
from analyzer.reasoning.confidence import multiply_terms, weigh_feedback, weigh_finding
from analyzer.reasoning.contrast import READ_AT_START
from analyzer.reasoning.fixes import find_fix
from analyzer.reasoning.impact import CountRequests, assess_impact, count_nothing
from analyzer.reasoning.patterns import match_pattern
from analyzer.reasoning.root_cause import Candidate
from analyzer.reasoning.symptoms import FoundSymptom, shorten
from analyzer.reasoning.unexplained import UNEXPLAINED, considered_causes, deciding_evidence
from formats.postmortem.findings import ChainEdge, ChainStep, Comparison, Finding, RootCause, Statement
from formats.text import DIGEST_PREFIX
from formats.times import format_time
from formats.units import format_duration

MAX_SUPPORTS = 12

_INNER_KINDS = frozenset({"Container", "Process"})
"""Entities inside of a pod: the pod is named as the root cause, unless a pattern says otherwise."""


@dataclass(frozen=True, slots=True)
class Context:
    """What all findings of a capture are described from.

    Attributes:
        count_requests: counts what was answered, for the impact.
    """

    graph: CausalGraph
    patterns: Sequence[PatternRule]
    entities: EntityIndex
    recorded: Recorded
    comparisons: ComparisonSearch
    count_requests: CountRequests = count_nothing


@dataclass(frozen=True, slots=True)
class _Story:
    """What is known of one finding before its sections are written.

    Attributes:
        pattern: that matched; None if none did.
        chain: edges from the root cause on.
        steps: the root cause, then the target of each edge of the chain.
        root: the entity that is named as the root cause; None if the model does not have it.
        explained: numbers of all symptoms that the candidate and its siblings explain.
        from_ns: begin of the decisive time, the time of the chain, in unix ns.
        to_ns: its end.
    """

    candidate: Candidate
    pattern: PatternRule | None
    chain: tuple[CausalEdge, ...]
    steps: tuple[FoundSymptom, ...]
    root: EntityRow | None
    explained: frozenset[int]
    from_ns: int
    to_ns: int

    @property
    def first_severe_effect(self) -> FoundSymptom | None:
        """The first step after the root that is severe; None if none is."""
        return next((step for step in self.steps[1:] if step.is_severe), None)


def describe_findings(candidates: Iterable[Candidate], context: Context) -> tuple[Finding, ...]:
    """The findings of a capture, in the order of the candidates."""
    context.entities.load(
        part
        for symptom in context.graph.symptoms.values()
        for part in (symptom.entity_id, symptom.pod_id, symptom.workload_id)
    )
    return tuple(describe(candidate, rank, context) for rank, candidate in enumerate(candidates, start=1))


def describe(candidate: Candidate, rank: int, context: Context) -> Finding:
    """One finding, with all its sections."""
    story = _find_story(candidate, context)
    pattern = story.pattern
    contrast = tuple(_compare(story, context.comparisons))
    against = [comparison for comparison in contrast if comparison.speaks == AGAINST]
    refutations = tuple(_refutations(story, context.graph))
    losses = tuple(_overlapping_losses(story, context.recorded))
    terms = (
        *weigh_finding(
            candidate,
            context.graph,
            explained=story.explained,
            has_pattern=pattern is not None,
            refutations=len(refutations) + (0 if _is_weighed(story) else len(against)),
            losses=len(losses),
            contrast=contrast,
        ),
        *weigh_feedback(pattern),
    )
    values = _values(story, context)
    named = _Named.of(story, values)
    impact = assess_impact(candidate, context.graph, context.count_requests)
    hit = (context.entities.get(key) for key in (*impact.workloads, *impact.services))
    fix = find_fix(
        story.steps,
        [row for row in hit if row],
        pattern.actions if pattern else (),
        values,
        readers=context.entities.readers(candidate.root.entity_id) if candidate.root.kind in READ_AT_START else (),
        is_deleted=story.root is not None and story.root.is_deleted,
    )
    beside = story.explained - {step.number for step in story.steps}
    return Finding(
        rank=rank,
        pattern=named.pattern,
        title=named.title,
        category=named.category,
        confidence=multiply_terms(terms),
        confidence_terms=terms,
        root_cause=_root_cause(story),
        chain=tuple(_chain_steps(story, context.entities)),
        also=tuple(context.graph.symptoms[number].id for number in sorted(beside)),
        supported_by=tuple(_supports(story, context.graph)),
        refuted_by=(*(Statement(what=item.what, evidence=item.evidence) for item in against), *refutations),
        missing=(*_missing(story, context), *losses),
        impact=impact,
        recommendations=tuple(fill(action, values) for action in pattern.actions) if pattern else (),
        contrast=contrast,
        fix=fix.commands,
        verify=fix.verify,
    )


@dataclass(frozen=True, slots=True)
class _Named:
    """What a finding is called.

    Attributes:
        pattern: name of the pattern, or `unexplained`; None if only the graph explains it.
    """

    pattern: str | None
    title: str
    category: str

    @classmethod
    def of(cls, story: _Story, values: Mapping[str, str]) -> _Named:
        root, pattern = story.candidate.root, story.pattern
        if pattern is not None:
            return cls(pattern.name, fill(pattern.title, values), pattern.category)
        if not story.candidate.is_cause:
            return cls(UNEXPLAINED, f"{root.what}; its cause was not recorded", "unknown")
        effect = story.first_severe_effect
        if effect is None or root.is_severe:
            return cls(None, root.what, "unknown")
        return cls(None, f"{root.what}, and {effect.what}", "unknown")


def _find_story(candidate: Candidate, context: Context) -> _Story:
    match = match_pattern(candidate, context.graph, context.patterns)
    pattern = match.pattern if match else None
    chain = tell_chain(candidate, context.graph, pattern.chain if pattern else ())
    steps = (candidate.root, *(context.graph.symptoms[edge.target] for edge in chain))
    return _Story(
        candidate=candidate,
        pattern=pattern,
        chain=chain,
        steps=steps,
        root=_root_entity(candidate.root, pattern, context.entities),
        explained=frozenset(number for reach in (candidate.reach, *candidate.siblings) for number in reach.confidence),
        from_ns=min(step.from_ns for step in steps),
        to_ns=max(step.to_ns for step in steps),
    )


def _root_entity(root: FoundSymptom, pattern: PatternRule | None, entities: EntityIndex) -> EntityRow | None:
    wanted = pattern.root_cause if pattern else None
    if wanted == "Pod" or (wanted is None and root.kind in _INNER_KINDS):
        return entities.get(root.pod_id) or entities.get(root.entity_id)
    if wanted is not None:
        workload = entities.get(root.workload_id)
        if workload is not None and workload.kind == wanted:
            return workload
    return entities.get(root.entity_id)


def _root_cause(story: _Story) -> RootCause:
    root, row = story.candidate.root, story.root
    return RootCause(
        kind=row.kind if row else root.kind,
        namespace=row.namespace if row else root.namespace,
        name=row.name if row else root.name,
        uid=row.uid if row else None,
        node=row.node if row else root.node,
        entity=row.entity_id if row else root.entity_id,
        what=root.what,
        time=format_time(root.from_ns),
        is_state=root.rule.nature is Nature.SYMPTOM and root.rule.role is Role.ORIGIN,
    )


def _chain_steps(story: _Story, entities: EntityIndex) -> Iterator[ChainStep]:
    for step, edge in zip(story.steps, (None, *story.chain), strict=True):
        yield ChainStep(
            time=format_time(step.from_ns),
            entity=entities.row(step.entity_id).reference,
            symptom=step.rule.name,
            symptom_id=step.id,
            what=step.what,
            evidence=step.evidence,
            edge=None if edge is None else ChainEdge(edge.rule, edge.confidence, edge.lag_ns),
        )


def _supports(story: _Story, graph: CausalGraph) -> Iterator[Statement]:
    if not story.candidate.is_cause:
        yield from considered_causes(story.candidate.root, graph)
    if story.pattern is not None:
        yield Statement(what=story.pattern.meaning, evidence=())
    for edge in story.chain[:MAX_SUPPORTS]:
        target = graph.symptoms[edge.target]
        lag = (
            f"{format_duration(edge.lag_ns)} later"
            if edge.lag_ns > 0
            else f"had begun {format_duration(-edge.lag_ns)} earlier"
        )
        lag = "at the same moment" if edge.lag_ns == 0 else lag
        yield Statement(
            what=f"{edge.says} ({lag}; {edge.relation})",
            evidence=tuple(dict.fromkeys((*edge.evidence, *target.evidence[:1]))),
        )


def _compare(story: _Story, comparisons: ComparisonSearch) -> Iterator[Comparison]:
    """The root cause compared with what it did not reach, by the effect of `_compared_effect`."""
    effect = _compared_effect(story)
    if effect is not None:
        yield from comparisons.compare(story.candidate.root, effect)


def _compared_effect(story: _Story) -> FoundSymptom | None:
    """The first severe step of the chain; None if there is none."""
    return next((step for step in story.steps[1:] if step.is_severe), None)


def _is_weighed(story: _Story) -> bool:
    """Whether the confidence of the chain's first edge has what the comparison says (`analyzer.reasoning.contrast`)."""
    return len(story.steps) > 1 and story.steps[1] is _compared_effect(story)


def _refutations(story: _Story, graph: CausalGraph) -> Iterator[Statement]:
    """What the pattern says speaks against it and was found on what the chain concerns; each of these once."""
    concerned = {
        part for step in story.steps for part in (step.entity_id, step.pod_id, step.workload_id, step.node) if part
    }
    for wanted in story.pattern.refuted_by if story.pattern else ():
        for symptom in graph.symptoms.values():
            if (
                symptom.rule.name == wanted.symptom
                and symptom.number != story.candidate.root.number
                and not concerned.isdisjoint((symptom.entity_id, symptom.pod_id, symptom.name))
                and symptom.from_ns <= story.to_ns
            ):
                yield Statement(what=f"{wanted.says}: {symptom.what}", evidence=symptom.evidence[:1])
                break


def _missing(story: _Story, context: Context) -> Iterator[Statement]:
    """What the pattern says would decide and was not recorded."""
    names = {symptom.rule.name for symptom in context.graph.symptoms.values()}

    def is_there(wanted: Wanted) -> bool:
        if wanted.table is not None:
            return context.recorded.rows.get(wanted.table, 0) > 0
        return wanted.symptom in names

    for wanted in story.pattern.needs if story.pattern else ():
        if not is_there(wanted):
            yield Statement(what=wanted.says, evidence=())
    if not story.candidate.is_cause:
        yield from deciding_evidence(context.recorded)


def _overlapping_losses(story: _Story, recorded: Recorded) -> Iterator[Statement]:
    """Losses in the decisive time, of tables that the chain rests on: what is not there cannot speak against it."""
    tables = {identifier.split(":", 1)[0] for step in story.steps for identifier in step.evidence}
    for loss in recorded.losses:
        if loss.table in tables and loss.from_ns <= story.to_ns and loss.to_ns >= story.from_ns:
            yield Statement(what=loss.what, evidence=())


def _required(story: _Story, graph: CausalGraph) -> Iterator[FoundSymptom]:
    """For each thing that the pattern requires the symptom that is it: on the chain if possible, else the earliest."""
    told = [*story.steps, *(graph.symptoms[number] for number in sorted(story.explained))]
    for alternatives in story.pattern.requires if story.pattern else ():
        yield from [symptom for symptom in told if symptom.rule.name in alternatives][:1]


def _values(story: _Story, context: Context) -> dict[str, str]:
    """What the placeholders of a pattern stand for (`analyzer.knowledge.check.PATTERN_PLACEHOLDERS`)."""
    root, entities = story.candidate.root, context.entities
    details: dict[str, str] = {}
    for symptom in (*_required(story, context.graph), root):
        details |= symptom.details
    effect = story.first_severe_effect or root
    workload = entities.get(effect.workload_id) or entities.get(root.workload_id)
    named, own = story.root, entities.get(root.workload_id)
    return {
        **{column: _readable(column, value, root.kind) for column, value in details.items()},
        "root": f"{root.kind} {root.name}",
        "root_kind": named.kind if named else root.kind,
        "root_name": named.name if named else root.name,
        "namespace": (named.namespace if named else root.namespace) or "default",
        "effect": f"{effect.kind} {effect.name}",
        "effect_name": effect.name,
        "effect_what": effect.what,
        "workload": workload.name if workload else effect.name,
        "workload_kind": workload.kind if workload else effect.kind,
        "root_workload": own.name if own else root.name,
        "root_workload_kind": own.kind if own else root.kind,
        "node": root.node or "the node",
    }


def _readable(column: str, value: str, kind: str) -> str:
    """A recorded value for a recommendation; of a ConfigMap's or Secret's often only the digest was recorded."""
    if not value.startswith(DIGEST_PREFIX):
        return shorten(value)
    if column != "old_value":
        return "its new value"
    return f"its old value{' (not recorded: see `configmap_values`)' if kind == 'ConfigMap' else ''}"
