-- A container that is waiting to run, and the reason: CrashLoopBackOff, ImagePullBackOff, CreateContainerConfigError, …
--
-- kind: interval fact
-- about: Container
-- reads: container_status
-- needs:
--   container_status: state = 'waiting'
-- columns:
--   pod_id VARCHAR: The Pod.
--   reason VARCHAR: Why it is waiting, for example `CrashLoopBackOff`.
--   message VARCHAR: Last message of the waiting state.
--   restart_count BIGINT: Restarts so far, at the end of the interval.
--   is_init BOOLEAN: Whether it is an init container.
WITH told AS (
    SELECT
        entity_id, NULL AS facet,
        {'state': state, 'reason': waiting.reason} AS state,
        {'pod_id': pod_id, 'message': waiting.message, 'restart_count': restart_count, 'is_init': is_init} AS detail,
        coalesce(unix_ns(terminated_before.finishedAt), created_ns) AS since_ns, at_ns, until_ns, node, seq, is_state, is_last
    FROM container_status
)
SELECT at_ns, entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence, to_ns, is_open, is_old, is_past,
    detail.pod_id AS pod_id, state.reason AS reason, detail.message AS message, detail.restart_count AS restart_count,
    detail.is_init AS is_init
FROM intervals_of('told')
WHERE state.state = 'waiting'
