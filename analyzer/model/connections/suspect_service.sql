-- Services that may not fit what they select: they match no pod template, or one that has no replicas or does not declare what a
-- port of the Service asks for. Most captures have few, and only these are compared by `service_state`.
--
-- kind: table
-- reads: pod_template, selects_template, served_port, service_version
-- needs:
--   service_version: is_last
-- columns:
--   entity_id VARCHAR: The Service.
WITH service AS (
    SELECT entity_id, service.spec.ports AS ports
    FROM service_version
    WHERE is_last AND cardinality(service.spec.selector) > 0 AND coalesce(service.spec.type, '') <> 'ExternalName'
), target AS (
    SELECT
        service.entity_id, pair.target_id AS workload_id, port.protocol AS protocol,
        coalesce(port.targetPort, port.port::VARCHAR) AS target
    FROM (SELECT entity_id, unnest(ports) AS port FROM service) AS service
    JOIN selects_template AS pair ON pair.source_id = service.entity_id
)
SELECT entity_id FROM service WHERE entity_id NOT IN (SELECT source_id FROM selects_template)
UNION
SELECT source_id FROM selects_template WHERE target_id IN (SELECT entity_id FROM pod_template WHERE replicas = 0)
UNION
SELECT target.entity_id
FROM target
LEFT JOIN served_port AS offer
    ON offer.entity_id = target.workload_id AND offer.protocol = coalesce(target.protocol, 'TCP')
    AND target.target IN (offer.port::VARCHAR, offer.name)
WHERE offer.entity_id IS NULL AND target.workload_id IN (SELECT entity_id FROM served_port WHERE is_declared)
