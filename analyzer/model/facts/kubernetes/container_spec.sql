-- Image, resources and probes of a container, for as long as its Pod specifies them.
--
-- kind: interval fact
-- about: Container
-- reads: container_declared
-- columns:
--   pod_id VARCHAR: The Pod.
--   image VARCHAR: Image in the specification.
--   memory_limit_bytes BIGINT: Memory limit; null without a limit.
--   memory_request_bytes BIGINT: Memory request; null without a request.
--   cpu_limit_millicores BIGINT: CPU limit; null without a limit.
--   cpu_request_millicores BIGINT: CPU request; null without a request.
--   has_liveness_probe BOOLEAN: Whether it has a liveness probe.
--   has_readiness_probe BOOLEAN: Whether it has a readiness probe.
--   is_init BOOLEAN: Whether it is an init container.
WITH told AS (
    SELECT
        entity_id, NULL AS facet,
        {
            'pod_id': pod_id, 'image': container.image,
            'memory_limit_bytes': quantity_milli(container.resources.limits.memory) // 1000,
            'memory_request_bytes': quantity_milli(container.resources.requests.memory) // 1000,
            'cpu_limit_millicores': quantity_milli(container.resources.limits.cpu),
            'cpu_request_millicores': quantity_milli(container.resources.requests.cpu),
            'has_liveness_probe': container.livenessProbe IS NOT NULL,
            'has_readiness_probe': container.readinessProbe IS NOT NULL,
            'is_init': is_init
        } AS state,
        NULL AS detail, NULL AS since_ns, at_ns, until_ns, node, seq, is_state, is_last
    FROM container_declared
)
SELECT at_ns, entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence, to_ns, is_open, is_old, is_past, unnest(state)
FROM intervals_of('told')
