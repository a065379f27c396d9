-- Every process of the snapshots that are taken when a segment begins, by pid and time.
--
-- kind: table
-- reads: process_state
-- columns:
--   node VARCHAR: Node that it ran on.
--   pid INTEGER: Its process id.
--   start_boot_ns BIGINT: CLOCK_BOOTTIME of its start, in ns; identifies it with node and pid.
--   parent_pid INTEGER: Process id of its parent.
--   cgroup_id UBIGINT: Its cgroup.
--   command VARCHAR: Its name (`comm`).
--   seen_ns BIGINT: When it began, in aligned unix ns; null if that cannot be computed.
SELECT
    "k8s.node.name" AS node, "process.pid" AS pid, "process.start_boot_ns" AS start_boot_ns,
    "process.parent_pid" AS parent_pid, cgroup_id, "process.command" AS command,
    min(TRY(at_ns - (boot_time_ns - "process.start_boot_ns"))) AS seen_ns
FROM process_state
GROUP BY ALL
