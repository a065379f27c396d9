-- What all containers of a Pod request together, but its init containers.
--
-- kind: view
-- reads: container_declared
-- columns:
--   pod_id VARCHAR: The Pod.
--   cpu BIGINT: Thousandths of a CPU; null if no container requests any.
--   memory BIGINT: Bytes; null if no container requests any.
SELECT pod_id, sum(cpu)::BIGINT AS cpu, sum(memory)::BIGINT AS memory
FROM (
    SELECT
        pod_id, entity_id, max(quantity_milli(container.resources.requests.cpu)) AS cpu,
        max(quantity_milli(container.resources.requests.memory) // 1000) AS memory
    FROM container_declared
    WHERE NOT is_init
    GROUP BY pod_id, entity_id
)
GROUP BY pod_id
