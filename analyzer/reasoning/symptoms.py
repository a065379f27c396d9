"""Symptoms: what the rules of `kind: Symptom` find in the facts, merged into episodes, one row each."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NewType

import duckdb
import pyarrow as pa

from analyzer.guard.activity import working_on
from analyzer.knowledge.check import FactColumns, fill
from analyzer.knowledge.compile import (
    episodes_query,
    exceptions_query,
    merged_episodes_query,
    occurrences_query,
    showing_query,
)
from analyzer.knowledge.files import is_shipped
from analyzer.knowledge.rules import Knowledge, Nature, Role, Severity, SymptomRule
from analyzer.model.build import PartStep
from analyzer.model.declarations import Scope
from analyzer.model.engine import Engine
from analyzer.model.engine_tables import declared_facts, read_tables
from formats.errors import KnowledgeError
from formats.text import cut_middle, cut_text
from formats.units import format_duration

MAX_EPISODES_PER_RULE = 5_000
"""Episodes of one rule in one part of a capture, those with most events kept. Why: the graph is for people."""

MAX_SYMPTOMS = 20_000
"""Symptoms of one capture, the severest kept. Why: the graph is held in memory and searched from every root."""

UNSEEN_NS = 15_000_000_000
"""What shows in moments alone (a failed connection, a kill) may be going on if it was last seen so shortly before the
capture ended. Why: callers and probes that fail try again every ten seconds or more often."""

_TABLES = read_tables(Path(__file__).parent)
_SEVERITY_ORDER = {Severity.FATAL: 0, Severity.ERROR: 1, Severity.WARNING: 2, Severity.INFO: 3}
_TEXT_SHOWN = 200
_TITLE_SHOWN = 2_000


SymptomId = NewType("SymptomId", str)
"""What documents call a symptom: `s` and its number. Made by `FoundSymptom.id` alone, compared, never taken apart."""


@dataclass(frozen=True, slots=True)
class FoundSymptom:
    """One episode of one symptom on one entity: a node of the causality graph.

    Attributes:
        number: its place in order of begin, from 1.
        rule: what it is an episode of.
        entity_id: key of the table `entity`.
        pod_id: of containers and processes; None for others.
        workload_id: of pods and what belongs to them; None for others.
        entity_from_ns: when the entity began to exist, in unix ns.
        pod_ready_ns: when its pod was ready for the first time, in unix ns; None if it never was, or outside of pods.
        from_ns, to_ns: unix ns, both included.
        seen_from_ns: `from_ns`, or the start of the capture if it began earlier. Lags are between these: of two states
            that were there before the recording, nothing tells which came first.
        is_open: it had not ended when the capture ended.
        is_ordinary: every healthy cluster has such: it makes no finding.
        is_ongoing: it is open, or its fact does not tell and its last event is close to the end of the capture.
        recorded_on: node whose clock gave the times.
        details: the kept columns by name, as text; those without a value are left out.
        evidence: at most 20 event ids, first and last among them.
        what: one sentence.
    """

    number: int
    rule: SymptomRule
    entity_id: str
    kind: str
    namespace: str | None
    name: str
    node: str | None
    pod_id: str | None
    workload_id: str | None
    entity_from_ns: int
    pod_ready_ns: int | None
    from_ns: int
    to_ns: int
    seen_from_ns: int
    is_open: bool
    is_ongoing: bool
    is_ordinary: bool
    recorded_on: str | None
    count: int
    magnitude: int | None
    details: Mapping[str, str]
    evidence: tuple[str, ...]
    what: str

    @property
    def id(self) -> SymptomId:
        """What documents call it."""
        return SymptomId(f"s{self.number}")

    @property
    def is_severe(self) -> bool:
        """Whether it is bad enough to want a finding."""
        return self.rule.is_severe and not self.is_ordinary

    @property
    def may_be_root(self) -> bool:
        """Whether a finding may begin with it."""
        return self.rule.nature is not Nature.CONTEXT and self.rule.role is not Role.EFFECT


@dataclass(frozen=True, slots=True)
class Symptoms:
    """All symptoms of a capture.

    Attributes:
        items: in order of number.
        left_out: how many episodes were left out because of `MAX_SYMPTOMS`.
    """

    items: tuple[FoundSymptom, ...]
    left_out: int


def count_readers(knowledge: Knowledge) -> Counter[str]:
    """How many symptom rules read each fact."""
    return Counter(fact for rule in knowledge.symptoms for fact in rule.facts)


class SymptomSearch:
    """Looks for the episodes of every symptom rule, one part of the capture after the other, then over the whole.

    Args:
        engine: its database holds the facts, `entity` and `relation`.
        knowledge: the rules.
        facts: DuckDB type by column by fact.
    """

    def __init__(self, engine: Engine, knowledge: Knowledge, facts: FactColumns) -> None:
        self._engine = engine
        self._knowledge = knowledge
        self._facts = facts
        pairs = [(rule, fact) for rule in knowledge.symptoms for fact in rule.facts]
        part_facts = {fact.name for fact in declared_facts().values() if fact.scope is Scope.PART}
        self._by_part = [(rule, fact) for rule, fact in pairs if fact in part_facts]
        self._over_all = [(rule, fact) for rule, fact in pairs if fact not in part_facts]
        engine.execute(_TABLES["episode"].empty_sql)
        engine.execute(_TABLES["symptom_rule"].empty_sql)
        engine.insert("symptom_rule", _settings_of(knowledge.symptoms))

    @property
    def part_step(self) -> PartStep:
        """Takes the episodes of one part. It raises KnowledgeError if an expression fails on what was recorded."""
        return PartStep(reads={fact: () for _rule, fact in self._by_part}, run=lambda _part: self._add(self._by_part))

    def finish(self, fact_rows: Mapping[str, int] | None = None) -> Symptoms:
        """All symptoms, which are also in the table `symptom`. Call it after every part has been added.

        Args:
            fact_rows: how many rows facts have, where that is known; rules that find nothing
                in these are not asked for episodes.

        Raises:
            KnowledgeError: if an expression fails on what was recorded (an overflow), with its place.
        """
        rows = fact_rows or {}
        asked = [(rule, fact) for rule, fact in self._over_all if rows.get(fact) != 0]
        shipped = [(rule, fact) for rule, fact in asked if is_shipped(rule.where)]
        self._add([*self._leave_out_silent(shipped, rows), *(pair for pair in asked if not is_shipped(pair[0].where))])
        return _number_symptoms(self._engine, self._knowledge, self._facts)

    def _leave_out_silent(
        self, pairs: Sequence[tuple[SymptomRule, str]], known: Collection[str]
    ) -> list[tuple[SymptomRule, str]]:
        """Leaves out the rules that find nothing in a fact which is kept as a table: asking that is planned faster."""
        rules: dict[str, list[SymptomRule]] = defaultdict(list)
        for rule, fact in pairs:
            if fact in known:
                rules[fact].append(rule)
        if not rules:
            return list(pairs)
        try:
            answers = dict(self._engine.rows(showing_query(rules)))
        except duckdb.Error:
            return list(pairs)  # the rule to blame is found when all are asked
        shows = {
            (rule.name, fact): shown
            for fact, asked in rules.items()
            for rule, shown in zip(asked, answers[fact], strict=True)
        }
        return [(rule, fact) for rule, fact in pairs if shows.get((rule.name, fact), True)]

    def _add(self, pairs: Sequence[tuple[SymptomRule, str]]) -> None:
        """Adds the episodes of these rules: of the shipped ones at once, of each other one by itself and measured."""
        self._insert([pair for pair in pairs if is_shipped(pair[0].where)])
        for rule, fact in pairs:
            if not is_shipped(rule.where):
                with working_on(f"symptom `{rule.name}` in {rule.where}"):
                    self._insert([(rule, fact)])

    def _insert(self, pairs: Sequence[tuple[SymptomRule, str]]) -> None:
        if not pairs:
            return
        queries = [occurrences_query(rule, fact, self._facts) for rule, fact in pairs]
        try:
            self._engine.execute(f"INSERT INTO episode {episodes_query(queries, MAX_EPISODES_PER_RULE)}")
        except duckdb.Error:
            for (rule, _fact), query in zip(pairs, queries, strict=True):
                _run_alone(self._engine, rule, query)
            raise


def _settings_of(rules: Sequence[SymptomRule]) -> pa.Table:
    """The rows of `symptom_rule`."""
    names = ("name", "merge_ns", "at_least", "lasting_ns")
    schema = pa.schema(
        [(name, pa.utf8() if name in ("name", "combine") else pa.int64()) for name in (*names, "combine")]
    )
    rows = [{**{name: getattr(rule, name) for name in names}, "combine": rule.combine.value} for rule in rules]
    return pa.Table.from_pylist(rows, schema=schema)


def _run_alone(engine: Engine, rule: SymptomRule, query: str) -> None:
    """Finds the rule that is to blame for a failed query over all rules."""
    try:
        engine.rows(f"SELECT count(name), count(value), max(details) FROM ({query})")  # noqa: S608 - see analyzer.knowledge.compile
    except duckdb.Error as problem:
        place = rule.only_if.where if rule.only_if is not None else rule.where
        sentence = str(problem).splitlines()[0]
        raise KnowledgeError(
            f"symptom `{rule.name}` fails on this capture: {sentence}",
            where=place,
            next_step="make the expression handle null and unexpected values",
        ) from None


def _number_symptoms(engine: Engine, knowledge: Knowledge, facts: FactColumns) -> Symptoms:
    engine.execute(_TABLES["merged_episode"].empty_sql)
    engine.execute(f"INSERT INTO merged_episode {merged_episodes_query()}")
    exceptions = exceptions_query(knowledge.symptoms)
    if exceptions is not None:
        engine.execute(f"DELETE FROM merged_episode WHERE (name, entity_id, from_ns) IN ({exceptions})")  # noqa: S608 - of ours
    seen = {row[0] for row in engine.rows("SELECT DISTINCT name FROM merged_episode")}
    severities = " ".join(
        f"WHEN '{rule.name}' THEN {_SEVERITY_ORDER[rule.severity]}" for rule in knowledge.symptoms if rule.name in seen
    )
    severity = f"CASE merged.name {severities} END" if severities else "CAST(0 AS INTEGER)"  # a bare 0 names a column
    engine.execute(_TABLES["symptom"].empty_sql)
    engine.execute(
        f"""
        INSERT INTO symptom BY NAME
        SELECT row_number() OVER (ORDER BY from_ns, name, entity_id) AS symptom_id, *
        FROM (
          SELECT merged.* EXCLUDE (moments), entity.kind, entity.namespace, entity.name AS entity_name, entity.node,
            entity.pod_id, entity.workload_id, entity.from_ns AS entity_from_ns,
            ready.at_ns AS pod_ready_ns,
            greatest(merged.from_ns, (SELECT min(from_ns) FROM capture_window)) AS seen_from_ns
          FROM merged_episode AS merged
          JOIN entity USING (entity_id)
          LEFT JOIN (
            SELECT entity_id AS pod_id, min(at_ns) AS at_ns
            FROM pod_condition WHERE type = 'Ready' AND status = 'True' GROUP BY entity_id
          ) AS ready ON ready.pod_id = entity.pod_id
          ORDER BY {severity}, merged.from_ns, merged.name, entity_id LIMIT {MAX_SYMPTOMS}
        )
        """  # noqa: S608 - names of rules are checked by the loader
    )
    found = int(engine.value("SELECT count(*) FROM merged_episode JOIN entity USING (entity_id)"))
    rules = {rule.name: rule for rule in knowledge.symptoms}
    knows_end = {rule.name: all("is_open" in facts[fact] for fact in rule.facts) for rule in knowledge.symptoms}
    ((begin_ns, end_ns),) = engine.rows("SELECT min(from_ns), max(to_ns) FROM capture_window")
    rows = engine.records(
        """
        SELECT symptom_id, name, entity_id, kind, namespace, entity_name, node, pod_id, workload_id, entity_from_ns,
          pod_ready_ns, from_ns, to_ns, seen_from_ns, is_open, is_ordinary, recorded_on, count, magnitude, details,
          evidence
        FROM symptom ORDER BY symptom_id
        """
    )
    items = []
    for row in rows:
        rule = rules[row["name"]]
        kept = json.loads(row["details"])
        may_go_on = not knows_end[rule.name] and end_ns is not None and row["to_ns"] >= end_ns - UNSEEN_NS
        is_ongoing = row["is_open"] or may_go_on
        items.append(
            FoundSymptom(
                number=row["symptom_id"],
                rule=rule,
                entity_id=row["entity_id"],
                kind=row["kind"],
                namespace=row["namespace"],
                name=row["entity_name"],
                node=row["node"],
                pod_id=row["pod_id"],
                workload_id=row["workload_id"],
                entity_from_ns=row["entity_from_ns"],
                pod_ready_ns=row["pod_ready_ns"],
                from_ns=row["from_ns"],
                to_ns=row["to_ns"],
                seen_from_ns=row["seen_from_ns"],
                is_open=row["is_open"],
                is_ongoing=is_ongoing,
                is_ordinary=row["is_ordinary"]
                or (not is_ongoing and row["to_ns"] - row["from_ns"] < rule.ordinary_ns)
                or (rule.ordinary_begin_ns is not None and row["from_ns"] <= begin_ns + rule.ordinary_begin_ns),
                recorded_on=row["recorded_on"],
                count=row["count"],
                magnitude=row["magnitude"],
                details={key: value for key, value in kept.items() if value is not None},
                evidence=tuple(dict.fromkeys(row["evidence"])),
                what=describe_episode(rule, row, kept),
            )
        )
    return Symptoms(items=tuple(items), left_out=found - len(items))


def describe_episode(rule: SymptomRule, row: Mapping[str, object], kept: Mapping[str, str | None]) -> str:
    """The sentence of an episode.

    Args:
        rule: whose title it is.
        row: `from_ns`, `to_ns`, `kind`, `entity_name`, `namespace`, `node`, `count` and `magnitude` of the episode.
        kept: the kept columns by name.
    """
    duration = format_duration(int(str(row["to_ns"])) - int(str(row["from_ns"])))
    values = {column: shorten(kept.get(column) or "nothing") for column in rule.keep}
    values.update(
        entity=f"{row['kind']} {row['entity_name']}",
        kind=str(row["kind"]),
        name=str(row["entity_name"]),
        namespace=str(row["namespace"] or "no namespace"),
        node=str(row["node"] or "no node"),
        count=str(row["count"]),
        magnitude="?" if row["magnitude"] is None else f"{row['magnitude']:,}",
        duration=duration,
    )
    return cut_text(fill(rule.title, values), _TITLE_SHOWN)


def shorten(text: str) -> str:
    """A recorded text on one line, cut in the middle to what a sentence can bear."""
    return cut_middle(" ".join(text.split()), _TEXT_SHOWN)
