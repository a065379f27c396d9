"""`tapio pattern show`: what a rule says, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer.knowledge.evidence_tables import symptoms_of_pattern, tables_of_symptom
from analyzer.knowledge.expression import Expression
from analyzer.knowledge.feedback import describe_feedback
from analyzer.knowledge.rules import (
    CauseRule,
    Knowledge,
    MechanismRule,
    Nature,
    PatternRule,
    PatternTest,
    SymptomRule,
    Wanted,
)
from analyzer.knowledge.trend_rules import TrendRule, TrendTest
from formats.units import format_duration


def describe_rules(name: str, knowledge: Knowledge) -> tuple[str, ...]:
    """What every pattern, trend, symptom, cause and mechanism of this name says, line by line; empty without one."""
    parts: list[tuple[str, ...]] = [
        *(tuple(_describe_pattern(rule, knowledge)) for rule in knowledge.patterns if rule.name == name),
        *(tuple(_describe_trend(rule)) for rule in knowledge.trends if rule.name == name),
        *(tuple(_describe_symptom(rule, knowledge)) for rule in knowledge.symptoms if rule.name == name),
        *(tuple(_describe_mechanism(rule, knowledge)) for rule in knowledge.mechanisms if rule.name == name),
        *(tuple(_describe_cause(rule)) for rule in knowledge.causes if rule.name == name and not rule.is_mechanism),
    ]
    return tuple(line for number, part in enumerate(parts) for line in ((*([""] if number else []), *part)))


def names_of_rules(knowledge: Knowledge) -> frozenset[str]:
    """Every name that `describe_rules` knows."""
    rules = (knowledge.patterns, knowledge.trends, knowledge.symptoms, knowledge.causes)
    return frozenset(rule.name for group in rules for rule in group)


def trends_of_pattern(rule: PatternRule, knowledge: Knowledge) -> tuple[TrendRule, ...]:
    """The trends that foretell a symptom which a finding of the pattern needs."""
    names = set(symptoms_of_pattern(rule))
    return tuple(trend for trend in knowledge.trends if not names.isdisjoint(trend.foretells))


def _describe_pattern(rule: PatternRule, knowledge: Knowledge) -> Iterator[str]:
    yield f"Pattern {rule.name} ({rule.category})"
    yield f"  {rule.title}"
    yield ""
    yield from _section("Meaning", [rule.meaning])
    yield from _section("Begins with any of", [line for name in rule.roots for line in _root_lines(name, knowledge)])
    yield from _section("Requires (explained by the root, or the root itself)", [" or ".join(n) for n in rule.requires])
    yield from _section("Chain, in causal order (at least one must be explained)", rule.chain)
    yield from _section("Named as the root cause", [rule.root_cause] if rule.root_cause else [])
    yield from _section("Refuted by", [_describe_wanted(wanted) for wanted in rule.refuted_by])
    yield from _section(
        "Evidence: recorded tables that each symptom is read from", list(_evidence_lines(rule, knowledge))
    )
    yield from _section("Also needs", [_describe_wanted(wanted) for wanted in rule.needs])
    yield from _section("Foretold by", [f"trend {trend.name}" for trend in trends_of_pattern(rule, knowledge)])
    yield from _section("Actions", rule.actions)
    yield from _section("Tests", [_describe_test(test) for test in rule.tests])
    yield from _section("Feedback", [describe_feedback(rule)])
    yield f"Defined at {rule.where}"


def _evidence_lines(rule: PatternRule, knowledge: Knowledge) -> Iterator[str]:
    for name in symptoms_of_pattern(rule):
        yield f"{name}: {' or '.join(sorted(tables_of_symptom(knowledge.symptom(name))))}"


def _root_lines(name: str, knowledge: Knowledge) -> Iterator[str]:
    rule = knowledge.symptom(name)
    yield f"{name}: {rule.title}"
    yield f"  {_describe_source(rule)}"


def _describe_source(rule: SymptomRule) -> str:
    facts = " or ".join(rule.facts)
    rows = f" where {_sql(rule.only_if)}" if rule.only_if else ""
    return f"in {'facts' if len(rule.facts) > 1 else 'fact'} {facts}{rows}"


def _describe_wanted(wanted: Wanted) -> str:
    what = f"symptom {wanted.symptom}" if wanted.symptom else f"rows in table {wanted.table}"
    return f"{what}: {wanted.says}"


def _describe_test(test: PatternTest) -> str:
    if test.root_kind is None:
        return f"{test.capture}: {'no finding at all' if test.is_nothing else 'not found'}"
    place = "/".join(part for part in (test.root_namespace, test.root_name) if part)
    chain = f", through {' → '.join(test.chain)}" if test.chain else ""
    return f"{test.capture}: found, with root cause {test.root_kind} {place}{chain}"


def _describe_trend(rule: TrendRule) -> Iterator[str]:
    yield f"Trend {rule.name} (confidence {rule.confidence:.2f})"
    yield f"  {rule.title}"
    yield ""
    yield from _section("Meaning", [rule.meaning])
    yield from _section("Foretells any of", rule.foretells)
    yield from _section("Observed", list(_trend_lines(rule)))
    yield from _section("Actions", rule.actions)
    yield from _section("Tests", [_describe_trend_test(test) for test in rule.tests])
    yield f"Defined at {rule.where}"


def _trend_lines(rule: TrendRule) -> Iterator[str]:
    rows = f" where {_sql(rule.only_if)}" if rule.only_if else ""
    yield f"in fact {rule.fact}{rows}"
    yield f"{_sql(rule.quantity)} grows towards {_sql(rule.limit)}"
    if rule.series:
        yield f"one line for each {' and '.join(rule.series)} of an entity"
    windows = " or ".join(format_duration(window) for window in rule.windows_ns)
    yield f"over {windows}, with at least {rule.samples} readings, above {rule.above:.0%} of the limit"
    if rule.stale_ns is not None:
        yield f"a reading is valid for {format_duration(rule.stale_ns)}"


def _describe_trend_test(test: TrendTest) -> str:
    if test.kind is None:
        return f"{test.capture}: nothing is foretold"
    return f"{test.capture}: foretold for {test.kind} {test.name}, at least {format_duration(test.lead_ns)} before"


def _describe_symptom(rule: SymptomRule, knowledge: Knowledge) -> Iterator[str]:
    condition = f", the entity is {rule.condition}" if rule.condition else ""
    yield f"Symptom {rule.name} ({rule.nature}, {rule.severity}{condition})"
    yield f"  {rule.title}"
    yield ""
    yield from _section("Observed", list(_observation_lines(rule)))
    yield from _section("Caused by", _links(cause for cause in knowledge.causes if rule.name in cause.effects))
    yield from _section("Causes", _links(cause for cause in knowledge.causes if rule.name in cause.causes))
    yield from _section(
        "Foretold by", [f"trend {trend.name}" for trend in knowledge.trends if rule.name in trend.foretells]
    )
    yield from _section("An early sign of", list(_foretold_lines(rule)))
    yield from _section("Patterns that begin with it", [p.name for p in knowledge.patterns if rule.name in p.roots])
    others = [
        p.name for p in knowledge.patterns if rule.name in {*p.chain, *(n for names in p.requires for n in names)}
    ]
    yield from _section("Patterns that contain it as an effect", others)
    yield f"Defined at {rule.where}"


def _foretold_lines(rule: SymptomRule) -> Iterator[str]:
    for foretold in rule.foretells:
        sign = "the first event" if foretold.after == 1 else f"event {foretold.after:,}"
        within = format_duration(foretold.within_ns)
        yield f"{foretold.symptom}: follows {sign} within {within} in {foretold.share:.0%} of the episodes"


def _observation_lines(rule: SymptomRule) -> Iterator[str]:
    yield _describe_source(rule)
    if rule.merge_ns:
        yield f"events no further apart than {format_duration(rule.merge_ns)} are one episode"
    if rule.at_least > 1:
        yield f"an episode needs at least {rule.at_least:,} events"
    if rule.lasting_ns:
        yield f"an episode lasts at least {format_duration(rule.lasting_ns)}"
    if rule.ordinary_ns:
        yield f"ordinary, and no finding, if it is over in less than {format_duration(rule.ordinary_ns)}"
    if rule.ordinary_if:
        yield f"ordinary, and no finding, if {_sql(rule.ordinary_if)}"
    if rule.ordinary_begin_ns is not None:
        within = format_duration(rule.ordinary_begin_ns)
        yield f"ordinary, and no finding, if it begins within {within} of the recording"
    if rule.heals_within_ns is not None:
        within = format_duration(rule.heals_within_ns)
        yield f"ordinary, and no finding, if all that it leads to heals, or if the recording ends within {within}"
    if rule.except_during:
        yield f"not during {' or '.join(rule.except_during)}"
    if rule.nature is Nature.SYMPTOM and rule.role == "effect":
        yield "always an effect: never the root cause"


def _links(causes: Iterator[CauseRule]) -> list[str]:
    return [f"{'mechanism' if cause.is_mechanism else 'cause'} {cause.name}" for cause in causes]


def _describe_cause(rule: CauseRule) -> Iterator[str]:
    yield f"Cause {rule.name} (confidence {rule.confidence:.2f})"
    yield f"  {rule.says}"
    yield ""
    yield from _link_sections(rule)


def _describe_mechanism(rule: MechanismRule, knowledge: Knowledge) -> Iterator[str]:
    yield f"Mechanism {rule.name} (confidence {rule.confidence:.2f})"
    yield f"  {rule.says}"
    yield ""
    yield from _section("Meaning", [rule.meaning])
    yield from _link_sections(rule)
    (expanded,) = (cause for cause in knowledge.causes if cause.name == rule.name)
    linked = f"{len(expanded.causes):,} symptoms as causes and {len(expanded.effects):,} as effects"
    yield f"It links {linked}."


def _link_sections(rule: CauseRule | MechanismRule) -> Iterator[str]:
    yield from _section("From any of", rule.causes)
    yield from _section("To any of", rule.effects)
    yield from _section("Related by any of", [path.text for path in rule.paths])
    yield from _section("If", [_sql(rule.only_if)] if rule.only_if else [])
    least, most = rule.lag_ns
    begins = f"{format_duration(least)} after" if least >= 0 else f"{format_duration(-least)} before"
    longest = format_duration(most)
    yield f"The effect begins at the earliest {begins} the cause began, and at the latest {longest} after it ended."
    yield f"Defined at {rule.where}"


def _section(heading: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"{heading}:"
        yield from (f"  {line}" for line in lines)


def _sql(expression: Expression) -> str:
    return " ".join(expression.sql.split())
