-- Whose an address was, and when: `service_address`, `pod_address`, `node_address`.
CREATE TABLE node_address AS
WITH told AS (
    SELECT entity_id, unnest([place.address FOR place IN addresses]) AS address FROM node_version
    UNION
    SELECT 'Node/' || "k8s.node.name", "network.local.address" FROM interface_state WHERE "network.local.address" IS NOT NULL
)
-- 127.0.0.1 is every node's own.
SELECT address, min(entity_id) AS entity_id FROM told GROUP BY address HAVING count(DISTINCT entity_id) = 1;

CREATE TABLE service_address AS
WITH told AS (
    SELECT entity_id, at_ns, until_ns, unnest(list_concat(
        [service.spec.clusterIP], service.spec.clusterIPs, service.spec.externalIPs,
        [place.ip FOR place IN service.status.loadBalancer.ingress]
    )) AS address
    FROM service_version
)
SELECT address, entity_id, min(at_ns) AS seen_ns,
    CASE WHEN row_number() OVER same_address = 1 THEN 0 ELSE min(at_ns) END AS from_ns,
    coalesce(lead(min(at_ns)) OVER same_address, 9223372036854775807) AS to_ns
FROM told
WHERE address NOT IN ('', 'None')
GROUP BY address, entity_id
WINDOW same_address AS (PARTITION BY address ORDER BY min(at_ns), entity_id);

-- A Pod has its address before its status says so and gives it up when it ends: it is its owner from its creation until
-- another one has it. Pods in the node's own network have the node's address and none of their own.
CREATE TABLE pod_address AS
WITH told AS (
    SELECT entity_id, unnest(list_concat([pod.status.podIP], [place.ip FOR place IN pod.status.podIPs])) AS address
    FROM pod_version
), owned AS (
    SELECT DISTINCT told.address, told.entity_id, entity.from_ns AS seen_ns
    FROM told JOIN entity USING (entity_id)
    WHERE told.address <> '' AND told.address NOT IN (SELECT address FROM node_address)
)
SELECT address, entity_id, entity_id AS pod_id, seen_ns AS from_ns,
    coalesce(lead(seen_ns) OVER (PARTITION BY address ORDER BY seen_ns, entity_id), 9223372036854775807) AS to_ns
FROM owned;
