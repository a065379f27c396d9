-- The addresses that each cgroup connected to, with the first and the last time.
--
-- kind: table
-- scope: part
-- reads: contact_step
-- columns:
--   node VARCHAR: Node of the caller.
--   network_namespace UBIGINT: Inode number of the caller's network namespace.
--   address VARCHAR: Address of the peer.
--   port USMALLINT: Port of the peer.
--   cgroup_id UBIGINT: Cgroup of the caller.
--   local_address VARCHAR: Address of the caller; null if none was recorded.
--   from_ns BIGINT: First attempt to connect, in aligned unix ns.
--   to_ns BIGINT: Last attempt to connect, in aligned unix ns.
--   seq UBIGINT: `event_seq` of the first row.
--   opened BIGINT: Connections that were established.
--   refused BIGINT: Attempts that were refused.
--   timed_out BIGINT: Attempts that were not answered in time.
--   unreachable BIGINT: Attempts for which there was no route.
SELECT
    node, network_namespace, address, port, cgroup_id, min(local_address) AS local_address,
    min(from_ns) AS from_ns, max(to_ns) AS to_ns, min(seq) AS seq,
    sum(opened)::BIGINT AS opened, sum(refused)::BIGINT AS refused, sum(timed_out)::BIGINT AS timed_out,
    sum(unreachable)::BIGINT AS unreachable
FROM contact_step
GROUP BY ALL
