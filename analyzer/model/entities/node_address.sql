-- The Node that an address belongs to. An address of several Nodes, such as 127.0.0.1, is omitted.
--
-- kind: table
-- reads: interface_state, node_version
-- columns:
--   address VARCHAR: IP address.
--   entity_id VARCHAR: The Node.
WITH told AS (
    SELECT entity_id, unnest([place.address FOR place IN addresses]) AS address FROM node_version
    UNION
    SELECT 'Node/' || "k8s.node.name", "network.local.address" FROM interface_state WHERE "network.local.address" IS NOT NULL
)
SELECT address, min(entity_id) AS entity_id FROM told GROUP BY address HAVING count(DISTINCT entity_id) = 1
