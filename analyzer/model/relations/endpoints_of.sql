-- ENDPOINTS_OF: Endpoints, EndpointSlice → their Service, while it has no selector: no controller keeps them, people do.
--
-- kind: relation
-- reads: endpoint_version, service_version
WITH unselecting AS (
    SELECT entity_id, namespace, name, min(at_ns) AS from_ns, max(until_ns) AS to_ns,
        arg_min(evidence_of('kube_object', node, seq), (at_ns, node, seq)) AS evidence
    FROM service_version
    WHERE coalesce(cardinality(service.spec.selector), 0) = 0
    GROUP BY ALL
), kept AS (
    SELECT entity_id, namespace, service_name, min(at_ns) AS from_ns, max(until_ns) AS to_ns FROM endpoint_version GROUP BY ALL
)
SELECT 'ENDPOINTS_OF' AS relation, kept.entity_id AS source_id, unselecting.entity_id AS target_id,
    greatest(kept.from_ns, unselecting.from_ns) AS from_ns, least(kept.to_ns, unselecting.to_ns) AS to_ns, unselecting.evidence
FROM kept
JOIN unselecting ON unselecting.namespace = kept.namespace AND unselecting.name = kept.service_name
