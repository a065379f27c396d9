-- Every process that has the pid of an OOM victim, by pid and time.
--
-- kind: table
-- scope: accumulated
-- reads: oom, process (process.pid, process.start_boot_ns, process.parent_pid, cgroup_id, process.command)
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
    any_value("process.parent_pid") AS parent_pid, arg_max(cgroup_id, (at_ns, event_seq)) AS cgroup_id,
    arg_max("process.command", (at_ns, event_seq)) AS command,
    min(TRY(at_ns - (boot_time_ns - "process.start_boot_ns"))) AS seen_ns
FROM process
-- By number first: of all rows only those of victims are left to be compared by node.
WHERE "process.pid" IN (SELECT "process.pid" FROM oom)
    AND ("k8s.node.name", "process.pid") IN (SELECT ("k8s.node.name", "process.pid") FROM oom)
GROUP BY ALL
