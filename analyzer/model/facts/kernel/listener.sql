-- A socket started or stopped listening.
--
-- kind: moment fact
-- scope: part
-- about: owner of the socket: Container, else Pod, else Node
-- reads: cgroup, tcp (process.pid, cgroup_id, process.command, network.local.address, network.local.port)
-- columns:
--   pod_id VARCHAR: The Pod; null outside of pods.
--   kind VARCHAR: `listen` or `listen_end`.
--   address VARCHAR: Address that it listens on.
--   port BIGINT: Port that it listens on.
--   pid BIGINT: Process id of the owner.
--   command VARCHAR: Name of the process (`comm`).
SELECT
    event.at_ns,
    coalesce(cgroup.entity_id, 'Node/' || event."k8s.node.name") AS entity_id,
    event."k8s.node.name" AS node, event.event_seq AS seq,
    event.evidence,
    cgroup.pod_id,
    substr(event.event_name, 5) AS kind,
    event."network.local.address" AS address, event."network.local.port"::BIGINT AS port,
    event."process.pid"::BIGINT AS pid, event."process.command" AS command
FROM tcp AS event
LEFT JOIN cgroup
    ON cgroup.node = event."k8s.node.name" AND cgroup.cgroup_id = event.cgroup_id
    AND event.at_ns >= cgroup.from_ns AND event.at_ns < cgroup.to_ns
WHERE event.event_name IN ('tcp.listen', 'tcp.listen_end')
