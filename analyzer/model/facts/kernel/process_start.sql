-- A process started to run a program.
--
-- kind: moment fact
-- scope: part
-- about: Container, else Pod, else Node
-- reads: cgroup, process (process.pid, process.start_boot_ns, process.parent_pid, cgroup_id, process.command,
--   process.executable.path, process.args_count)
-- columns:
--   pod_id VARCHAR: The Pod; null outside of pods.
--   process_id VARCHAR: The process.
--   pid BIGINT: Its process id.
--   parent_pid BIGINT: Process id of its parent.
--   command VARCHAR: Its name (`comm`).
--   executable VARCHAR: Path of the program.
--   args_count BIGINT: Number of arguments.
SELECT
    event.at_ns,
    coalesce(cgroup.entity_id, 'Node/' || event."k8s.node.name") AS entity_id,
    event."k8s.node.name" AS node, event.event_seq AS seq,
    event.evidence,
    cgroup.pod_id,
    'Process/' || event."k8s.node.name" || '/' || event."process.pid" || '/' || event."process.start_boot_ns" AS process_id,
    event."process.pid"::BIGINT AS pid, event."process.parent_pid"::BIGINT AS parent_pid, event."process.command" AS command,
    event."process.executable.path" AS executable, event."process.args_count"::BIGINT AS args_count
FROM process AS event
LEFT JOIN cgroup
    ON cgroup.node = event."k8s.node.name" AND cgroup.cgroup_id = event.cgroup_id
    AND event.at_ns >= cgroup.from_ns AND event.at_ns < cgroup.to_ns
WHERE event.event_name = 'process.exec'
