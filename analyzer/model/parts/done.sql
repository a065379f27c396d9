-- When all parts have been seen: Process and Address entities, and the relations that only they tell.
INSERT INTO notable_process
SELECT
    oom_kill.process_id, oom_kill.entity_id, oom_kill.pod_id, oom_kill.node, oom_kill.pid, oom_kill.command,
    oom_kill.at_ns, oom_kill.at_ns, oom_kill.evidence
FROM oom_kill
WHERE oom_kill.process_id IS NOT NULL AND oom_kill.pod_id IS NOT NULL;

INSERT INTO notable_process
SELECT
    'Process/' || known.node || '/' || known.pid || '/' || known.start_boot_ns, cgroup.entity_id, cgroup.pod_id, known.node,
    known.pid, known.command, coalesce(known.seen_ns, (SELECT from_ns FROM capture_window)),
    (SELECT to_ns FROM capture_window), NULL
FROM known_process AS known
JOIN cgroup ON cgroup.node = known.node AND cgroup.cgroup_id = known.cgroup_id AND cgroup.pod_id IS NOT NULL
    AND coalesce(known.seen_ns, 0) >= cgroup.from_ns AND coalesce(known.seen_ns, 0) < cgroup.to_ns;

INSERT INTO container_death SELECT entity_id, at_ns FROM oom_kill WHERE entity_id LIKE 'Container/%';

CREATE TABLE process_entity AS
SELECT
    process_id AS entity_id, min(entity_id) AS holder_id, min(pod_id) AS pod_id, min(node) AS node, min(pid) AS pid,
    -- A row of its end tells its last name and its end; a snapshot knows neither.
    coalesce(arg_max(command, to_ns) FILTER (evidence IS NOT NULL), min(command)) AS command,
    min(from_ns) AS from_ns,
    coalesce(max(to_ns) FILTER (evidence IS NOT NULL), max(to_ns)) AS to_ns,
    min(evidence) AS evidence
FROM notable_process
GROUP BY process_id;

INSERT INTO entity BY NAME
SELECT
    process.entity_id, 'Process' AS kind, holder.namespace, process.command || ' (' || process.pid || ')' AS name,
    NULL AS uid, process.node, process.from_ns, process.to_ns, process.pod_id, holder.workload_id,
    process.evidence IS NOT NULL AS is_deleted
FROM process_entity AS process
LEFT JOIN entity AS holder ON holder.entity_id = process.pod_id;

INSERT INTO relation BY NAME
SELECT 'CONTAINS' AS relation, holder_id AS source_id, entity_id AS target_id, from_ns, to_ns, evidence FROM process_entity;
