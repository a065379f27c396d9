-- The processes of pods that are parents of processes that ended in this part: whose parent is among them is no container's
-- first process. Why parents only: there are few, and of all others nobody asks.
DELETE FROM pod_process;
INSERT INTO pod_process
WITH parent AS (
    SELECT DISTINCT "process.parent_pid" AS pid FROM process WHERE event_name = 'process.exit'
)
SELECT DISTINCT process."k8s.node.name", process."process.pid", process.cgroup_id
FROM process
WHERE process."process.pid" IN (SELECT pid FROM parent)
UNION
SELECT node, pid, cgroup_id FROM known_process WHERE pid IN (SELECT pid FROM parent);
