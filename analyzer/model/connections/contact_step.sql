-- How often each cgroup connected to an address, in steps of ten seconds.
--
-- kind: table
-- scope: part
-- reads: tcp (cgroup_id, network.peer.address, network.peer.port, tcp.network_namespace)
-- columns:
--   node VARCHAR: Node of the caller.
--   network_namespace UBIGINT: Inode number of the caller's network namespace.
--   address VARCHAR: Address of the peer.
--   port USMALLINT: Port of the peer.
--   cgroup_id UBIGINT: Cgroup of the caller.
--   step BIGINT: Number of the step since 1970.
--   from_ns BIGINT: First connection of the step, in aligned unix ns.
--   seq UBIGINT: `event_seq` of the first row.
--   opened BIGINT: Connections that were established.
SELECT
    "k8s.node.name" AS node, "tcp.network_namespace" AS network_namespace, "network.peer.address" AS address,
    "network.peer.port" AS port, cgroup_id, at_ns // 10000000000 AS step,
    min(at_ns) AS from_ns, arg_min(event_seq, (at_ns, event_seq)) AS seq, count(*) AS opened
FROM tcp
WHERE event_name = 'tcp.connect'
GROUP BY ALL
