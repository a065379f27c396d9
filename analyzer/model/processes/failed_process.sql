-- Processes of pods that were killed by a signal or exited with an error.
--
-- kind: table
-- scope: accumulated
-- reads: cgroup, process (process.pid, process.start_boot_ns, cgroup_id, process.command, process.exit.code,
--   process.exit.signal)
-- columns:
--   process_id VARCHAR: The process.
--   entity_id VARCHAR: The container, or the Pod if that is not known, in which it ran.
--   pod_id VARCHAR: The Pod.
--   node VARCHAR: Node that it ran on.
--   pid INTEGER: Its process id.
--   command VARCHAR: Its name (`comm`).
--   from_ns BIGINT: When it began, in aligned unix ns.
--   to_ns BIGINT: When it ended, in aligned unix ns.
--   evidence VARCHAR: `table:node:seq` of the row of its exit.
SELECT
    'Process/' || ended."k8s.node.name" || '/' || ended."process.pid" || '/' || ended."process.start_boot_ns" AS process_id,
    cgroup.entity_id, cgroup.pod_id, ended."k8s.node.name" AS node, ended."process.pid" AS pid,
    ended."process.command" AS command,
    coalesce(TRY(ended.at_ns - (ended.boot_time_ns - ended."process.start_boot_ns")), ended.at_ns) AS from_ns,
    ended.at_ns AS to_ns, ended.evidence
FROM process AS ended
JOIN cgroup
    ON cgroup.node = ended."k8s.node.name" AND cgroup.cgroup_id = ended.cgroup_id
    AND ended.at_ns >= cgroup.from_ns AND ended.at_ns < cgroup.to_ns
WHERE (ended."process.exit.code" <> 0 OR ended."process.exit.signal" IS NOT NULL)
    AND ended.event_name = 'process.exit' AND cgroup.pod_id IS NOT NULL
ORDER BY ended.at_ns, ended."k8s.node.name", ended.event_seq
-- A container may fail a thousand times a second; names for the first of each part are enough.
LIMIT 2000
