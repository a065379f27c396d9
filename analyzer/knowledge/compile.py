"""Rules turned into SQL: a symptom into its episodes (gaps and islands), a cause into joins along its relations.

Texts of YAML files go into SQL only as expressions that `analyzer.knowledge.expression_check` has passed; names are
checked against our own schemas; everything else is quoted as a literal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analyzer.knowledge.check import EPISODE_COLUMNS, FactColumns, kept_columns
from analyzer.knowledge.paths import SAME_NAMESPACE
from analyzer.knowledge.rules import CauseRule, Path, SymptomRule

EVIDENCE_KEPT = 20
"""Event ids kept of one episode: the first 19 and the last."""

RELATION_SLACK_NS = 5_000_000_000
"""How far a relation may have begun or ended from the effect it carries. Why: relations are read from
watched objects, and a failure may be observed some moments before or after the object's own version."""

MOMENTS_KEPT = 300
"""Events of one episode whose times are kept, the first ones, so that it can be split among them. Why: an episode may
have millions of events, and one that begins before its cause does so by seconds."""

EPISODES_OF_A_SIDE = 300
"""Episodes of one symptom, the earliest, that a path of more than three relations is followed from or to. Why: such a
path goes up to something shared (a Service, a namespace) and down again, so the pairs grow with the square."""

CAUSES_OF_AN_EFFECT = 50
"""Causes that one rule may give one effect along one path, the nearest in time."""

EXCEPTION_SLACK_NS = 2_000_000_000
"""How far outside of an excepted time an episode may begin. Why: the API reports many times in whole seconds."""


def occurrences_query(rule: SymptomRule, fact: str, facts: FactColumns) -> str:
    """SELECT of the events in which one symptom shows in one fact, one row each."""
    columns = facts[fact]
    end = "greatest(at_ns, coalesce(to_ns, at_ns))" if "to_ns" in columns else "at_ns"
    is_open = "coalesce(is_open, false)" if "is_open" in columns else "false"
    is_ordinary = f"coalesce(({rule.ordinary_if.sql}\n), false)" if rule.ordinary_if is not None else "false"
    value = f"try_cast(({rule.magnitude.sql}\n) AS BIGINT)" if rule.magnitude is not None else "NULL::BIGINT"
    details = ", ".join(f"{_text(column)}, {quote_name(column)}::VARCHAR" for column in rule.keep)
    return f"""
    SELECT {_text(rule.name)} AS name, {quote_name(rule.entity)} AS entity_id, at_ns AS from_ns, {end} AS to_ns,
      {is_open} AS is_open, {is_ordinary} AS is_ordinary,
      node AS recorded_on, {value} AS value, json_object({details})::VARCHAR AS details, evidence
    FROM {quote_name(fact)} WHERE {_occurs(rule)}
    """  # noqa: S608 - see the module's docstring


def showing_query(rules: Mapping[str, Sequence[SymptomRule]]) -> str:
    """One SELECT of which rules find anything in their facts.

    Args:
        rules: by the fact that they are asked of.

    Returns:
        Columns: `fact`, `shows` (BOOLEAN[], in the order of its rules; null for a fact without rows).
    """
    return " UNION ALL ".join(
        f"SELECT {_text(fact)} AS fact, [{', '.join(f'bool_or({_occurs(rule)})' for rule in asked)}] AS shows "  # noqa: S608
        f"FROM {quote_name(fact)}"
        for fact, asked in rules.items()
    )


def _occurs(rule: SymptomRule) -> str:
    """The condition on a row of a fact."""
    condition = f" AND ({rule.only_if.sql}\n)" if rule.only_if is not None else ""
    return f"{quote_name(rule.entity)} IS NOT NULL{condition}"


