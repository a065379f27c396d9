"""Exposure: which pods a change reached, and which of the same workloads it did not reach."""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.model.engine import Engine
from analyzer.reasoning.contrast import NOT_BEFORE_NS
from analyzer.reasoning.symptoms import FoundSymptom


@dataclass(frozen=True, slots=True)
class Exposure:
    """The pods that a change is compared by: ids of those that existed when its effect showed.

    Attributes:
        reached: a changed workload made them, they started with a changed ConfigMap or Secret, run on a changed node,
            call a changed Service or use a changed claim.
        unreached: pods of the same workloads that none of this holds for. What mounts a changed ConfigMap and did not
            start since is in neither: it may have read the change or not.
    """

    reached: frozenset[str]
    unreached: frozenset[str]


def find_exposure(engine: Engine, change: FoundSymptom, effect: FoundSymptom) -> Exposure:
    """The pods that a change reached, and those of the same workloads that it did not.

    Args:
        engine: its database holds `entity`, `relation` and `container_status`.
        change: of any object.
        effect: pods that were gone before it began are not compared.
    """
    rows = engine.rows(
        """
        WITH related AS (
          SELECT source_id AS pod_id, relation FROM relation
          WHERE target_id = $changed AND relation IN ('WORKLOAD_OF', 'USES', 'MOUNTS', 'RUNS_ON', 'CALLS')
            AND to_ns >= $since_ns
        ), restarted AS (
          SELECT pod_id FROM container_status
          WHERE until_ns >= $since_ns AND pod_id IN (SELECT pod_id FROM related)
          GROUP BY entity_id, pod_id HAVING max(restart_count) > min(restart_count)
        ), pod AS (
          SELECT entity_id AS pod_id, workload_id, from_ns >= $since_ns AS is_new FROM entity
          WHERE kind = 'Pod' AND to_ns >= $effect_ns
        ), reached AS (
          SELECT pod_id FROM pod JOIN related USING (pod_id)
          WHERE relation IN ('RUNS_ON', 'CALLS') OR is_new
            OR (relation = 'USES' AND ($is_claim OR pod_id IN (SELECT pod_id FROM restarted)))
        )
        SELECT DISTINCT pod_id, pod_id IN (SELECT pod_id FROM reached)
        FROM pod
        WHERE pod_id IN (SELECT pod_id FROM reached)
          OR (
            workload_id IN (SELECT workload_id FROM pod WHERE pod_id IN (SELECT pod_id FROM reached))
            AND pod_id NOT IN (SELECT pod_id FROM related WHERE relation = 'MOUNTS')
          )
        """,
        {
            "changed": change.entity_id,
            "since_ns": change.from_ns - NOT_BEFORE_NS,
            "effect_ns": effect.from_ns,
            "is_claim": change.kind == "PersistentVolumeClaim",
        },
    )
    return Exposure(
        reached=frozenset(pod_id for pod_id, is_reached in rows if is_reached),
        unreached=frozenset(pod_id for pod_id, is_reached in rows if not is_reached),
    )
