"""Hand-made facts, entities and relations for tests of the stations after the model."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.knowledge.check import FactColumns
from analyzer.knowledge.rules import Knowledge
from analyzer.model.declarations import EVERY_FACT
from analyzer.model.engine import Engine
from analyzer.model.engine_tables import declared_tables
from analyzer.model.losses import ClockErrors
from analyzer.reasoning.causal_graph import CausalGraph
from analyzer.reasoning.causality import link_symptoms
from analyzer.reasoning.symptoms import Symptoms, SymptomSearch
from tests.analyzer.knowledge_text import load_text

SECOND = 1_000_000_000

ONE_CLOCK = ClockErrors({"n": 0})

FACTS: FactColumns = {
    "trouble": {
        **{column.name: column.type for column in EVERY_FACT},
        "reason": "VARCHAR",
        "size": "BIGINT",
        "to_ns": "BIGINT",
        "is_open": "BOOLEAN",
        "path": "VARCHAR",
        "old_value": "VARCHAR",
        "new_value": "VARCHAR",
    },
    "mishap": {**{column.name: column.type for column in EVERY_FACT}, "reason": "VARCHAR"},
}
"""A fact that knows how long each of its rows holds, and one that knows moments alone."""


def make_tables(engine: Engine) -> None:
    """The tables that the stations ask, empty, and those of the facts."""
    for fact, columns in FACTS.items():
        engine.execute(f"CREATE TABLE {fact} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
    for name in ("entity", "relation", "capture_window", "container_status", "pod_condition"):
        engine.execute(declared_tables()[name].empty_sql)
    engine.execute("INSERT INTO capture_window VALUES (0, ?)", [1000 * SECOND])


def add_entities(engine: Engine, *entity_ids: str, namespace: str = "shop", pod_id: str | None = None) -> None:
    """Entities `Kind/name` that exist from second 0 to 1,000."""
    for entity_id in entity_ids:
        kind, _, name = entity_id.partition("/")
        engine.execute(
            "INSERT INTO entity VALUES (?, ?, ?, ?, ?, NULL, 0, ?, ?, NULL, false)",
            [entity_id, kind, namespace, name, f"uid-{name}", 1000 * SECOND, pod_id],
        )


def relate(engine: Engine, relation: str, source: str, target: str, begin: float = 0, *, end: float = 1000) -> None:
    """A relation that holds between two seconds."""
    engine.execute(
        "INSERT INTO relation VALUES (?, ?, ?, ?, ?, ?)",
        [relation, source, target, round(begin * SECOND), round(end * SECOND), f"kube_object:n:{len(relation)}"],
    )


def add_trouble(
    engine: Engine,
    at: float,
    entity_id: str,
    reason: str,
    *,
    size: int | None = None,
    end: float | None = None,
    node: str = "n",
    seq: int | None = None,
    is_open: bool = False,
    values: tuple[str, str] | None = None,
) -> None:
    """One row of the fact; `values` are the old and the new one of `spec.value`."""
    number = int(engine.value("SELECT count(*) FROM trouble")) if seq is None else seq
    engine.execute(
        "INSERT INTO trouble VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            round(at * SECOND),
            entity_id,
            node,
            number,
            f"kube_event:{node}:{number}",
            reason,
            size,
            None if end is None else round(end * SECOND),
            is_open,
            None if values is None else "spec.value",
            *(values or (None, None)),
        ],
    )


def add_mishap(engine: Engine, at: float, entity_id: str, reason: str) -> None:
    """One row of the fact of moments."""
    engine.execute(
        "INSERT INTO mishap VALUES (?, ?, 'n', ?, ?, ?)",
        [round(at * SECOND), entity_id, round(at), f"tcp:n:{round(at)}", reason],
    )


def symptom_text(name: str, *, nature: str = "symptom", severity: str = "error", more: str = "") -> str:
    """A rule for rows of the fact with this reason."""
    condition = "condition: crashing\n" if nature == "symptom" and "condition:" not in more else ""
    return (
        f"kind: Symptom\nname: {name}\nnature: {nature}\n{condition}severity: {severity}\n"
        f"title: \"{{entity}} shows {name}\"\nfrom: trouble\nwhere: reason = '{name}'\n{more}"
    )


def cause_text(
    name: str, cause: str, effect: str, *, through: str = "same", confidence: float = 0.8, more: str = ""
) -> str:
    """A rule with a lag of 0 to 60 seconds unless `more` says it."""
    lag = "" if "lag:" in more else "lag: [0s, 60s]\n"
    return (
        f'kind: Cause\nname: {name}\nfrom: [{cause}]\nto: [{effect}]\nthrough: "{through}"\n{lag}'
        f'confidence: {confidence}\nsays: "{{effect}} follows {{cause}}"\n{more}'
    )


def find(engine: Engine, knowledge: Knowledge) -> Symptoms:
    """The symptoms in the fact."""
    return SymptomSearch(engine, knowledge, FACTS).finish()


def graph_of(engine: Engine, rules: Sequence[str], *, clocks: ClockErrors = ONE_CLOCK) -> CausalGraph:
    """The causality graph that these rules see in the tables."""
    knowledge = load_text(*rules)
    return link_symptoms(engine, find(engine, knowledge), knowledge, FACTS, clocks=clocks)
