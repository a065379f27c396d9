-- One condition of a Pod: Ready, PodScheduled, Initialized, ContainersReady, DisruptionTarget, …
--
-- kind: interval fact
-- about: Pod
-- reads: pod_version
-- columns:
--   type VARCHAR: Name of the condition.
--   status VARCHAR: `True`, `False` or `Unknown`.
--   reason VARCHAR: Reason of the status; null if there is none.
--   message VARCHAR: Last message of the condition; null if there is none.
WITH listed AS (
    SELECT * EXCLUDE (pod), unnest(pod.status.conditions) AS condition FROM pod_version
), told AS (
    SELECT
        entity_id, condition.type AS facet, {'status': condition.status, 'reason': condition.reason} AS state,
        {'message': condition.message} AS detail,
        unix_ns(condition.lastTransitionTime) AS since_ns, at_ns, until_ns, node, seq, is_state, is_last
    FROM listed
    WHERE condition.type IS NOT NULL
)
SELECT at_ns, entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence, to_ns, is_open, is_old,
    facet AS type, state.status AS status, state.reason AS reason, detail.message AS message
FROM intervals_of('told')
