"""Rules turned into SQL: a symptom into its episodes (gaps and islands), a cause into joins along its relations.

Texts of YAML files go into SQL only as expressions that `analyzer.knowledge.expressions` has passed; names are
checked against our own schemas; everything else is quoted as a literal.
"""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.knowledge.check import EPISODE_COLUMNS, FactColumns, kept_columns, magnitude_aggregate
from analyzer.knowledge.model import CauseRule, Path, SymptomRule
from analyzer.knowledge.paths import SAME_NAMESPACE

EVIDENCE_KEPT = 20
"""Event ids kept of one episode: the first 19 and the last."""

RELATION_SLACK_NS = 5_000_000_000
"""How far a relation may have begun or ended from the effect it carries. Why: the objects that tell of relations are
watched, and what fails with an object may show some moments before or after the object's own version does."""

_JOIN_AGGREGATE = {"count": "sum", "sum": "sum", "max": "max", "min": "min"}


def episodes_query(rule: SymptomRule, fact: str, facts: FactColumns, limit: int) -> str:
    """SELECT of the episodes of one symptom in one fact.

    Columns: `name, entity_id, from_ns, to_ns, is_open, recorded_on, count, magnitude, details, evidence`, one row per
    episode, at most `limit`, those with most events kept.
    """
    columns = facts[fact]
    end = "greatest(at_ns, coalesce(to_ns, at_ns))" if "to_ns" in columns else "at_ns"
    is_open = "coalesce(is_open, false)" if "is_open" in columns else "false"
    condition = f"({rule.condition.sql}\n)" if rule.condition is not None else "true"
    order = ", ".join(["_from", "evidence", *(_name(column) for column in rule.keep)])
    magnitude = f"try_cast(({rule.magnitude.sql}\n) AS BIGINT)" if rule.magnitude is not None else "NULL::BIGINT"
    details = ", ".join(
        f"{_text(column)}, arg_min({_name(column)}::VARCHAR, _position) FILTER ({_name(column)} IS NOT NULL)"
        for column in rule.keep
    )
    return f"""
    WITH chosen AS (
      SELECT fact.*, {_name(rule.entity)} AS _entity, at_ns AS _from, {end} AS _to, {is_open} AS _open
      FROM {_name(fact)} AS fact
      WHERE {_name(rule.entity)} IS NOT NULL AND {condition}
    ), placed AS (
      SELECT *,
        row_number() OVER (PARTITION BY _entity ORDER BY {order}) AS _position,
        _from - max(_to) OVER (
          PARTITION BY _entity ORDER BY {order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS _gap
      FROM chosen
    ), islands AS (
      SELECT *, count(*) FILTER (_gap > {rule.merge_ns}) OVER (PARTITION BY _entity ORDER BY _position) AS _island
      FROM placed
    )
    SELECT {_text(rule.name)} AS name, _entity AS entity_id, min(_from) AS from_ns, max(_to) AS to_ns,
      bool_or(_open) AS is_open, min(node) AS recorded_on, count(*) AS count, {magnitude} AS magnitude,
      json_object({details})::VARCHAR AS details,
      list_append(arg_min(evidence, _position, {EVIDENCE_KEPT - 1}), arg_max(evidence, _position)) AS evidence
    FROM islands GROUP BY _entity, _island
    ORDER BY count(*) DESC, from_ns, entity_id LIMIT {limit}
    """  # noqa: S608 - see the module's docstring


