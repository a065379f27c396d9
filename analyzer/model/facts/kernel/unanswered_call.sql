-- A caller asked something, and closed or lost the connection before any answer came.
--
-- Only where the same program was answered there within the same part of the capture: some programs only send.
--
-- kind: moment fact
-- scope: part
-- about: owner of the calling socket: Container, else Pod, else Node
-- reads: cgroup, peer, tcp (cgroup_id, process.command, network.local.port, network.peer.address, network.peer.port,
--   tcp.network_namespace, network.io.transmit_bytes, network.io.receive_bytes)
-- columns:
--   pod_id VARCHAR: The Pod; null outside of pods.
--   peer_id VARCHAR: Service, Container, Pod, Node or Address that had the peer's address at that time.
--   peer_address VARCHAR: Address of the peer.
--   peer_port BIGINT: Port of the peer.
--   command VARCHAR: Name of the calling process (`comm`).
WITH unanswered AS MATERIALIZED (
    SELECT * FROM tcp
    -- Whoever connects has a port of its own choice, above those of servers.
    WHERE event_name = 'tcp.close' AND "network.io.receive_bytes" = 0 AND "network.io.transmit_bytes" > 0
        AND "network.local.port" > "network.peer.port"
), answered AS (
    -- Few calls stay without an answer: only those like them are looked at.
    SELECT DISTINCT event."process.command", event."network.peer.address", event."network.peer.port"
    FROM tcp AS event
    SEMI JOIN unanswered USING ("process.command", "network.peer.address", "network.peer.port")
    WHERE event.event_name = 'tcp.close' AND event."network.io.receive_bytes" > 0 AND event."network.io.transmit_bytes" > 0
)
SELECT
    event.at_ns,
    coalesce(cgroup.entity_id, 'Node/' || event."k8s.node.name") AS entity_id,
    event."k8s.node.name" AS node, event.event_seq AS seq,
    event.evidence,
    cgroup.pod_id,
    peer.entity_id AS peer_id,
    event."network.peer.address" AS peer_address, event."network.peer.port"::BIGINT AS peer_port,
    event."process.command" AS command
FROM unanswered AS event
SEMI JOIN answered USING ("process.command", "network.peer.address", "network.peer.port")
LEFT JOIN cgroup
    ON cgroup.node = event."k8s.node.name" AND cgroup.cgroup_id = event.cgroup_id
    AND event.at_ns >= cgroup.from_ns AND event.at_ns < cgroup.to_ns
LEFT JOIN peer
    ON peer.node = event."k8s.node.name" AND peer.network_namespace = event."tcp.network_namespace"
    AND peer.address = event."network.peer.address" AND peer.port = event."network.peer.port"
    AND event.at_ns >= peer.from_ns AND event.at_ns < peer.to_ns
