-- Every entity of the capture and the interval in which it existed, as far as it was recorded.
--
-- kind: table
-- reads: calls, process_entity, recorded_entity
-- columns:
--   entity_id VARCHAR: Key: `Kind/uid` of Kubernetes objects, `Container/<pod uid>/<name>`, `Process/<node>/<pid>/<start>`,
--     `Node/<name>`, `Address/<address>`.
--   kind VARCHAR: The part of the key before the first slash.
--   namespace VARCHAR: Its namespace; null for cluster-wide entities.
--   name VARCHAR: Its name; `pod/container` for Containers, `command (pid)` for Processes.
--   uid VARCHAR: Uid of the Kubernetes object; null for others.
--   node VARCHAR: Node that it is or runs on; null if it is on none.
--   from_ns BIGINT: Start of its existence, in unix ns.
--   to_ns BIGINT: End of its existence, in unix ns; the end of the capture if it still existed.
--   pod_id VARCHAR: The Pod of Pods, Containers and Processes; null for others.
--   workload_id VARCHAR: The top of its OWNS chain; itself for a workload; null for others.
--   is_deleted BOOLEAN: Whether it was deleted or ended within the capture.
SELECT * FROM recorded_entity
UNION ALL BY NAME
SELECT
    process.entity_id, 'Process' AS kind, holder.namespace, process.command || ' (' || process.pid || ')' AS name,
    NULL AS uid, process.node, process.from_ns, process.to_ns, process.pod_id, holder.workload_id,
    process.evidence IS NOT NULL AS is_deleted
FROM process_entity AS process
LEFT JOIN recorded_entity AS holder ON holder.entity_id = process.pod_id
UNION ALL BY NAME
-- Peers that belong to no known entity.
SELECT target_id AS entity_id, 'Address' AS kind, substr(target_id, 9) AS name, min(from_ns) AS from_ns, max(to_ns) AS to_ns,
    false AS is_deleted
FROM calls
WHERE target_id LIKE 'Address/%'
GROUP BY target_id
