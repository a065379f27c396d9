-- How many Pods a PodDisruptionBudget allows to be evicted.
--
-- kind: interval fact
-- about: PodDisruptionBudget
-- reads: object_version
-- needs:
--   object_version: kind = 'PodDisruptionBudget' AND content IS NOT NULL
-- columns:
--   allowed BIGINT: Pods that may be evicted now.
--   expected BIGINT: Pods that it counts.
--   healthy BIGINT: Those of them that are ready.
--   least VARCHAR: `minAvailable`: a number or a percentage; null if it is not given.
--   most VARCHAR: `maxUnavailable`: a number or a percentage; null if it is not given.
WITH parsed AS (
    SELECT entity_id, created_ns, at_ns, until_ns, node, seq, is_state, is_last, json_transform(content, '{
        "spec": {"minAvailable": "VARCHAR", "maxUnavailable": "VARCHAR"},
        "status": {"disruptionsAllowed": "BIGINT", "expectedPods": "BIGINT", "currentHealthy": "BIGINT"}
    }') AS budget
    FROM object_version
    WHERE kind = 'PodDisruptionBudget' AND content IS NOT NULL
), told AS (
    SELECT
        entity_id, NULL AS facet,
        {
            'allowed': budget.status.disruptionsAllowed, 'expected': budget.status.expectedPods, 'healthy': budget.status.currentHealthy,
            'least': budget.spec.minAvailable, 'most': budget.spec.maxUnavailable
        } AS state,
        NULL AS detail, created_ns AS since_ns, at_ns, until_ns, node, seq, is_state, is_last
    FROM parsed
    WHERE budget.status.disruptionsAllowed IS NOT NULL
)
SELECT told.at_ns, told.entity_id, told.node, told.seq, evidence_of('kube_object', told.node, told.seq) AS evidence,
    told.to_ns, told.is_open, told.is_old, told.is_past, unnest(told.state)
FROM intervals_of('told') AS told
