-- Pods that the scheduler refused, and Pods that no scheduler looked at for ten seconds: those of `scheduling_failure`. Most
-- captures have none, and then the reasons are not looked for.
--
-- kind: table
-- reads: pod_version
-- needs:
--   pod_version: pod.spec.nodeName IS NULL
-- columns:
--   entity_id VARCHAR: The Pod.
WITH listed AS (
    SELECT
        entity_id, created_ns, at_ns, until_ns,
        [condition FOR condition IN pod.status.conditions IF condition.type = 'PodScheduled'] AS verdicts,
        pod.spec.nodeName IS NULL AND coalesce(pod.status.phase, 'Pending') = 'Pending'
            AND pod.metadata.deletionTimestamp IS NULL AS is_waiting
    FROM pod_version
), seen AS (
    SELECT
        entity_id,
        bool_or(is_waiting) AS is_waiting,
        bool_or(len([verdict FOR verdict IN verdicts IF verdict.status = 'False' AND verdict.reason = 'Unschedulable']) > 0) AS is_refused,
        bool_or(is_waiting AND len(verdicts) > 0) AS is_seen,
        min(coalesce(created_ns, at_ns)) FILTER (is_waiting) AS from_ns,
        max(until_ns) FILTER (is_waiting) AS to_ns
    FROM listed
    GROUP BY entity_id
)
SELECT entity_id
FROM seen
-- The last condition is met where the difference is beyond what an integer can express.
WHERE is_waiting AND (is_refused OR (NOT coalesce(is_seen, false) AND coalesce(TRY(to_ns - from_ns) >= 10000000000, true)))
