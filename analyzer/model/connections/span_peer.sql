-- Which Pod called which entity, according to spans: a span that names its peer, and one whose parent is a span of another Pod.
--
-- kind: table
-- scope: accumulated
-- reads: node_address, pod_address, program_span, recorded_entity, service_address
-- columns:
--   source_id VARCHAR: The calling Pod.
--   target_id VARCHAR: The called Service, Pod or Node.
--   from_ns BIGINT: Start of the first call, in aligned unix ns.
--   to_ns BIGINT: End of the last call, in aligned unix ns.
--   evidence VARCHAR: `table:node:seq` of the row of the first call.
WITH named AS (
    SELECT
        pod_id, namespace, address, split_part(host, '.', 1) AS service, nullif(split_part(host, '.', 2), '') AS place,
        split_part(host, '.', 3) IN ('', 'svc') AS is_service, min(first_ns) AS from_ns, max(at_ns) AS to_ns,
        arg_min(evidence, (first_ns, node, seq)) AS evidence
    FROM program_span
    WHERE pod_id IS NOT NULL AND kind IN ('client', 'producer')
    GROUP BY ALL
), met AS (
    SELECT named.pod_id AS source_id, service.entity_id AS target_id, named.from_ns, named.to_ns, named.evidence
    FROM named
    JOIN recorded_entity AS service
        ON service.kind = 'Service' AND service.name = named.service
        AND service.namespace = coalesce(named.place, named.namespace) AND named.is_service
    UNION ALL
    SELECT named.pod_id, owner.entity_id, named.from_ns, named.to_ns, named.evidence
    FROM named JOIN service_address AS owner
        ON owner.address = named.address AND named.to_ns >= owner.from_ns AND named.to_ns < owner.to_ns
    UNION ALL
    SELECT named.pod_id, owner.entity_id, named.from_ns, named.to_ns, named.evidence
    FROM named JOIN pod_address AS owner
        ON owner.address = named.address AND named.to_ns >= owner.from_ns AND named.to_ns < owner.to_ns
    UNION ALL
    SELECT named.pod_id, owner.entity_id, named.from_ns, named.to_ns, named.evidence
    FROM named JOIN node_address AS owner ON owner.address = named.address
    UNION ALL
    SELECT caller.pod_id, called.pod_id, caller.first_ns, caller.at_ns, caller.evidence
    FROM program_span AS caller
    JOIN program_span AS called
        ON called.trace_id = caller.trace_id AND called.parent_id = caller.span_id AND called.kind IN ('server', 'consumer')
    WHERE caller.pod_id IS NOT NULL AND called.pod_id IS NOT NULL
)
SELECT source_id, target_id, min(from_ns) AS from_ns, max(to_ns) AS to_ns, arg_min(evidence, (from_ns, evidence)) AS evidence
FROM met
WHERE source_id <> target_id
GROUP BY source_id, target_id
