-- CROWDS_OUT: the first Pod of a workload that was placed since the recording began → a Pod that finds no room afterwards and asks for
-- no more than that workload got.
--
-- kind: relation
-- reads: pod_request, pod_version, preempts, recorded_entity, scheduling_failure
-- needs:
--   scheduling_failure: reason IN ('cpu', 'memory') AND NOT is_past
WITH waiting AS (
    SELECT failure.entity_id, failure.owner_id, failure.reason, failure.at_ns, failure.to_ns, failure.evidence,
        CASE failure.reason WHEN 'cpu' THEN asked.cpu ELSE asked.memory END AS room
    FROM scheduling_failure AS failure
    JOIN pod_request AS asked ON asked.pod_id = failure.entity_id
    WHERE failure.reason IN ('cpu', 'memory') AND NOT failure.is_past
), placed AS (
    -- What had its place when the recording began was there before, and what removed others for its place is told by PREEMPTS.
    SELECT version.entity_id, coalesce(pod.workload_id, version.entity_id) AS owner_id, min(version.at_ns) AS at_ns,
        any_value(asked.cpu) AS cpu, any_value(asked.memory) AS memory
    FROM pod_version AS version
    JOIN pod_request AS asked ON asked.pod_id = version.entity_id
    JOIN recorded_entity AS pod ON pod.entity_id = version.entity_id
    WHERE version.pod.spec.nodeName IS NOT NULL AND version.entity_id NOT IN (SELECT source_id FROM preempts)
    GROUP BY ALL
    HAVING NOT arg_min(version.is_state, (version.at_ns, version.node, version.seq))
), taken AS (
    SELECT
        placed.owner_id, arg_min(placed.entity_id, (placed.at_ns, placed.entity_id)) AS first_id, min(placed.at_ns) AS from_ns,
        waiting.*, sum(CASE waiting.reason WHEN 'cpu' THEN placed.cpu ELSE placed.memory END) AS got
    FROM waiting
    JOIN placed
        ON placed.owner_id <> waiting.owner_id AND placed.at_ns <= waiting.at_ns AND placed.at_ns >= waiting.at_ns - 3600000000000
    GROUP BY ALL
)
SELECT 'CROWDS_OUT' AS relation, first_id AS source_id, entity_id AS target_id, from_ns, to_ns, evidence
FROM taken
WHERE got >= room
-- Where everything is placed anew, everybody crowds out everybody: those that got most are enough.
QUALIFY row_number() OVER (PARTITION BY entity_id, reason, at_ns ORDER BY got DESC, first_id) <= 5
