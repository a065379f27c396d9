-- The processes of pods that are parents of processes that ended in this part: a process whose parent is among them is not a
-- container's first process. Why parents only: there are few, and the others are not needed.
--
-- kind: table
-- scope: part
-- reads: oom_victim, process (process.pid, process.parent_pid, cgroup_id), process_snapshot
-- columns:
--   node VARCHAR: Node that it runs on.
--   pid INTEGER: Its process id.
--   cgroup_id UBIGINT: Its cgroup.
WITH parent AS (
    SELECT DISTINCT "process.parent_pid" AS pid FROM process WHERE event_name = 'process.exit'
)
SELECT DISTINCT process."k8s.node.name" AS node, process."process.pid" AS pid, process.cgroup_id
FROM process
WHERE process."process.pid" IN (SELECT pid FROM parent)
UNION
SELECT node, pid, cgroup_id FROM process_snapshot WHERE pid IN (SELECT pid FROM parent)
UNION
SELECT node, pid, cgroup_id FROM oom_victim WHERE pid IN (SELECT pid FROM parent)
