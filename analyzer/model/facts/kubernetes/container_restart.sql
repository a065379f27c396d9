-- The restart count of a container increased.
--
-- kind: moment fact
-- about: Container
-- reads: container_status
-- needs:
--   container_status: restart_count <> 0
-- columns:
--   pod_id VARCHAR: The Pod.
--   restart_count BIGINT: Restarts in total.
--   delta BIGINT: Restarts since the previous version of the Pod.
--   is_init BOOLEAN: Whether it is an init container.
WITH counted AS (
    SELECT *, restart_count - lag(restart_count) OVER (PARTITION BY entity_id ORDER BY at_ns, node, seq) AS delta
    FROM container_status
)
SELECT at_ns, entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence, pod_id, restart_count, delta, is_init
FROM counted
WHERE delta > 0
