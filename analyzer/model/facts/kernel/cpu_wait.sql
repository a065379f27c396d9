-- Waits of threads for a CPU, counted by class of latency and by who ran instead.
--
-- kind: moment fact
-- scope: part
-- about: Container, else Pod, else Node
-- reads: cgroup, run_queue (cgroup_id, run_queue.other_cgroup_id, run_queue.at_least_ns, count, first_boot_time_ns)
-- columns:
--   pod_id VARCHAR: The Pod; null outside of pods.
--   other_id VARCHAR: Container, else Pod, that ran last on the CPU; null for short waits, and outside of pods.
--   at_least_ns BIGINT: How long each of them took at least, in ns.
--   count BIGINT: How many there were.
--   first_ns BIGINT: Unix ns of the end of the first of them.
SELECT
    event.at_ns,
    coalesce(cgroup.entity_id, 'Node/' || event."k8s.node.name") AS entity_id,
    event."k8s.node.name" AS node, event.event_seq AS seq,
    event.evidence,
    cgroup.pod_id,
    CASE WHEN other.pod_id IS NOT NULL THEN other.entity_id END AS other_id,
    event."run_queue.at_least_ns" AS at_least_ns, event."count" AS count,
    TRY(event.at_ns - (event.boot_time_ns - event.first_boot_time_ns)) AS first_ns
FROM run_queue AS event
LEFT JOIN cgroup
    ON cgroup.node = event."k8s.node.name" AND cgroup.cgroup_id = event.cgroup_id
    AND event.at_ns >= cgroup.from_ns AND event.at_ns < cgroup.to_ns
LEFT JOIN cgroup AS other
    ON other.node = event."k8s.node.name" AND other.cgroup_id = event."run_queue.other_cgroup_id"
    AND event.at_ns >= other.from_ns AND event.at_ns < other.to_ns
