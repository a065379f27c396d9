-- The processes of pods in this part: whose parent is among them is no container's first process.
DELETE FROM pod_process;
INSERT INTO pod_process
SELECT DISTINCT process."k8s.node.name", process."process.pid", process.cgroup_id
FROM process
WHERE process.cgroup_id IN (SELECT cgroup_id FROM cgroup WHERE pod_id IS NOT NULL)
UNION
SELECT node, pid, cgroup_id FROM known_process;
