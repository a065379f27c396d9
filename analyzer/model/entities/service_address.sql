-- The Service that an address belonged to, and when.
--
-- kind: table
-- reads: service_version
-- columns:
--   address VARCHAR: IP address.
--   entity_id VARCHAR: The Service.
--   seen_ns BIGINT: When the Service was first recorded with it, in aligned unix ns.
--   from_ns BIGINT: Start of the interval, included; 0 for its first owner.
--   to_ns BIGINT: End of the interval, excluded.
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
WINDOW same_address AS (PARTITION BY address ORDER BY min(at_ns), entity_id)