def episodes_query(occurrences: Sequence[str], limit: int) -> str:
    """SELECT that joins events closer than their rule's `merge` into episodes: gaps and islands.

    Args:
        occurrences: SELECTs of `occurrences_query`.
        limit: episodes of one rule, those with most events kept.
    """
    return f"""
    WITH occurrence AS ({" UNION ALL ".join(occurrences)}),
    placed AS (
      SELECT occurrence.*, merge_ns, combine, row_number() OVER earlier AS position,
        from_ns - max(to_ns) OVER (earlier ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS gap
      FROM occurrence JOIN symptom_rule USING (name)
      WINDOW earlier AS (PARTITION BY name, entity_id ORDER BY from_ns, evidence, details)
    ), islands AS (
      SELECT *, count(*) FILTER (gap > merge_ns) OVER (PARTITION BY name, entity_id ORDER BY position) AS island
      FROM placed
    ), episodes AS (
      SELECT name, entity_id, min(from_ns) AS from_ns, max(to_ns) AS to_ns, bool_or(is_open) AS is_open,
        bool_and(is_ordinary) AS is_ordinary, min(recorded_on) AS recorded_on, count(*) AS count,
        {_combined("value")} AS magnitude,
        arg_min(details, position) AS details,
        list_append(arg_min(evidence, position, {EVIDENCE_KEPT - 1}), arg_max(evidence, position)) AS evidence,
        arg_min([from_ns, to_ns, value], position, {MOMENTS_KEPT}) AS moments
      FROM islands GROUP BY name, entity_id, island
    )
    SELECT * FROM episodes
    QUALIFY row_number() OVER (PARTITION BY name ORDER BY count DESC, from_ns, entity_id) <= {limit}
    """  # noqa: S608 - see the module's docstring


def merged_episodes_query() -> str:
    """SELECT that joins the episodes of the table `episode` over parts and facts, and drops what is too small."""
    return f"""
    WITH placed AS (
      SELECT episode.*, merge_ns, at_least, lasting_ns, combine, row_number() OVER earlier AS position,
        from_ns - max(to_ns) OVER (earlier ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS gap
      FROM episode JOIN symptom_rule USING (name)
      WINDOW earlier AS (PARTITION BY name, entity_id ORDER BY from_ns, to_ns, evidence[1], details)
    ), islands AS (
      SELECT *, count(*) FILTER (gap > merge_ns) OVER (PARTITION BY name, entity_id ORDER BY position) AS island
      FROM placed
    )
    SELECT name, entity_id, min(from_ns) AS from_ns, max(to_ns) AS to_ns, bool_or(is_open) AS is_open,
      bool_and(is_ordinary) AS is_ordinary, min(recorded_on) AS recorded_on, sum(count)::BIGINT AS count,
      {_combined("magnitude")} AS magnitude,
      arg_min(details, position) AS details,
      list_append(flatten(list(evidence ORDER BY position))[:{EVIDENCE_KEPT - 1}], arg_max(evidence[-1], position))
        AS evidence,
      flatten(list(moments ORDER BY position))[:{MOMENTS_KEPT}] AS moments
    FROM islands GROUP BY name, entity_id, island
    HAVING sum(count) >= any_value(at_least) AND max(to_ns) - min(from_ns) >= any_value(lasting_ns)
    """  # noqa: S608 - see the module's docstring


def exceptions_query(rules: Sequence[SymptomRule]) -> str | None:
    """SELECT of the episodes of the table `merged_episode` that begin in a time that their rule excepts.

    Columns: `name, entity_id, from_ns`; None if no rule excepts any.
    """
    pairs = [(rule.name, other) for rule in rules for other in rule.except_during]
    if not pairs:
        return None
    rows = ", ".join(f"({_text(name)}, {_text(other)})" for name, other in pairs)
    return f"""
    WITH pair (name, other) AS (VALUES {rows}),
    placed AS (
      SELECT merged_episode.name, merged_episode.entity_id, merged_episode.from_ns, merged_episode.to_ns,
        coalesce(entity.pod_id, entity.entity_id) AS pod_id
      FROM merged_episode JOIN entity USING (entity_id)
    )
    SELECT DISTINCT placed.name, placed.entity_id, placed.from_ns
    FROM placed JOIN pair USING (name)
    JOIN placed AS during ON during.name = pair.other
      AND (during.entity_id = placed.entity_id OR during.entity_id = placed.pod_id)
      AND placed.from_ns BETWEEN during.from_ns - {EXCEPTION_SLACK_NS} AND during.to_ns + {EXCEPTION_SLACK_NS}
    """  # noqa: S608 - see the module's docstring


