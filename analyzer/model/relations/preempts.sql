-- PREEMPTS: Pod → a Pod of lower priority that the scheduler removed to make room for it.
--
-- kind: relation
-- reads: pod_eviction, recorded_entity
-- needs:
--   pod_eviction: reason = 'Preempted'
WITH told AS (
    SELECT
        entity_id, at_ns, evidence,
        -- The uid of the Pod, or in older clusters its namespace and name. The first word is `Preempted`; anonymization removes it.
        regexp_extract(message, '^[^ ]+ by (?:pod )?([^ ]+) on node ', 1) AS preemptor
    FROM pod_eviction
    WHERE reason = 'Preempted'
)
SELECT 'PREEMPTS' AS relation, pod.entity_id AS source_id, told.entity_id AS target_id, told.at_ns AS from_ns,
    greatest(told.at_ns, pod.to_ns) AS to_ns, min(told.evidence) AS evidence
FROM told
JOIN recorded_entity AS pod
    ON pod.kind = 'Pod' AND told.preemptor IN (pod.uid, pod.namespace || '/' || pod.name)
    AND pod.from_ns <= told.at_ns AND pod.to_ns >= told.at_ns
GROUP BY ALL
