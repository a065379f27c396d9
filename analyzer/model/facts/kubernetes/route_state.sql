-- An Ingress or HTTPRoute that sends requests to a Service, or to a port of it, that does not exist: one row per route.
--
-- kind: interval fact
-- about: Ingress, HTTPRoute
-- reads: recorded_entity, route_backend, service_version
-- needs:
--   route_backend: any
-- columns:
--   mismatch VARCHAR: `service_missing` or `port_missing`.
--   route VARCHAR: Host and path of the requests, for example `shop.example.org/cart`; `/` for all.
--   service VARCHAR: Namespace and name of the Service, `shop/cart`.
--   port VARCHAR: The port that the route names; null if it names none.
--   offered VARCHAR: Ports of the Service; null if it does not exist.
WITH told AS (
    SELECT
        entity_id, route || ' ' || namespace || '/' || service || ' ' || coalesce(port, '') AS facet,
        {'route': route, 'namespace': namespace, 'service': service, 'port': port} AS state,
        NULL AS detail, created_ns AS since_ns, at_ns, until_ns, node, seq, is_state, is_last
    FROM route_backend
), service AS (
    -- What a Service of that name was last: gone since, or with these ports since.
    SELECT namespace, name, arg_max(until_ns, (at_ns, node, seq)) AS until_ns, bool_or(is_last) AS exists_still,
        arg_max(NOT is_state, (at_ns, node, seq)) AS was_changed, max(at_ns) AS at_ns,
        arg_max(service.spec.ports, (at_ns, node, seq)) AS ports
    FROM service_version
    GROUP BY ALL
), judged AS (
    SELECT
        route.*, service.ports, coalesce(service.exists_still, false) AS exists_still,
        -- When the Service went, or got these ports; null if neither was recorded.
        CASE WHEN NOT service.exists_still THEN service.until_ns WHEN service.was_changed THEN service.at_ns END AS changed_ns,
        [port.port::VARCHAR FOR port IN service.ports] AS numbers, [port.name FOR port IN service.ports] AS names
    FROM intervals_of('told') AS route
    LEFT JOIN service ON service.namespace = route.state.namespace AND service.name = route.state.service
    -- Where not even one Service was recorded, nothing is known about Services.
    WHERE route.is_open AND EXISTS (SELECT 1 FROM recorded_entity WHERE kind = 'Service')
)
SELECT
    greatest(at_ns, coalesce(changed_ns, at_ns)) AS at_ns,
    entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence, to_ns, true AS is_open, is_old AND changed_ns IS NULL AS is_old,
    false AS is_past,
    CASE WHEN exists_still THEN 'port_missing' ELSE 'service_missing' END AS mismatch,
    state.route AS route, state.namespace || '/' || state.service AS service, state.port AS port,
    CASE WHEN exists_still THEN list_aggregate(
        [port.port || coalesce(' (' || nullif(port.name, '') || ')', '') FOR port IN ports], 'string_agg', ', '
    ) END AS offered
FROM judged
WHERE NOT exists_still OR (len(numbers) > 0 AND state.port IS NOT NULL AND NOT list_contains(list_concat(numbers, names), state.port))