def merged_episodes_query(rule: SymptomRule) -> str:
    """SELECT that joins the episodes of one symptom over parts and facts (table `episode`), with the same columns."""
    combine = _JOIN_AGGREGATE[magnitude_aggregate(rule.magnitude.sql)] if rule.magnitude is not None else "max"
    details = ", ".join(
        f"{_text(column)}, arg_min(details->>{_text(column)}, _position) FILTER (details->>{_text(column)} IS NOT NULL)"
        for column in rule.keep
    )
    return f"""
    WITH placed AS (
      SELECT *,
        row_number() OVER (PARTITION BY entity_id ORDER BY from_ns, to_ns, evidence[1]) AS _position,
        from_ns - max(to_ns) OVER (
          PARTITION BY entity_id ORDER BY from_ns, to_ns, evidence[1] ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS _gap
      FROM episode WHERE name = {_text(rule.name)}
    ), islands AS (
      SELECT *, count(*) FILTER (_gap > {rule.merge_ns}) OVER (PARTITION BY entity_id ORDER BY _position) AS _island
      FROM placed
    )
    SELECT any_value(name) AS name, entity_id, min(from_ns) AS from_ns, max(to_ns) AS to_ns,
      bool_or(is_open) AS is_open, min(recorded_on) AS recorded_on,
      sum(count)::BIGINT AS count, {combine}(magnitude)::BIGINT AS magnitude,
      json_object({details})::VARCHAR AS details,
      list_append(flatten(list(evidence ORDER BY _position))[:{EVIDENCE_KEPT - 1}],
                  arg_max(evidence[-1], _position)) AS evidence
    FROM islands GROUP BY entity_id, _island
    HAVING sum(count) >= {rule.at_least} AND max(to_ns) - min(from_ns) >= {rule.lasting_ns}
    """  # noqa: S608 - see the module's docstring


def edges_query(
    rule: CauseRule, path: Path, symptoms: Mapping[str, SymptomRule], facts: FactColumns, limit: int
) -> str:
    """SELECT of the pairs of symptoms that one cause links along one path.

    Columns: `source, target` (symptom ids), `via` (ids of the entities between them), `evidence` (of the relations);
    one row per pair, at most `limit`, in order of source and target.
    """
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
    least, most = rule.lag_ns
    conditions = [
        "cause.symptom_id <> effect.symptom_id",
        f"effect.from_ns - cause.from_ns >= {least}",
        f"effect.from_ns - cause.to_ns <= {most}",
        *holds,
    ]
    if path.kinds:
        conditions.append("cause.kind IN (" + ", ".join(_text(kind) for kind in path.kinds) + ")")
    if rule.condition is not None:
        conditions.append(f"({rule.condition.sql}\n)")
    order = ", ".join([*steps[:-1], *evidence]) or "1"
    via = f"[{', '.join(steps[:-1])}]" if len(steps) > 1 else "[]::VARCHAR[]"
    row = f"struct_pack(via := {via}, evidence := [{', '.join(evidence)}]::VARCHAR[])"
    return f"""
    WITH cause AS ({_side(rule.causes, symptoms, facts)}), effect AS ({_side(rule.effects, symptoms, facts)}),
    pairs AS (
      SELECT cause.symptom_id AS source, effect.symptom_id AS target, {row} AS link,
        row_number() OVER (PARTITION BY cause.symptom_id, effect.symptom_id ORDER BY {order}) AS _position
      FROM cause {" ".join(joins)}
      WHERE {" AND ".join(conditions)}
    )
    SELECT source, target, link.via AS via, link.evidence AS evidence
    FROM pairs WHERE _position = 1 ORDER BY source, target LIMIT {limit}
    """  # noqa: S608 - see the module's docstring


def _side(names: tuple[str, ...], symptoms: Mapping[str, SymptomRule], facts: FactColumns) -> str:
    kept = [
        f"try_cast(details->>{_text(column)} AS {kind}) AS {_name(column)}"
        for column, kind in kept_columns(names, symptoms, facts).items()
    ]
    own = [column for column in EPISODE_COLUMNS if column not in {"symptom", "name"}]
    columns = ", ".join(
        ["symptom_id", "name AS symptom", "entity_name AS name", *(_name(column) for column in own), *kept]
    )
    wanted = ", ".join(_text(name) for name in names)
    return f"SELECT {columns} FROM symptom WHERE name IN ({wanted})"  # noqa: S608 - see the module's docstring


def _kind_condition(entity: str, kinds: tuple[str, ...]) -> str:
    # Entity ids begin with their kind (docs/facts.md), so no join with the entities is needed.
    if not kinds:
        return ""
    return f" AND split_part({entity}, '/', 1) IN ({', '.join(_text(kind) for kind in kinds)})"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
