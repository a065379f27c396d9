"""Checks what rules refer to: facts, columns, symptoms, placeholders, expressions; all before a capture is read."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from analyzer.knowledge.compile_changes import CHANGE_COLUMNS
from analyzer.knowledge.expression_check import ExpressionChecker
from analyzer.knowledge.mistakes import ReportMistake, mistakes_to, raise_mistake
from analyzer.knowledge.rules import CauseRule, Knowledge, Nature, PatternRule, SymptomRule
from analyzer.knowledge.trend_rules import TrendRule
from analyzer.model.declarations import Scope
from analyzer.model.engine_tables import declared_facts
from formats.catalog import TABLES
from formats.errors import KnowledgeError
from formats.suggestion import suggest

FactColumns = Mapping[str, Mapping[str, str]]
"""DuckDB type by column by fact."""

EPISODE_COLUMNS: Mapping[str, str] = {
    "symptom": "VARCHAR",
    "entity_id": "VARCHAR",
    "kind": "VARCHAR",
    "namespace": "VARCHAR",
    "name": "VARCHAR",
    "node": "VARCHAR",
    "entity_from_ns": "BIGINT",
    "from_ns": "BIGINT",
    "to_ns": "BIGINT",
    "count": "BIGINT",
    "magnitude": "BIGINT",
}
"""Columns of `cause` and `effect` in the `when:` of a cause, in addition to those that their symptoms keep."""

TITLE_PLACEHOLDERS = frozenset({"entity", "kind", "name", "namespace", "node", "count", "magnitude", "duration"})
"""Placeholders of the title of a symptom, in addition to the columns that it keeps."""

CAUSE_PLACEHOLDERS = frozenset({"cause", "effect", "cause_name", "effect_name", "lag"})
"""What `says:` of a cause may name."""

TREND_PLACEHOLDERS = frozenset({"entity", "kind", "name", "namespace", "node", "level", "limit", "rate"})
"""Placeholders of titles and actions of a trend, in addition to the columns of `series`."""

PATTERN_PLACEHOLDERS = frozenset(
    {
        *("root", "root_kind", "root_name", "root_workload", "root_workload_kind", "namespace", "node"),
        *("effect", "effect_name", "effect_what", "workload", "workload_kind"),
    }
)
"""Placeholders of titles and actions of a pattern, in addition to the columns that all its roots keep."""

_Rule = SymptomRule | CauseRule | PatternRule | TrendRule
_SORTS = {SymptomRule: "symptom", CauseRule: "cause", PatternRule: "pattern", TrendRule: "trend"}

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def check_knowledge(knowledge: Knowledge, facts: FactColumns, report: ReportMistake = raise_mistake) -> None:
    """Checks every reference of every rule.

    Args:
        knowledge: as it was loaded.
        facts: DuckDB type by column by fact.
        report: is given at most one mistake per rule, in order of kind and name. By default it is raised.

    Raises:
        KnowledgeError: for the first mistake, with its place, unless `report` returns.
    """
    symptoms = {rule.name: rule for rule in knowledge.symptoms}
    mistaken = set(symptoms)
    with ExpressionChecker() as checker:
        for symptom in knowledge.symptoms:
            with mistakes_to(report):
                _check_symptom(symptom, facts, checker)
                _check_names(symptom.except_during, symptoms, symptom, "except_during")
                _check_foretold([item.symptom for item in symptom.foretells], symptoms, symptom)
                mistaken.remove(symptom.name)
        for trend in knowledge.trends:
            with mistakes_to(report):
                _check_trend(trend, symptoms, facts, checker)
        for cause in knowledge.causes:
            if mistaken.isdisjoint((*cause.causes, *cause.effects)):  # else nobody knows what these symptoms keep
                with mistakes_to(report):
                    _check_cause(cause, symptoms, facts, checker)
        for change in knowledge.changes:
            if change.only_if is not None:
                with mistakes_to(report):
                    checker.check(change.only_if, CHANGE_COLUMNS, of=f"change `{change.name}`")
    for pattern in knowledge.patterns:
        with mistakes_to(report):
            _check_pattern(pattern, symptoms)


def placeholders(template: str) -> tuple[str, ...]:
    """The names in braces of a template, in order."""
    return tuple(_PLACEHOLDER.findall(template))


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with its placeholders replaced, once: what was put in is not read again."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], "?"), template)


def kept_columns(names: Collection[str], symptoms: Mapping[str, SymptomRule], facts: FactColumns) -> dict[str, str]:
    """Name and type of every column that some of these symptoms keep."""
    columns: dict[str, str] = {}
    for name in sorted(names):
        rule = symptoms[name]
        for column in rule.keep:
            columns[column] = facts[rule.facts[0]][column]
    return columns


def _check_symptom(rule: SymptomRule, facts: FactColumns, checker: ExpressionChecker) -> None:
    for fact in rule.facts:
        if fact not in facts:
            raise KnowledgeError(
                f"symptom `{rule.name}` reads the unknown fact `{fact}`",
                where=_place_of(rule, "from"),
                next_step=suggest(fact, facts),
            )
        columns = facts[fact]
        of = f"fact {fact}"
        for column in (rule.entity, *rule.keep):
            if column not in columns:
                raise KnowledgeError(
                    f"{of} has no column `{column}`, which symptom `{rule.name}` uses",
                    where=_place_of(rule, "keep" if column in rule.keep else "entity"),
                    next_step=suggest(column, columns),
                )
        for column in rule.keep:
            if column in EPISODE_COLUMNS or column in TITLE_PLACEHOLDERS:
                raise KnowledgeError(
                    f"symptom `{rule.name}` cannot keep `{column}`: every symptom already has a column of this name",
                    where=_place_of(rule, "keep"),
                )
        for expression in (rule.only_if, rule.ordinary_if, rule.magnitude):
            if expression is not None:
                checker.check(expression, columns, of=of)
    _check_template(
        rule.title, TITLE_PLACEHOLDERS | set(rule.keep), f"the title of symptom `{rule.name}`", _place_of(rule, "title")
    )


def _check_cause(
    rule: CauseRule, symptoms: Mapping[str, SymptomRule], facts: FactColumns, checker: ExpressionChecker
) -> None:
    _check_names(rule.causes, symptoms, rule, "from")
    _check_names(rule.effects, symptoms, rule, "to")
    changed = [name for name in rule.effects if symptoms[name].nature is Nature.CHANGE]
    if changed:
        raise KnowledgeError(
            f"cause `{rule.name}` has the change `{changed[0]}` as an effect; a change cannot be an effect",
            where=_place_of(rule, "to"),
        )
    _check_template(rule.says, CAUSE_PLACEHOLDERS, f"`says` of cause `{rule.name}`", _place_of(rule, "says"))
    if rule.only_if is not None:
        columns = {
            **{f"cause.{name}": kind for name, kind in EPISODE_COLUMNS.items()},
            **{f"cause.{name}": kind for name, kind in kept_columns(rule.causes, symptoms, facts).items()},
            **{f"effect.{name}": kind for name, kind in EPISODE_COLUMNS.items()},
            **{f"effect.{name}": kind for name, kind in kept_columns(rule.effects, symptoms, facts).items()},
        }
        checker.check(rule.only_if, columns, of=f"cause `{rule.name}`")


def _check_pattern(rule: PatternRule, symptoms: Mapping[str, SymptomRule]) -> None:
    of = f"pattern `{rule.name}`"
    tables = {table.name for table in TABLES}
    _check_names(rule.roots, symptoms, rule, "root")
    _check_names(rule.chain, symptoms, rule, "chain")
    _check_names([name for names in rule.requires for name in names], symptoms, rule, "requires")
    for key, items in (("refuted_by", rule.refuted_by), ("needs", rule.needs)):
        _check_names([item.symptom for item in items if item.symptom], symptoms, rule, key)
        for item in items:
            if item.table is not None and item.table not in tables:
                raise KnowledgeError(
                    f"{of} references the unknown table `{item.table}`",
                    where=_place_of(rule, key),
                    next_step=suggest(item.table, tables),
                )
    kept = set.intersection(*(set(symptoms[name].keep) for name in rule.roots))
    kept |= {
        column
        for alternatives in rule.requires
        for column in set.intersection(*(set(symptoms[name].keep) for name in alternatives))
    }
    allowed = PATTERN_PLACEHOLDERS | kept
    _check_template(rule.title, allowed, of, _place_of(rule, "title"))
    for text in rule.actions:
        _check_template(text, allowed, of, _place_of(rule, "actions"))
    for test in rule.tests:
        for name in test.chain:
            if name not in symptoms:
                raise KnowledgeError(
                    f"a test of {of} references the unknown symptom `{name}`",
                    where=test.where,
                    next_step=suggest(name, symptoms),
                )


def _check_trend(
    rule: TrendRule, symptoms: Mapping[str, SymptomRule], facts: FactColumns, checker: ExpressionChecker
) -> None:
    of = f"trend `{rule.name}`"
    if rule.fact not in facts:
        raise KnowledgeError(
            f"{of} reads the unknown fact `{rule.fact}`",
            where=_place_of(rule, "fact"),
            next_step=suggest(rule.fact, facts),
        )
    _check_whole(rule.fact, of, _place_of(rule, "fact"))
    columns = facts[rule.fact]
    for column in (rule.entity, *rule.series):
        if column not in columns:
            raise KnowledgeError(
                f"fact {rule.fact} has no column `{column}`, which {of} uses",
                where=_place_of(rule, "entity" if column == rule.entity else "series"),
                next_step=suggest(column, columns),
            )
    for expression in (rule.only_if, rule.quantity, rule.limit):
        if expression is not None:
            checker.check(expression, columns, of=f"fact {rule.fact}")
    _check_foretold(rule.foretells, symptoms, rule)
    allowed = TREND_PLACEHOLDERS | set(rule.series)
    _check_template(rule.title, allowed, of, _place_of(rule, "title"))
    for text in rule.actions:
        _check_template(text, allowed, of, _place_of(rule, "actions"))


def _check_foretold(names: Collection[str], symptoms: Mapping[str, SymptomRule], rule: SymptomRule | TrendRule) -> None:
    """What is foretold, and the sign itself, are seen in facts over the whole capture: a part has no past."""
    of = f"{_SORTS[type(rule)]} `{rule.name}`"
    _check_names(names, symptoms, rule, "foretells")
    signs = [rule] if names and isinstance(rule, SymptomRule) else []
    for symptom in (*signs, *(symptoms[name] for name in names)):
        for fact in symptom.facts:
            _check_whole(fact, f"`foretells` of {of}", _place_of(rule, "foretells"))


def _check_whole(fact: str, of: str, where: str) -> None:
    declared = declared_facts().get(fact)
    if declared is not None and declared.scope is not Scope.CAPTURE:
        raise KnowledgeError(
            f"{of} needs fact {fact}, which is computed for one part of a capture after the other",
            where=where,
            next_step="choose a fact over the whole capture; docs/facts.md says which facts are part facts",
        )


def _check_names(names: Collection[str], symptoms: Mapping[str, SymptomRule], rule: _Rule, key: str) -> None:
    for name in names:
        if name not in symptoms:
            raise KnowledgeError(
                f"{_SORTS[type(rule)]} `{rule.name}` references the unknown symptom `{name}`",
                where=_place_of(rule, key),
                next_step=suggest(name, symptoms),
            )


def _place_of(rule: _Rule, key: str) -> str:
    """Where the value of a key is written; where the rule begins, if it is left out."""
    return rule.places.get(key, rule.where)


def _check_template(template: str, allowed: Collection[str], of: str, where: str) -> None:
    for name in placeholders(template):
        if name not in allowed:
            raise KnowledgeError(
                f"{of} has the unknown placeholder `{{{name}}}`", where=where, next_step=suggest(name, allowed)
            )
