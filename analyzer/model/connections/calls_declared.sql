-- CALLS, as a Pod declares it: its environment, command or arguments name a Service of the cluster.
--
-- A Service is named by `$(NAME_SERVICE_HOST)`; by its DNS name or bare name with a port or after `://`; and by its bare name
-- alone if the variable's own name says that it contains an address. A Service that selects the Pod itself is omitted: most
-- programs are told their own name.
--
-- kind: table
-- reads: container_declared, recorded_entity, selects
-- needs:
--   container_declared: any
--   recorded_entity: kind = 'Service'
-- columns:
--   source_id VARCHAR: The calling Pod.
--   target_id VARCHAR: The called Service, Pod, Node or Address.
--   from_ns BIGINT: Start, in aligned unix ns.
--   to_ns BIGINT: End, in aligned unix ns.
--   evidence VARCHAR: `table:node:seq` of the row that shows it.
WITH said AS (
    SELECT pod_id, namespace, at_ns, until_ns, node, seq, unnest(list_concat(
        [{'name': variable.name, 'text': variable.value} FOR variable IN container.env],
        [{'name': '', 'text': word} FOR word IN container.command],
        [{'name': '', 'text': word} FOR word IN container.args]
    )) AS said
    FROM container_declared
), named AS (
    SELECT pod_id, namespace, at_ns, until_ns, node, seq,
        unnest(regexp_extract_all(said.text, '\$\(([A-Z0-9_]+)_SERVICE_HOST\)', 1)) AS variable, NULL AS host
    FROM said
    UNION ALL
    SELECT pod_id, namespace, at_ns, until_ns, node, seq, NULL AS variable,
        unnest(regexp_extract_all(said.text, '(?:://(?:[^/@\s]*@)?|^|[\s,;=])([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?):[0-9]{1,5}(?:$|[^0-9])', 1)) AS host
    FROM said
    UNION ALL
    SELECT pod_id, namespace, at_ns, until_ns, node, seq, NULL AS variable,
        unnest(regexp_extract_all(said.text, '://(?:[^/@\s]*@)?([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)', 1)) AS host
    FROM said
    UNION ALL
    SELECT pod_id, namespace, at_ns, until_ns, node, seq, NULL AS variable,
        unnest(regexp_extract_all(said.text, '([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)', 1)) AS host
    FROM said
    WHERE regexp_matches(upper(said.name), '(HOST|HOSTNAME|ADDR|ADDRESS|URL|URI|ENDPOINT|SERVER|SERVICE|UPSTREAM|BACKEND|BROKER|PEER)S?$')
), service AS (
    SELECT entity_id, namespace, name, from_ns, to_ns, upper(replace(name, '-', '_')) AS variable FROM recorded_entity AS entity WHERE kind = 'Service'
), pointed AS (
    SELECT named.*, service.entity_id AS service_id
    FROM named JOIN service ON service.namespace = named.namespace AND service.variable = named.variable
    UNION ALL
    SELECT named.*, service.entity_id
    FROM named
    JOIN service
        ON service.name = split_part(named.host, '.', 1)
        AND service.namespace = coalesce(nullif(split_part(named.host, '.', 2), ''), named.namespace)
        AND split_part(named.host, '.', 3) IN ('', 'svc')
)
SELECT pod_id AS source_id, service_id AS target_id, min(at_ns) AS from_ns, max(until_ns) AS to_ns,
    arg_min(evidence_of('kube_object', node, seq), (at_ns, node, seq)) AS evidence
FROM pointed
WHERE (service_id, pod_id) NOT IN (SELECT (source_id, target_id) FROM selects)
GROUP BY pod_id, service_id
