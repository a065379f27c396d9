-- ROUTES_TO: Ingress, HTTPRoute → the Services that it sends requests to.
--
-- kind: relation
-- reads: recorded_entity, route_backend
-- needs:
--   route_backend: any
SELECT 'ROUTES_TO' AS relation, route.entity_id AS source_id, service.entity_id AS target_id,
    min(route.at_ns) AS from_ns, max(route.until_ns) AS to_ns,
    arg_min(evidence_of('kube_object', route.node, route.seq), (route.at_ns, route.node, route.seq)) AS evidence
FROM route_backend AS route
JOIN recorded_entity AS service
    ON service.kind = 'Service' AND service.namespace = route.namespace AND service.name = route.service
    AND service.from_ns <= route.until_ns AND service.to_ns >= route.at_ns
GROUP BY route.entity_id, service.entity_id
