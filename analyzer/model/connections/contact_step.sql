-- The addresses that each cgroup connected to, in steps of ten seconds.
--
-- kind: table
-- scope: part
-- reads: tcp (cgroup_id, network.local.address, network.peer.address, network.peer.port, tcp.network_namespace)
-- columns:
--   node VARCHAR: Node of the caller.
--   network_namespace UBIGINT: Inode number of the caller's network namespace.
--   address VARCHAR: Address of the peer.
--   port USMALLINT: Port of the peer.
--   cgroup_id UBIGINT: Cgroup of the caller.
--   local_address VARCHAR: Address of the caller; null if none was recorded.
--   step BIGINT: Number of the step since 1970.
--   from_ns BIGINT: First attempt to connect, in aligned unix ns.
--   to_ns BIGINT: Last attempt to connect, in aligned unix ns.
--   seq UBIGINT: `event_seq` of the first row.
--   opened BIGINT: Connections that were established.
--   refused BIGINT: Attempts that were refused.
--   timed_out BIGINT: Attempts that were not answered in time.
--   unreachable BIGINT: Attempts for which there was no route.
SELECT
    "k8s.node.name" AS node, "tcp.network_namespace" AS network_namespace, "network.peer.address" AS address,
    "network.peer.port" AS port, cgroup_id, at_ns // 10000000000 AS step,
    min("network.local.address") AS local_address, min(at_ns) AS from_ns, max(at_ns) AS to_ns, min(event_seq) AS seq,
    count(*) FILTER (event_name = 'tcp.connect') AS opened,
    count(*) FILTER (event_name = 'tcp.refused') AS refused,
    count(*) FILTER (event_name = 'tcp.timed_out') AS timed_out,
    count(*) FILTER (event_name = 'tcp.unreachable') AS unreachable
FROM tcp
WHERE event_name IN ('tcp.connect', 'tcp.refused', 'tcp.timed_out', 'tcp.unreachable')
GROUP BY ALL
