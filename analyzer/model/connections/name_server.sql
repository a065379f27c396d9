-- Who has the addresses of the DNS servers that were asked, and when.
--
-- kind: table
-- scope: part
-- reads: dns (network.peer.address), node_address, pod_address, service_address
-- columns:
--   address VARCHAR: Address of the server.
--   entity_id VARCHAR: Service, Pod, Node or Address that has it.
--   from_ns BIGINT: Start of the interval, included.
--   to_ns BIGINT: End of the interval, excluded.
WITH asked AS (
    SELECT DISTINCT "network.peer.address" AS address FROM dns
), owner AS (
    SELECT address, 1 AS rank, entity_id, from_ns, to_ns FROM asked JOIN service_address USING (address)
    UNION ALL BY NAME
    SELECT address, 2 AS rank, entity_id, from_ns, to_ns FROM asked JOIN pod_address USING (address)
    UNION ALL BY NAME
    SELECT address, 3 AS rank, entity_id, 0 AS from_ns, 9223372036854775807 AS to_ns FROM asked JOIN node_address USING (address)
    UNION ALL BY NAME
    SELECT address, 4 AS rank, 'Address/' || address AS entity_id, 0 AS from_ns, 9223372036854775807 AS to_ns FROM asked
)
SELECT address, entity_id, from_ns, to_ns
FROM owner
QUALIFY rank = min(rank) OVER (PARTITION BY address)
