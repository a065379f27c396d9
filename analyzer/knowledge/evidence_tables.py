"""The recorded tables that rules are based on: what a recording must have before a symptom can be observed in it."""

from __future__ import annotations

from analyzer.knowledge.rules import PatternRule, SymptomRule
from analyzer.model.engine_tables import declared_tables
from formats.catalog import TABLES


def tables_of_symptom(rule: SymptomRule) -> frozenset[str]:
    """The recorded tables that the facts of a symptom are read from; one with rows is enough."""
    return frozenset(table for fact in rule.facts for table in _recorded_tables(fact))


def symptoms_of_pattern(rule: PatternRule) -> tuple[str, ...]:
    """Names of the symptoms that a finding of the pattern needs: what it begins with, and what it requires."""
    return tuple(dict.fromkeys((*rule.roots, *(name for names in rule.requires for name in names))))


def _recorded_tables(name: str) -> frozenset[str]:
    """The recorded tables that a table of the engine cannot do without, or is mainly read from."""
    recorded = {table.name for table in TABLES}
    if name in recorded:
        return frozenset({name})
    tables = declared_tables()
    table = tables.get(name)
    if table is None:
        return frozenset()
    told = {read for read in table.reads if read in recorded or (read in tables and tables[read].is_fact)}
    read = set(table.needs) or told or set(table.reads)
    return frozenset(found for each in read for found in _recorded_tables(each))
