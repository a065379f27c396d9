"""Promises of the recorded tables behind rules: every shipped pattern names what a recording must have."""

from __future__ import annotations

import pytest

from analyzer.knowledge.evidence_tables import symptoms_of_pattern, tables_of_symptom
from formats.catalog import TABLES
from tests.analyzed import shipped_knowledge

NAMES = {table.name for table in TABLES}


@pytest.mark.parametrize(
    ("symptom", "tables"),
    [
        ("kernel-oom-kill", {"oom"}),
        ("requests-failing", {"request"}),
        ("readiness-probe-failing", {"kube_event", "probe"}),
        ("config-changed", {"kube_object"}),
        ("memory-near-limit", {"memory"}),
    ],
)
def test_a_symptom_is_read_from_the_tables_that_its_facts_cannot_do_without(symptom: str, tables: set[str]) -> None:
    assert tables_of_symptom(shipped_knowledge().symptom(symptom)) == tables


def test_every_symptom_is_read_from_a_recorded_table() -> None:
    for symptom in shipped_knowledge().symptoms:
        tables = tables_of_symptom(symptom)
        assert tables, symptom.name
        assert tables <= NAMES, symptom.name


def test_a_pattern_needs_what_it_begins_with_and_requires_each_once() -> None:
    (pattern,) = (rule for rule in shipped_knowledge().patterns if rule.name == "memory-leak")
    assert symptoms_of_pattern(pattern) == ("container-oom-killed", "kernel-oom-kill", "memory-near-limit")
