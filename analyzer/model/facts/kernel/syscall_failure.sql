-- System calls that failed, counted. Samples of the same failures are omitted: they are in the counts.
--
-- kind: moment fact
-- scope: part
-- about: Container, else Pod, else Node
-- reads: cgroup, syscall_error (process.pid, cgroup_id, process.command, count, first_boot_time_ns, syscall.name, error.type, file.path)
-- columns:
--   pod_id VARCHAR: The Pod; null outside of pods.
--   syscall VARCHAR: Name of the system call.
--   error_type VARCHAR: Name of the errno.
--   count BIGINT: How many calls failed.
--   first_ns BIGINT: Unix ns of the first of them.
--   pid BIGINT: Process id of the caller.
--   command VARCHAR: Name of the process (`comm`).
--   path VARCHAR: A file that the process failed with in this way; `its files` if no sample has one.
WITH sample AS (
    SELECT
        "k8s.node.name" AS node, "process.pid" AS pid, "syscall.name" AS syscall, "error.type" AS error_type,
        min("file.path") AS path
    FROM syscall_error
    WHERE event_name = 'syscall.error_sample'
    GROUP BY ALL
)
SELECT
    event.at_ns,
    coalesce(cgroup.entity_id, 'Node/' || event."k8s.node.name") AS entity_id,
    event."k8s.node.name" AS node, event.event_seq AS seq,
    event.evidence,
    cgroup.pod_id,
    event."syscall.name" AS syscall, event."error.type" AS error_type, event."count" AS count,
    TRY(event.at_ns - (event.boot_time_ns - event.first_boot_time_ns)) AS first_ns,
    event."process.pid"::BIGINT AS pid, event."process.command" AS command,
    coalesce(sample.path, 'its files') AS path
FROM syscall_error AS event
LEFT JOIN cgroup
    ON cgroup.node = event."k8s.node.name" AND cgroup.cgroup_id = event.cgroup_id
    AND event.at_ns >= cgroup.from_ns AND event.at_ns < cgroup.to_ns
LEFT JOIN sample
    ON sample.node = event."k8s.node.name" AND sample.pid = event."process.pid"
    AND sample.syscall = event."syscall.name" AND sample.error_type = event."error.type"
WHERE event.event_name = 'syscall.errors'