def _combined(column: str) -> str:
    # A sum of 64-bit numbers is wider than they are; a hostile one is cut, not refused.
    # Without any number there is no sum: `greatest` ignores nulls.
    cut = f"least(greatest(sum({column}), -9223372036854775807), 9223372036854775807)::BIGINT"
    total = f"CASE WHEN count({column}) > 0 THEN {cut} END"
    return f"CASE any_value(combine) WHEN 'sum' THEN {total} WHEN 'max' THEN max({column}) ELSE min({column}) END"


@dataclass(frozen=True, slots=True)
class _Join:
    """One cause along one path as a join of `cause`, relations and `effect`.

    Attributes:
        tables: everything after `FROM cause`.
        condition: WHERE.
        via: ids of the entities between the two ends.
        evidence: of the relations.
    """

    tables: str
    condition: str
    via: tuple[str, ...]
    evidence: tuple[str, ...]

    @property
    def link(self) -> str:
        """What the two ends are linked by, as one value."""
        via = f"[{', '.join(self.via)}]" if self.via else "[]::VARCHAR[]"
        return f"struct_pack(via := {via}, evidence := [{', '.join(self.evidence)}]::VARCHAR[])"


def edges_query(
    rule: CauseRule, path: Path, symptoms: Mapping[str, SymptomRule], facts: FactColumns, limit: int
) -> str:
    """SELECT of the pairs of symptoms that one cause links along one path.

    Columns: `source, target` (symptom ids), `via` (ids of the entities between them), `evidence` (of the relations);
    one row per pair, at most `limit`, in order of source and target.
    """
    join = _join(rule, path)
    order = ", ".join([*join.via, *join.evidence]) or "1"
    most = EPISODES_OF_A_SIDE if path.text == SAME_NAMESPACE or len(path.steps) > 3 else None
    return f"""
    WITH cause AS MATERIALIZED ({_side("cause", rule, symptoms, facts, most)}),
    effect AS MATERIALIZED ({_side("effect", rule, symptoms, facts, most)}),
    pairs AS (
      SELECT cause.symptom_id AS source, effect.symptom_id AS target, {join.link} AS link,
        abs(effect.seen_from_ns - cause.seen_from_ns) AS distance,
        row_number() OVER (PARTITION BY cause.symptom_id, effect.symptom_id ORDER BY {order}) AS _position
      FROM cause {join.tables}
      WHERE {join.condition}
    ), near AS (
      SELECT source, target, link FROM pairs WHERE _position = 1
      QUALIFY row_number() OVER (PARTITION BY target ORDER BY distance, source) <= {CAUSES_OF_AN_EFFECT}
    )
    SELECT source, target, link.via AS via, link.evidence AS evidence FROM near ORDER BY source, target LIMIT {limit}
    """  # noqa: S608 - see the module's docstring


def condition_query(
    links: Sequence[tuple[CauseRule, Sequence[tuple[int, int]]]],
    symptoms: Mapping[str, SymptomRule],
    facts: FactColumns,
) -> str:
    """One SELECT of the pairs for which the conditions of their causes hold.

    Args:
        links: causes with a condition, and for each at least one pair of symptom ids.
        symptoms: all rules by name.
        facts: DuckDB type by column by fact.

    Returns:
        Columns: `place` in `links`, `source`, `target`.
    """
    return " UNION ALL ".join(
        f"""
        SELECT {place} AS place, cause.symptom_id AS source, effect.symptom_id AS target
        FROM (VALUES {", ".join(map(str, pairs))}) AS pair (source, target)
        JOIN ({_side("cause", rule, symptoms, facts, None)}) AS cause ON cause.symptom_id = pair.source
        JOIN ({_side("effect", rule, symptoms, facts, None)}) AS effect ON effect.symptom_id = pair.target
        WHERE {_condition(rule)}
        """  # noqa: S608 - see the module's docstring
        for place, (rule, pairs) in enumerate(links)
    )


