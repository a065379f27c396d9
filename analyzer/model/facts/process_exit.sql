-- A process ended. `is_main`: its parent does not live in its cgroup, as with the first process of a container.
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
