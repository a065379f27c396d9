-- The entities that have the contacted addresses, and when.
--
-- kind: table
-- scope: part
-- reads: contact, listener_before, listener_seen, node_address, pod_address, service_address, tcp (network.peer.address,
--   network.peer.port, tcp.network_namespace)
-- columns:
--   node VARCHAR: Node of the caller.
--   network_namespace UBIGINT: Inode number of the caller's network namespace.
--   address VARCHAR: Address of the peer.
--   port USMALLINT: Port of the peer.
--   entity_id VARCHAR: Service, Container, Pod, Node or Address that has the address.
--   from_ns BIGINT: Start of the interval, included.
--   to_ns BIGINT: End of the interval, excluded.
WITH asked AS (
    SELECT DISTINCT node, network_namespace, address, port FROM contact
    UNION
    SELECT DISTINCT "k8s.node.name", "tcp.network_namespace", "network.peer.address", "network.peer.port" FROM tcp
    WHERE event_name IN ('tcp.reset_received', 'tcp.reset_sent', 'tcp.retransmit')
), listener AS (
    -- It owns its address until another one has it, also before its first row, because no other owner is known.
    SELECT
        node, network_namespace, address, port, entity_id,
        CASE WHEN row_number() OVER same_socket = 1 THEN 0 ELSE at_ns END AS from_ns,
        coalesce(lead(at_ns) OVER same_socket, 9223372036854775807) AS to_ns
    FROM (SELECT * FROM listener_before UNION ALL SELECT * FROM listener_seen)
    WINDOW same_socket AS (PARTITION BY node, network_namespace, address, port ORDER BY at_ns, entity_id)
), owner AS (
    SELECT asked.*, 1 AS rank, service.entity_id, service.from_ns, service.to_ns
    FROM asked JOIN service_address AS service USING (address)
    UNION ALL BY NAME
    SELECT asked.*, 2 AS rank, listener.entity_id, listener.from_ns, listener.to_ns
    FROM asked JOIN listener USING (node, network_namespace, address, port)
    WHERE listener.entity_id NOT LIKE 'Node/%'
    UNION ALL BY NAME
    SELECT asked.*, 3 AS rank, pod.entity_id, pod.from_ns, pod.to_ns
    FROM asked JOIN pod_address AS pod USING (address)
    UNION ALL BY NAME
    SELECT asked.*, 4 AS rank, listener.entity_id, listener.from_ns, listener.to_ns
    FROM asked
    JOIN listener
        ON listener.node = asked.node AND listener.network_namespace = asked.network_namespace AND listener.port = asked.port
        AND listener.address = '*' AND listener.entity_id NOT LIKE 'Node/%'
    -- On all addresses of its own network: those of the node, and loopback.
    WHERE asked.address IN (SELECT address FROM node_address) OR asked.address LIKE '127.%' OR asked.address = '::1'
    UNION ALL BY NAME
    SELECT asked.*, 5 AS rank, place.entity_id, 0 AS from_ns, 9223372036854775807 AS to_ns
    FROM asked JOIN node_address AS place USING (address)
    UNION ALL BY NAME
    SELECT asked.*, 6 AS rank, 'Address/' || asked.address AS entity_id, 0 AS from_ns, 9223372036854775807 AS to_ns
    FROM asked
)
SELECT node, network_namespace, address, port, entity_id, from_ns, to_ns
FROM owner
QUALIFY rank = min(rank) OVER (PARTITION BY node, network_namespace, address, port)