def _join(rule: CauseRule, path: Path) -> _Join:
    """Joins `cause` along a path with `effect`."""
    joins, evidence, entity = [], [], "cause.entity_id"
    steps: list[str] = []
    for number, step in enumerate(path.steps):
        relation = f"r{number}"
        here, there = ("source_id", "target_id") if step.forward else ("target_id", "source_id")
        kinds = _kind_condition(f"{relation}.{there}", step.kinds)
        joins.append(
            f"JOIN relation AS {relation} ON {relation}.{here} = {entity} "
            f"AND {relation}.relation = {_text(step.relation)}{kinds}"
        )
        evidence.append(f"{relation}.evidence")
        entity = f"{relation}.{there}"
        steps.append(entity)
    same_namespace = path.text == SAME_NAMESPACE
    joins.append(
        f"JOIN effect ON effect.{'namespace = cause.namespace' if same_namespace else f'entity_id = {entity}'}"
    )
    holds = [
        f"r{number}.from_ns <= effect.to_ns + {RELATION_SLACK_NS}"
        f" AND r{number}.to_ns >= effect.from_ns - {RELATION_SLACK_NS}"
        for number in range(len(path.steps))
    ]
    shortest, longest = rule.lag_ns
    conditions = [
        "cause.symptom_id <> effect.symptom_id",
        f"effect.seen_from_ns - cause.seen_from_ns >= {shortest}",
        f"effect.seen_from_ns - cause.to_ns <= {longest}",
        *holds,
    ]
    if path.kinds:
        conditions.append(f"cause.kind IN ({_texts(path.kinds)})")
    conditions.append(_condition(rule))
    return _Join(" ".join(joins), " AND ".join(conditions), tuple(steps[:-1]), tuple(evidence))


def _condition(rule: CauseRule) -> str:
    return "true" if rule.only_if is None else f"({rule.only_if.sql}\n)"


def _side(side: str, rule: CauseRule, symptoms: Mapping[str, SymptomRule], facts: FactColumns, most: int | None) -> str:
    """SELECT of the symptoms on one side of a cause, with those of the kept columns that its condition reads."""
    names = rule.causes if side == "cause" else rule.effects
    read = () if rule.only_if is None else re.findall(rf"\b{side}\.\"?(\w+)", rule.only_if.sql)
    kept = [
        f"try_cast(details->>{_text(column)} AS {kind}) AS {quote_name(column)}"
        for column, kind in kept_columns(names, symptoms, facts).items()
        if column in read
    ]
    own = [column for column in EPISODE_COLUMNS if column not in {"symptom", "name"}]
    columns = ", ".join(
        [
            "symptom_id",
            "seen_from_ns",
            "name AS symptom",
            "entity_name AS name",
            *(quote_name(column) for column in own),
            *kept,
        ]
    )
    cut = (
        ""
        if most is None
        else f" QUALIFY row_number() OVER (PARTITION BY symptom.name ORDER BY from_ns, symptom_id) <= {most}"
    )
    return f"SELECT {columns} FROM symptom WHERE name IN ({_texts(names)}){cut}"  # noqa: S608 - see the module's docstring


def _kind_condition(entity: str, kinds: tuple[str, ...]) -> str:
    # Entity ids begin with their kind (docs/facts.md), so no join with the entities is needed.
    if not kinds:
        return ""
    return f" AND split_part({entity}, '/', 1) IN ({_texts(kinds)})"


def quote_name(name: str) -> str:
    """A column or table as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _texts(texts: Sequence[str]) -> str:
    return ", ".join(_text(text) for text in texts)
