-- Where every version of an Ingress or HTTPRoute sends requests: one row per Service that it names.
--
-- kind: table
-- reads: object_version
-- needs:
--   object_version: kind IN ('Ingress', 'HTTPRoute') AND content IS NOT NULL
-- columns:
--   entity_id VARCHAR: The Ingress or HTTPRoute.
--   created_ns BIGINT: Unix ns of its creation; null if the object does not contain it.
--   at_ns BIGINT: When the version was received, in aligned unix ns.
--   until_ns BIGINT: When the next version was received; the end of the capture for the last one.
--   is_last BOOLEAN: Whether no later version was received and the object was not deleted.
--   is_state BOOLEAN: Whether it was found by listing when a segment began.
--   node VARCHAR: The node that recorded it.
--   seq UBIGINT: `event_seq` of its row.
--   namespace VARCHAR: Namespace of the Service: that of the route, unless an HTTPRoute names another one.
--   service VARCHAR: Name of the Service.
--   port VARCHAR: Its port, a number or a name; null if the route names none.
--   route VARCHAR: Host and path of the requests, as far as the route restricts them, for example `shop.example.org/cart`; `/` for all.
WITH version AS (
    SELECT *, json_transform(content, '{"spec": {
        "backend": {"serviceName": "VARCHAR", "servicePort": "VARCHAR"},
        "defaultBackend": {"service": {"name": "VARCHAR", "port": {"number": "VARCHAR", "name": "VARCHAR"}}},
        "hostnames": ["VARCHAR"],
        "rules": [{
            "host": "VARCHAR",
            "http": {"paths": [{"path": "VARCHAR", "backend": {
                "serviceName": "VARCHAR", "servicePort": "VARCHAR",
                "service": {"name": "VARCHAR", "port": {"number": "VARCHAR", "name": "VARCHAR"}}
            }}]},
            "matches": [{"path": {"value": "VARCHAR"}}],
            "backendRefs": [{"kind": "VARCHAR", "name": "VARCHAR", "namespace": "VARCHAR", "port": "VARCHAR"}]
        }]
    }}').spec AS spec
    FROM object_version
    WHERE kind IN ('Ingress', 'HTTPRoute') AND content IS NOT NULL
), rule AS (
    SELECT * EXCLUDE (spec), spec.hostnames[1] AS first_host, unnest(spec.rules) AS rule FROM version
), backend AS (
    -- networking.k8s.io/v1, and v1beta1 with the other names.
    SELECT * EXCLUDE (spec), NULL AS of_namespace,
        coalesce(spec.defaultBackend.service.name, spec.backend.serviceName) AS service,
        coalesce(spec.defaultBackend.service.port.number, spec.defaultBackend.service.port.name, spec.backend.servicePort) AS port,
        '' AS host, '' AS path
    FROM version
    UNION ALL
    SELECT * EXCLUDE (first_host, rule, each), NULL, coalesce(each.backend.service.name, each.backend.serviceName),
        coalesce(each.backend.service.port.number, each.backend.service.port.name, each.backend.servicePort), rule.host, each.path
    FROM (SELECT *, unnest(rule.http.paths) AS each FROM rule)
    UNION ALL
    SELECT * EXCLUDE (first_host, rule, each), each.namespace, each.name, each.port, first_host, rule.matches[1].path.value
    FROM (SELECT *, unnest(rule.backendRefs) AS each FROM rule)
    WHERE coalesce(each.kind, 'Service') = 'Service'
)
SELECT
    entity_id, created_ns, at_ns, until_ns, is_last, is_state, node, seq, coalesce(of_namespace, namespace) AS namespace, service, port,
    coalesce(nullif(coalesce(host, '') || coalesce(path, ''), ''), '/') AS route
FROM backend
WHERE service IS NOT NULL
