-- Requests to a disk, counted by operation, outcome and class of latency. What the kernel writes back later is the node's.
--
-- kind: moment fact
-- scope: part
-- about: Container, else Pod, else Node
-- reads: block_io (cgroup_id, block_io.device, block_io.operation, error.type, block_io.at_least_ns, count, first_boot_time_ns), cgroup
-- columns:
--   pod_id VARCHAR: The Pod; null outside of pods.
--   node_id VARCHAR: The Node that has the disk.
--   device VARCHAR: Disk as `major:minor`.
--   operation VARCHAR: `read`, `write`, `flush`, `discard`, or `operation_N`.
--   error_type VARCHAR: Name of the errno; null if they did not fail.
--   at_least_ns BIGINT: How long each of them took at least, in ns.
--   count BIGINT: How many there were.
--   first_ns BIGINT: Unix ns of the first of them.
SELECT
    event.at_ns,
    coalesce(cgroup.entity_id, 'Node/' || event."k8s.node.name") AS entity_id,
    event."k8s.node.name" AS node, event.event_seq AS seq,
    event.evidence,
    cgroup.pod_id, 'Node/' || event."k8s.node.name" AS node_id,
    event."block_io.device" AS device, event."block_io.operation" AS operation, event."error.type" AS error_type,
    event."block_io.at_least_ns" AS at_least_ns, event."count" AS count,
    TRY(event.at_ns - (event.boot_time_ns - event.first_boot_time_ns)) AS first_ns
FROM block_io AS event
LEFT JOIN cgroup
    ON cgroup.node = event."k8s.node.name" AND cgroup.cgroup_id = event.cgroup_id
    AND event.at_ns >= cgroup.from_ns AND event.at_ns < cgroup.to_ns
