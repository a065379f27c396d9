-- The phase of a Pod.
--
-- kind: interval fact
-- about: Pod
-- reads: pod_version
-- columns:
--   phase VARCHAR: `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
--   reason VARCHAR: Reason of the phase, for example `Evicted`; null if there is none.
--   message VARCHAR: Last message of the status; null if there is none.
WITH told AS (
    SELECT
        entity_id, NULL AS facet, {'phase': pod.status.phase, 'reason': pod.status.reason} AS state,
        {'message': pod.status.message} AS detail,
        CASE WHEN pod.status.phase = 'Pending' THEN created_ns END AS since_ns, at_ns, until_ns, node, seq, is_state, is_last
    FROM pod_version
    WHERE pod.status.phase IS NOT NULL
)
SELECT at_ns, entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence, to_ns, is_open, is_old, is_past,
    state.phase AS phase, state.reason AS reason, detail.message AS message
FROM intervals_of('told')
