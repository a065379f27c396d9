-- Every process whose start is known: those of the snapshots, and OOM victims.
--
-- kind: view
-- reads: oom_victim, process_snapshot
-- columns:
--   node VARCHAR: Node that it ran on.
--   pid INTEGER: Its process id.
--   start_boot_ns BIGINT: CLOCK_BOOTTIME of its start, in ns; identifies it with node and pid.
--   parent_pid INTEGER: Process id of its parent.
--   cgroup_id UBIGINT: Its cgroup.
--   command VARCHAR: Its name (`comm`).
--   seen_ns BIGINT: When it began, in aligned unix ns; null if that cannot be computed.
SELECT * FROM process_snapshot
UNION ALL BY NAME
SELECT * FROM oom_victim
