-- A running container, one row per run.
--
-- kind: interval fact
-- about: Container
-- reads: container_status
-- needs:
--   container_status: state = 'running'
-- columns:
--   pod_id VARCHAR: The Pod.
--   started_ns BIGINT: Unix ns at which it started, in whole seconds.
--   runtime_id VARCHAR: Id of this run at the container runtime.
--   restart_count BIGINT: Number of restarts before this run.
--   is_init BOOLEAN: Whether it is an init container.
WITH told AS (
    SELECT
        entity_id, NULL AS facet,
        {'state': state, 'runtime_id': runtime_id, 'restart_count': restart_count} AS state,
        {'pod_id': pod_id, 'started_ns': unix_ns(running.startedAt), 'is_init': is_init} AS detail,
        unix_ns(running.startedAt) AS since_ns, at_ns, until_ns, node, seq, is_state, is_last
    FROM container_status
)
SELECT at_ns, entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence, to_ns, is_open, is_old, is_past,
    detail.pod_id AS pod_id, detail.started_ns AS started_ns, state.runtime_id AS runtime_id,
    state.restart_count AS restart_count, detail.is_init AS is_init
FROM intervals_of('told')
WHERE state.state = 'running'
