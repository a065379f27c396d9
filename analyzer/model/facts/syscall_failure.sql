-- System calls that failed, counted. Samples of the same failures are left out: they are in the counts.
SELECT
    event.at_ns,
    coalesce(cgroup.entity_id, 'Node/' || event."k8s.node.name") AS entity_id,
    event."k8s.node.name" AS node, event.event_seq AS seq,
    event.evidence,
    cgroup.pod_id,
    event."syscall.name" AS syscall, event."error.type" AS error_type, event."count" AS count,
    TRY(event.at_ns - (event.boot_time_ns - event.first_boot_time_ns)) AS first_ns,
    event."process.pid"::BIGINT AS pid, event."process.command" AS command
FROM syscall_error AS event
LEFT JOIN cgroup
    ON cgroup.node = event."k8s.node.name" AND cgroup.cgroup_id = event.cgroup_id
    AND event.at_ns >= cgroup.from_ns AND event.at_ns < cgroup.to_ns
WHERE event.event_name = 'syscall.errors'
