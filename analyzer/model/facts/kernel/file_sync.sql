-- A file that was slow to become safe on its disk (fsync), or that could not be written.
--
-- kind: moment fact
-- about: Container, else Pod, else Node
-- reads: cgroup, file
-- needs:
--   file: event_name <> 'file.syncs'
-- columns:
--   pod_id VARCHAR: The Pod; null outside of pods.
--   event VARCHAR: `sync_slow`, `sync_failed`, or `write_failed` if the kernel could not write later what it had taken.
--   pid BIGINT: The process; null if the kernel tried.
--   command VARCHAR: Its name (`comm`); empty if the kernel tried.
--   device VARCHAR: Device of the file system as `major:minor`.
--   path VARCHAR: The end of its path within the file system; `a file` if it is not known.
--   error_type VARCHAR: Name of the errno; null if it did not fail.
--   duration_ns BIGINT: How long the process waited, in ns; the time is that of its beginning.
SELECT
    TRY(event.at_ns - event."file.at_least_ns") AS at_ns,
    coalesce(cgroup.entity_id, 'Node/' || event."k8s.node.name") AS entity_id,
    event."k8s.node.name" AS node, event.event_seq AS seq, event.evidence,
    cgroup.pod_id, split_part(event.event_name, '.', 2) AS event,
    event."process.pid"::BIGINT AS pid, event."process.command" AS command,
    event."file.device" AS device, coalesce(event."file.path", 'a file') AS path,
    event."error.type" AS error_type, event."file.at_least_ns" AS duration_ns
FROM file AS event
LEFT JOIN cgroup
    ON cgroup.node = event."k8s.node.name" AND cgroup.cgroup_id = event.cgroup_id
    AND event.at_ns >= cgroup.from_ns AND event.at_ns < cgroup.to_ns
WHERE event.event_name <> 'file.syncs'
