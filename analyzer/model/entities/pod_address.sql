-- The Pod that an address belonged to, and when. A Pod has its address before its status reports it and releases it at its
-- end: it is the owner from its creation until another one has it. Pods in the node's network have the node's address and
-- none of their own.
--
-- kind: table
-- reads: node_address, pod_version, recorded_entity
-- columns:
--   address VARCHAR: IP address.
--   entity_id VARCHAR: The Pod.
--   pod_id VARCHAR: The same Pod.
--   from_ns BIGINT: Start of the interval, included.
--   to_ns BIGINT: End of the interval, excluded.
WITH told AS (
    SELECT entity_id, unnest(list_concat([pod.status.podIP], [place.ip FOR place IN pod.status.podIPs])) AS address
    FROM pod_version
), owned AS (
    SELECT DISTINCT told.address, told.entity_id, entity.from_ns AS seen_ns
    FROM told JOIN recorded_entity AS entity USING (entity_id)
    WHERE told.address <> '' AND told.address NOT IN (SELECT address FROM node_address)
)
SELECT address, entity_id, entity_id AS pod_id, seen_ns AS from_ns,
    coalesce(lead(seen_ns) OVER (PARTITION BY address ORDER BY seen_ns, entity_id), 9223372036854775807) AS to_ns
FROM owned
