-- A process that waited in the kernel and could not be interrupted, for several seconds without any CPU time.
--
-- kind: moment fact
-- about: Container of the process, else Pod, else Node
-- reads: cgroup, process_stall
-- needs:
--   process_stall: "process.state" = 'uninterruptible'
-- columns:
--   pod_id VARCHAR: The Pod; null outside of pods.
--   pid BIGINT: The process.
--   command VARCHAR: Its name (`comm`).
--   wait_channel VARCHAR: Function of the kernel in which it waited; null if it is not known.
--   stalled_ns BIGINT: For how long it had been waiting, in ns.
SELECT
    stall.at_ns,
    coalesce(cgroup.entity_id, 'Node/' || stall."k8s.node.name") AS entity_id,
    stall."k8s.node.name" AS node, stall.event_seq AS seq, stall.evidence,
    cgroup.pod_id, stall."process.pid"::BIGINT AS pid, stall."process.command" AS command,
    stall."process.wait_channel" AS wait_channel, stall."process.stalled_ns" AS stalled_ns
FROM process_stall AS stall
LEFT JOIN cgroup
    ON cgroup.node = stall."k8s.node.name" AND cgroup.cgroup_id = stall.cgroup_id
    AND stall.at_ns >= cgroup.from_ns AND stall.at_ns < cgroup.to_ns
WHERE stall."process.state" = 'uninterruptible'
