-- The processes of pods that become entities: alive when a segment began, killed by a signal, exited with an error,
-- or OOM victims.
--
-- kind: table
-- reads: capture_window, cgroup, failed_process, known_process, oom_kill
-- columns:
--   entity_id VARCHAR: The Process.
--   holder_id VARCHAR: The container, or the Pod if that is not known, in which it ran.
--   pod_id VARCHAR: The Pod.
--   node VARCHAR: Node that it ran on.
--   pid INTEGER: Its process id.
--   command VARCHAR: Its last name (`comm`).
--   from_ns BIGINT: When it began, in aligned unix ns; the start of the capture if that is not known.
--   to_ns BIGINT: When it ended; the end of the capture if no row shows it.
--   evidence VARCHAR: `table:node:seq` of the row of its exit; null if there is none.
WITH notable AS (
    SELECT * FROM failed_process
    UNION ALL BY NAME
    SELECT process_id, entity_id, pod_id, node, pid, command, at_ns AS from_ns, at_ns AS to_ns, evidence
    FROM oom_kill
    WHERE process_id IS NOT NULL AND pod_id IS NOT NULL
    UNION ALL BY NAME
    SELECT
        'Process/' || known.node || '/' || known.pid || '/' || known.start_boot_ns AS process_id,
        cgroup.entity_id, cgroup.pod_id, known.node, known.pid, known.command,
        coalesce(known.seen_ns, (SELECT from_ns FROM capture_window)) AS from_ns,
        (SELECT to_ns FROM capture_window) AS to_ns, NULL AS evidence
    FROM known_process AS known
    JOIN cgroup ON cgroup.node = known.node AND cgroup.cgroup_id = known.cgroup_id AND cgroup.pod_id IS NOT NULL
        AND coalesce(known.seen_ns, 0) >= cgroup.from_ns AND coalesce(known.seen_ns, 0) < cgroup.to_ns
)
SELECT
    process_id AS entity_id, min(entity_id) AS holder_id, min(pod_id) AS pod_id, min(node) AS node, min(pid)::INTEGER AS pid,
    -- The row of its exit has its last name and the time of the exit; a snapshot has neither.
    coalesce(arg_max(command, to_ns) FILTER (evidence IS NOT NULL), min(command)) AS command,
    min(from_ns) AS from_ns,
    coalesce(max(to_ns) FILTER (evidence IS NOT NULL), max(to_ns)) AS to_ns,
    min(evidence) AS evidence
FROM notable
GROUP BY process_id
