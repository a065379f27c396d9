"""Who called whom, and how often connecting failed: pods together as their workloads."""

from __future__ import annotations

from analyzer.model.engine import Engine
from analyzer.model.entity_index import EntityIndex
from formats.postmortem.recording import Call

MAX_CALLS_SHOWN = 200
"""Pairs of caller and called in one document: first those with the most failed attempts, then the busiest."""


def list_calls(engine: Engine, entities: EntityIndex) -> tuple[Call, ...]:
    """The calls of a whole capture.

    Args:
        engine: of the model, after all parts.
        entities: of the same engine; callers and called are added to what it knows.
    """
    rows = engine.rows(
        """
        WITH behind AS (
            SELECT selects.source_id AS service_id, any_value(pod.workload_id) AS workload_id
            FROM relation AS selects
            JOIN entity AS pod ON pod.entity_id = selects.target_id
            WHERE selects.relation = 'SELECTS' AND pod.workload_id IS NOT NULL
            GROUP BY selects.source_id HAVING count(DISTINCT pod.workload_id) = 1
        ), named AS (
            SELECT coalesce(caller.workload_id, source_id) AS caller_id,
                coalesce(called.workload_id, target_id) AS called_id,
                opened, refused, timed_out, unreachable, call.from_ns, evidence
            FROM call
            LEFT JOIN (SELECT entity_id, any_value(workload_id) AS workload_id FROM entity GROUP BY entity_id) AS caller
                ON caller.entity_id = source_id
            LEFT JOIN (SELECT entity_id, any_value(workload_id) AS workload_id FROM entity GROUP BY entity_id) AS called
                ON called.entity_id = target_id
        )
        SELECT caller_id, called_id, any_value(behind.workload_id), sum(opened)::BIGINT, sum(refused)::BIGINT,
            sum(timed_out)::BIGINT, sum(unreachable)::BIGINT, arg_min(evidence, (named.from_ns, evidence))
        FROM named LEFT JOIN behind ON behind.service_id = called_id
        WHERE caller_id <> called_id
        GROUP BY caller_id, called_id
        HAVING sum(opened + refused + timed_out + unreachable) > 0
        ORDER BY sum(refused + timed_out + unreachable) DESC, sum(opened) DESC, caller_id, called_id
        LIMIT ?
        """,
        [MAX_CALLS_SHOWN],
    )
    entities.load(entity_id for row in rows for entity_id in row[:3])
    calls = []
    for caller_id, called_id, workload_id, opened, refused, timed_out, unreachable, evidence in rows:
        caller, called, workload = (entities.get(entity_id) for entity_id in (caller_id, called_id, workload_id))
        if caller is None or called is None:
            continue
        calls.append(
            Call(
                source=caller.reference,
                target=called.reference,
                workload=None if workload is None else workload.reference,
                opened=opened,
                refused=refused,
                timed_out=timed_out,
                unreachable=unreachable,
                evidence=(evidence,),
            )
        )
    return tuple(calls)
