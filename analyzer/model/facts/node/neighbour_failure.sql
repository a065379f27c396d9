-- A neighbour on the link that did not answer when its hardware address was asked for (ARP, neighbour discovery).
--
-- kind: moment fact
-- about: Pod in whose network namespace it was asked for, else Node
-- reads: link, node_address, pod_address, pod_version, recorded_entity
-- needs:
--   link: event_name = 'neighbour.failed'
-- columns:
--   pod_id VARCHAR: The Pod; null if the node asked.
--   interface VARCHAR: Interface on which it was asked for; null if it is not known.
--   address VARCHAR: Address of the neighbour.
--   peer_id VARCHAR: Pod or Node that has the address and existed; null for others.
--   is_gateway BOOLEAN: Whether it was the router of a default route of the namespace.
--   failures BIGINT: How often it did not answer.
WITH gateway AS (
    SELECT DISTINCT "k8s.node.name" AS node, coalesce("k8s.pod.uid", '') AS uid, "route.gateway" AS address
    FROM link
    WHERE "route.prefix_length" = 0 AND "route.gateway" IS NOT NULL
), existing AS (
    -- Who is about to end is asked for until those who call it notice.
    SELECT pod_address.address, pod_address.entity_id, greatest(pod_address.from_ns, entity.from_ns) AS from_ns,
        least(pod_address.to_ns, CASE WHEN entity.is_deleted THEN entity.to_ns - 60000000000 ELSE pod_address.to_ns END) AS to_ns
    FROM pod_address
    JOIN recorded_entity AS entity ON entity.entity_id = pod_address.entity_id
)
SELECT
    event.at_ns, coalesce(pod.entity_id, 'Node/' || event."k8s.node.name") AS entity_id, event."k8s.node.name" AS node,
    event.event_seq AS seq, event.evidence, pod.entity_id AS pod_id, event."network.interface.name" AS interface,
    event."network.peer.address" AS address, coalesce(existing.entity_id, node_address.entity_id) AS peer_id,
    gateway.address IS NOT NULL AS is_gateway, coalesce(event."link.count", 1) AS failures
FROM link AS event
LEFT JOIN (SELECT uid, any_value(entity_id) AS entity_id FROM pod_version GROUP BY uid) AS pod ON pod.uid = event."k8s.pod.uid"
LEFT JOIN existing
    ON existing.address = event."network.peer.address" AND event.at_ns >= existing.from_ns AND event.at_ns < existing.to_ns
LEFT JOIN node_address ON node_address.address = event."network.peer.address"
LEFT JOIN gateway
    ON gateway.node = event."k8s.node.name" AND gateway.uid = coalesce(event."k8s.pod.uid", '') AND gateway.address = event."network.peer.address"
WHERE event.event_name = 'neighbour.failed' AND (event."k8s.pod.uid" IS NULL OR pod.entity_id IS NOT NULL)
