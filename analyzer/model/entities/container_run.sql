-- The container that a runtime's id belongs to. A restart gives a container a new id; an id never belongs to two.
--
-- kind: table
-- reads: container_status, runtime_container
-- columns:
--   runtime_id VARCHAR: Id of the run at the container runtime.
--   entity_id VARCHAR: The Container.
--   pod_id VARCHAR: The Pod.
--   known_ns BIGINT: When the API server or the runtime first told of the id, in aligned unix ns.
WITH named AS (
    SELECT
        unnest([runtime_id, terminated.containerID, terminated_before.containerID]) AS told_id,
        entity_id, pod_id, at_ns, node, seq
    FROM container_status
    UNION ALL
    SELECT runtime_id, entity_id, pod_id, known_ns, node, seq FROM runtime_container
)
SELECT
    regexp_extract(told_id, '([^/]+)$', 1) AS runtime_id,
    arg_min(entity_id, (at_ns, node, seq, entity_id)) AS entity_id,
    arg_min(pod_id, (at_ns, node, seq, entity_id)) AS pod_id,
    min(at_ns) AS known_ns
FROM named
WHERE told_id IS NOT NULL AND told_id <> ''
GROUP BY ALL
