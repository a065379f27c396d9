"""Early signs: symptoms that are often followed by another one, with the share and the lead that were measured."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.knowledge.check import FactColumns
from analyzer.knowledge.compile import occurrences_query
from analyzer.knowledge.rules import Foretold, SymptomRule
from analyzer.model.engine import Engine
from analyzer.prediction.alarm import RECEIVED, Alarm

MAX_SIGNS = 10_000
"""Signs of one rule, the earliest."""


def find_sign_alarms(engine: Engine, rule: SymptomRule, foretold: Foretold, facts: FactColumns) -> Iterator[Alarm]:
    """What a symptom foretells, once per episode: at its first event, or at a later one if the rule says so.

    What is ordinary (`ordinary: {when: …}`) is no sign: every healthy cluster has it.
    """
    for entity_id, made_ns, evidence in engine.rows(_signs_query(rule, foretold, facts)):
        yield Alarm(
            rule=rule.name,
            foretells=(foretold.symptom,),
            entity_id=entity_id,
            series=(),
            read_ns=made_ns,
            made_ns=made_ns,
            from_ns=made_ns,
            to_ns=made_ns + foretold.within_ns,
            window_ns=foretold.within_ns,
            is_far=False,
            confidence=foretold.share,
            level=None,
            limit=None,
            rate=None,
            evidence=(evidence,),
        )


def _signs_query(rule: SymptomRule, foretold: Foretold, facts: FactColumns) -> str:
    """SELECT of the events with the number that makes a sign, in the order in which they became known."""
    occurrences = " UNION ALL ".join(occurrences_query(rule, fact, facts) for fact in rule.facts)
    return f"""
    WITH known AS (
      SELECT entity_id, evidence, greatest(from_ns, coalesce(received.at_ns, from_ns)) AS known_ns
      FROM ({occurrences}) AS occurrence LEFT JOIN ({RECEIVED}) AS received USING (evidence)
      WHERE NOT is_ordinary
    ), placed AS (
      SELECT *, known_ns - lag(known_ns) OVER earlier > {rule.merge_ns} AS begins
      FROM known WINDOW earlier AS (PARTITION BY entity_id ORDER BY known_ns, evidence)
    ), islands AS (
      SELECT *, count(*) FILTER (begins) OVER (
        PARTITION BY entity_id ORDER BY known_ns, evidence ROWS UNBOUNDED PRECEDING) AS island
      FROM placed
    ), numbered AS (
      SELECT *, row_number() OVER (PARTITION BY entity_id, island ORDER BY known_ns, evidence) AS number FROM islands
    )
    SELECT entity_id, known_ns, evidence FROM numbered WHERE number = {foretold.after}
    ORDER BY known_ns, entity_id LIMIT {MAX_SIGNS}
    """  # noqa: S608 - see analyzer.knowledge.compile
