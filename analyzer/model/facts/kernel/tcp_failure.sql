-- A connection that failed, as observed by one of its sockets.
--
-- kind: moment fact
-- scope: part
-- about: owner of the socket: Container, else Pod, else Node
-- reads: cgroup, peer, pod_address, tcp (process.pid, cgroup_id, process.command, network.local.address, network.local.port,
--   network.peer.address, network.peer.port, tcp.network_namespace, duration_ns, error.type)
-- columns:
--   pod_id VARCHAR: The Pod; null outside of pods.
--   kind VARCHAR: `refused`, `timed_out`, `unreachable`, `reset_received`, `reset_sent` or `retransmit`.
--   peer_id VARCHAR: Service, Container, Pod, Node or Address that had the peer's address at that time.
--   peer_address VARCHAR: Address of the peer.
--   peer_port BIGINT: Port of the peer.
--   local_address VARCHAR: Address of the socket.
--   local_port BIGINT: Port of the socket.
--   error_type VARCHAR: Name of the errno; null if there is none.
--   duration_ns BIGINT: How long the attempt took, in ns; null if it is not known.
--   pid BIGINT: Process id of the owner.
--   command VARCHAR: Name of the process (`comm`).
SELECT
    event.at_ns,
    coalesce(cgroup.entity_id, local.entity_id, 'Node/' || event."k8s.node.name") AS entity_id,
    event."k8s.node.name" AS node, event.event_seq AS seq,
    event.evidence,
    coalesce(cgroup.pod_id, local.pod_id) AS pod_id,
    substr(event.event_name, 5) AS kind,
    peer.entity_id AS peer_id,
    event."network.peer.address" AS peer_address, event."network.peer.port"::BIGINT AS peer_port,
    event."network.local.address" AS local_address, event."network.local.port"::BIGINT AS local_port,
    event."error.type" AS error_type, event.duration_ns, event."process.pid"::BIGINT AS pid, event."process.command" AS command
FROM tcp AS event
LEFT JOIN cgroup
    ON cgroup.node = event."k8s.node.name" AND cgroup.cgroup_id = event.cgroup_id
    AND event.at_ns >= cgroup.from_ns AND event.at_ns < cgroup.to_ns
LEFT JOIN peer
    ON peer.node = event."k8s.node.name" AND peer.network_namespace = event."tcp.network_namespace"
    AND peer.address = event."network.peer.address" AND peer.port = event."network.peer.port"
    AND event.at_ns >= peer.from_ns AND event.at_ns < peer.to_ns
-- A reset that no socket sent has no cgroup: its source address identifies the owner.
LEFT JOIN pod_address AS local
    ON event.cgroup_id = 0 AND local.address = event."network.local.address"
    AND event.at_ns >= local.from_ns AND event.at_ns < local.to_ns
WHERE event.event_name IN ('tcp.refused', 'tcp.timed_out', 'tcp.unreachable', 'tcp.reset_received', 'tcp.reset_sent', 'tcp.retransmit')
