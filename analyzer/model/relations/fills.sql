-- FILLS: the first Pod of a workload that was created since the recording began → a ResourceQuota that refused a Pod of another
-- workload afterwards, which asked for no more than that workload got.
--
-- kind: relation
-- reads: pod_request, pod_version, quota_refusal, recorded_entity
-- needs:
--   quota_refusal: requested IS NOT NULL AND NOT is_past
WITH refused AS (
    SELECT refusal.entity_id AS quota_id, quota.namespace, coalesce(refused.workload_id, refusal.refused_id) AS owner_id, refusal.at_ns,
        refusal.to_ns, refusal.evidence, quantity_milli(refusal.requested) AS requested,
        CASE
            WHEN refusal.resource IN ('pods', 'count/pods') THEN 'pods'
            WHEN refusal.resource IN ('cpu', 'requests.cpu') THEN 'cpu'
            WHEN refusal.resource IN ('memory', 'requests.memory') THEN 'memory'
        END AS resource
    FROM quota_refusal AS refusal
    JOIN recorded_entity AS quota ON quota.entity_id = refusal.entity_id
    LEFT JOIN recorded_entity AS refused ON refused.entity_id = refusal.refused_id
    WHERE refusal.requested IS NOT NULL AND NOT refusal.is_past
), created AS (
    SELECT version.entity_id, pod.namespace, coalesce(pod.workload_id, version.entity_id) AS owner_id, min(version.at_ns) AS at_ns,
        any_value(pod.to_ns) AS to_ns, any_value(asked.cpu) AS cpu, any_value(asked.memory) AS memory
    FROM pod_version AS version
    JOIN recorded_entity AS pod ON pod.entity_id = version.entity_id
    LEFT JOIN pod_request AS asked ON asked.pod_id = version.entity_id
    GROUP BY version.entity_id, pod.namespace, pod.workload_id
    HAVING NOT arg_min(version.is_state, (version.at_ns, version.node, version.seq))
), filled AS (
    SELECT
        refused.quota_id, created.owner_id, arg_min(created.entity_id, (created.at_ns, created.entity_id)) AS first_id,
        min(created.at_ns) AS from_ns, refused.to_ns, refused.requested, refused.evidence, refused.at_ns,
        sum(CASE refused.resource WHEN 'pods' THEN 1000 WHEN 'cpu' THEN created.cpu ELSE created.memory * 1000 END) AS got
    FROM refused
    JOIN created
        ON created.namespace = refused.namespace AND created.owner_id <> refused.owner_id AND refused.resource IS NOT NULL
        AND created.at_ns <= refused.at_ns AND created.to_ns >= refused.at_ns
    GROUP BY refused.quota_id, refused.owner_id, created.owner_id, refused.at_ns, refused.to_ns, refused.requested, refused.evidence
)
SELECT 'FILLS' AS relation, first_id AS source_id, quota_id AS target_id, min(from_ns) AS from_ns, max(to_ns) AS to_ns,
    min(evidence) AS evidence
FROM filled
WHERE got >= requested
GROUP BY first_id, quota_id
-- Where everything is created anew, everybody fills the quota: those that got most are enough.
QUALIFY row_number() OVER (PARTITION BY quota_id ORDER BY max(got) DESC, first_id) <= 5
