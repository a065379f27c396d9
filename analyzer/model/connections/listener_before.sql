-- The sockets that were listening when segments began, and their owners.
--
-- kind: table
-- reads: cgroup, socket_state
-- columns:
--   node VARCHAR: Node of the socket.
--   network_namespace UBIGINT: Inode number of its network namespace.
--   address VARCHAR: Address that it listens on; `*` for all addresses.
--   port USMALLINT: Port that it listens on.
--   entity_id VARCHAR: Owner: Container, else Pod, else Node.
--   at_ns BIGINT: When it was first seen listening, in aligned unix ns.
SELECT
    listening."k8s.node.name" AS node, listening."tcp.network_namespace" AS network_namespace,
    -- A socket that listens on all addresses serves each of them.
    CASE WHEN listening."network.local.address" IN ('0.0.0.0', '::') THEN '*' ELSE listening."network.local.address" END AS address,
    listening."network.local.port" AS port,
    coalesce(cgroup.entity_id, 'Node/' || listening."k8s.node.name") AS entity_id, min(listening.at_ns) AS at_ns
FROM socket_state AS listening
LEFT JOIN cgroup
    ON cgroup.node = listening."k8s.node.name" AND cgroup.cgroup_id = listening.cgroup_id
    AND listening.at_ns >= cgroup.from_ns AND listening.at_ns < cgroup.to_ns
GROUP BY ALL
