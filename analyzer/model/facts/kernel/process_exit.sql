-- A process exited. `is_main`: its parent is not in the same cgroup, as for the first process of a container.
--
-- kind: moment fact
-- scope: part
-- about: Container, else Pod, else Node
-- reads: cgroup, pod_process, process (process.pid, process.start_boot_ns, process.parent_pid, cgroup_id, process.command,
--   process.exit.code, process.exit.signal, duration_ns)
-- columns:
--   pod_id VARCHAR: The Pod; null outside of pods.
--   process_id VARCHAR: The process.
--   pid BIGINT: Its process id.
--   command VARCHAR: Its name (`comm`).
--   exit_code BIGINT: Exit code; null if it was killed by a signal.
--   signal BIGINT: Signal that killed it; null if none did.
--   run_ns BIGINT: How long it ran, in ns.
--   is_main BOOLEAN: Whether its parent is outside of the container, as for the container's first process.
SELECT
    event.at_ns,
    coalesce(cgroup.entity_id, 'Node/' || event."k8s.node.name") AS entity_id,
    event."k8s.node.name" AS node, event.event_seq AS seq,
    event.evidence,
    cgroup.pod_id,
    'Process/' || event."k8s.node.name" || '/' || event."process.pid" || '/' || event."process.start_boot_ns" AS process_id,
    event."process.pid"::BIGINT AS pid, event."process.command" AS command,
    event."process.exit.code"::BIGINT AS exit_code, event."process.exit.signal"::BIGINT AS signal, event.duration_ns AS run_ns,
    cgroup.pod_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM pod_process AS parent
        WHERE parent.node = event."k8s.node.name" AND parent.pid = event."process.parent_pid"
            AND parent.cgroup_id = event.cgroup_id
    ) AS is_main
FROM process AS event
LEFT JOIN cgroup
    ON cgroup.node = event."k8s.node.name" AND cgroup.cgroup_id = event.cgroup_id
    AND event.at_ns >= cgroup.from_ns AND event.at_ns < cgroup.to_ns
WHERE event.event_name = 'process.exit'
