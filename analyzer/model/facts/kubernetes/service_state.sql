-- What does not fit between the newest state of a Service and the workloads of its namespace: one row per mismatch.
--
-- kind: interval fact
-- about: Service; the workload if it is scaled to zero
-- reads: calls, entity, pod_template, selects, selects_template, served_port, service_version, suspect_service, workload_version
-- needs:
--   suspect_service: any
-- columns:
--   mismatch VARCHAR: `selects_nothing`, `selects_others` (Pods that do not serve its port, too), `port_not_served`,
--     `port_name_missing`, `protocol_differs` or `scaled_to_zero`.
--   is_certain BOOLEAN: Whether nothing recorded speaks for an intention: a Service that matches no workload at all may wait
--     for one, one of several ports may be served undeclared, and a workload that nobody calls may rest.
--   port BIGINT: Port of the Service; null if no single one is concerned.
--   selected VARCHAR: Kind and name of the workload that is selected, or is most like what the selector asks for; null if
--     none is. Of a workload that is scaled to zero: the Service.
--   wanted VARCHAR: What the Service asks for: labels, or a target port with its protocol.
--   found VARCHAR: What the workload has instead.
--   command VARCHAR: What follows `kubectl -n NAMESPACE` to resolve it.
WITH told AS (
    SELECT entity_id, NULL AS facet, {'namespace': namespace, 'name': name, 'spec': service.spec} AS state, NULL AS detail,
        created_ns AS since_ns, at_ns, until_ns, node, seq, is_state, is_last
    FROM service_version
), service AS (
    SELECT entity_id, state.namespace AS namespace, state.name AS name, state.spec.selector AS selector, state.spec.ports AS ports,
        state.spec.clusterIP AS cluster_ip, at_ns, to_ns, node, seq, is_old
    FROM intervals_of('told')
    WHERE is_open AND cardinality(state.spec.selector) > 0 AND coalesce(state.spec.type, '') <> 'ExternalName'
        AND entity_id IN (SELECT entity_id FROM suspect_service)
), selecting AS (
    SELECT service.entity_id AS service_id, template.*
    FROM service
    JOIN selects_template AS pair ON pair.source_id = service.entity_id
    JOIN pod_template AS template ON template.entity_id = pair.target_id
), compared AS (
    -- Services that match nothing, with every workload of the namespace.
    SELECT
        service.*, template.entity_id AS workload_id, template.kind || ' ' || template.name AS workload, template.labels,
        template.name = service.name AS is_namesake,
        greatest(service.at_ns, template.at_ns) AS from_ns,
        list_filter(map_entries(selector), lambda label : template.labels[label.key] IS DISTINCT FROM label.value) AS differing,
        template.entity_id IN (SELECT target_id FROM selects_template) AS is_selected
    FROM service
    JOIN pod_template AS template ON template.namespace = service.namespace
    WHERE service.entity_id NOT IN (SELECT source_id FROM selects_template)
        AND service.entity_id NOT IN (SELECT source_id FROM selects WHERE to_ns >= service.to_ns)
), weighed AS (
    SELECT
        *,
        cardinality(selector) - len(differing) AS shared,
        -- The worst of the labels that differ: a slip of the pen, the same value under another key, or something else.
        list_min([CASE
            WHEN labels[label.key] IS NOT NULL THEN jaro_winkler_similarity(label.value, labels[label.key])
            WHEN list_contains(map_values(labels), label.value) THEN 1
            ELSE 0
        END FOR label IN differing]) AS likeness
    FROM compared
), judged AS (
    SELECT
        *,
        is_namesake OR likeness >= 0.85
            -- No other workload has the labels that these two share, and no other Service serves this one.
            OR (shared > 0 AND NOT is_selected AND count(*) OVER (PARTITION BY entity_id, shared) = 1) AS is_near
    FROM weighed
), nearest AS (
    SELECT
        *,
        [key || '=' || coalesce(selector[key], '') FOR key IN list_sort([label.key FOR label IN differing])] AS wanted,
        -- Keys to set, with the value that the workload has; null removes a key.
        list_sort(list_distinct(list_concat(
            [{'key': label.key, 'value': labels[label.key]} FOR label IN differing],
            list_filter(map_entries(labels), lambda label : list_contains([other.value FOR other IN differing], label.value))
        ))) AS wanted_labels
    FROM judged
    QUALIFY row_number() OVER (
        PARTITION BY entity_id ORDER BY is_near DESC, is_namesake DESC, shared DESC, likeness DESC, workload
    ) = 1
), target AS (
    SELECT
        service.* EXCLUDE (ports, position), ports[position].port AS port,
        coalesce(ports[position].targetPort, ports[position].port::VARCHAR) AS target,
        coalesce(ports[position].protocol, 'TCP') AS protocol,
        '/spec/ports/' || (position - 1) || '/' AS place
    FROM (SELECT *, unnest(range(1, len(ports) + 1)) AS position FROM service) AS service
), served AS (
    SELECT
        target.*, selecting.entity_id AS workload_id, selecting.kind || ' ' || selecting.name AS workload, selecting.at_ns AS template_ns,
        TRY_CAST(target.target AS BIGINT) IS NULL AS is_name,
        coalesce(bool_or(offer.is_declared), false) AS declares,
        coalesce(bool_or(offer.protocol = target.protocol) FILTER (is_asked), false)
            OR (coalesce(bool_or(offer.protocol IS NULL) FILTER (is_asked), false)
                AND NOT coalesce(bool_or(offer.is_declared) FILTER (is_asked), false)) AS is_served,
        coalesce(bool_or(offer.is_declared) FILTER (is_asked), false) AS is_declared,
        string_agg(DISTINCT offer.label, ', ' ORDER BY offer.label) FILTER (offer.is_declared)
            AS found,
        count(DISTINCT offer.port) FILTER (offer.is_declared AND offer.protocol = target.protocol) AS offers,
        min(offer.port) FILTER (offer.is_declared AND offer.protocol = target.protocol) AS only_offer,
        min(offer.protocol) FILTER (is_asked AND offer.is_declared) AS other_protocol
    FROM target
    JOIN selecting ON selecting.service_id = target.entity_id
    LEFT JOIN (
        SELECT *, port::VARCHAR AS port_text, port || '/' || protocol || coalesce(' (' || name || ')', '') AS label FROM served_port
    ) AS offer ON offer.entity_id = selecting.entity_id
    CROSS JOIN LATERAL (SELECT target.target IN (offer.port_text, offer.name) AS is_asked)
    GROUP BY ALL
), misfit AS (
    SELECT
        *,
        CASE
            WHEN is_declared THEN 'protocol_differs'
            WHEN is_name THEN 'port_name_missing'
            ELSE 'port_not_served'
        END AS mismatch,
        -- Of the ports of the Service, and of the workloads that it selects, how many fit.
        bool_or(is_served) OVER (PARTITION BY entity_id) AS serves_other,
        bool_or(is_served) OVER (PARTITION BY entity_id, port, protocol) AS is_served_by_other,
        bool_or(is_served) OVER (PARTITION BY entity_id, port) AS is_served_otherwise
    FROM served
    WHERE declares
), idle AS (
    SELECT
        resting.*, service.entity_id AS service_id, service.name AS service_name, service.to_ns AS end_ns,
        (SELECT coalesce(max(version.until_ns) FILTER (version.desired > 0), resting.at_ns)
         FROM workload_version AS version WHERE version.entity_id = resting.entity_id) AS zero_ns
    FROM pod_template AS resting
    JOIN selects_template AS pair ON pair.target_id = resting.entity_id
    JOIN service ON service.entity_id = pair.source_id
    WHERE resting.replicas = 0 AND NOT EXISTS (
        SELECT 1 FROM selecting AS other WHERE other.service_id = service.entity_id AND coalesce(other.replicas, 1) > 0
    )
)
SELECT
    from_ns AS at_ns, entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence, to_ns, true AS is_open, is_old,
    false AS is_past, 'selects_nothing' AS mismatch, coalesce(is_near, false) AS is_certain, NULL::BIGINT AS port,
    CASE WHEN is_near THEN workload END AS selected,
    list_aggregate(wanted, 'string_agg', ', ') AS wanted,
    CASE WHEN is_near THEN list_aggregate(
        [coalesce(label.key || '=' || label.value, 'no label ' || label.key) FOR label IN wanted_labels], 'string_agg', ', ') END AS found,
    patch_command('Service', name, 'merge', CASE WHEN is_near AND list_bool_and([
        regexp_full_match(label.key || coalesce(label.value, ''), '[A-Za-z0-9._/-]*') FOR label IN wanted_labels
    ]) THEN '{"spec":{"selector":{' || list_aggregate(
        ['"' || label.key || '":' || coalesce('"' || label.value || '"', 'null') FOR label IN wanted_labels], 'string_agg', ','
    ) || '}}}' END) AS command
FROM nearest
UNION ALL
SELECT
    greatest(at_ns, template_ns), entity_id, node, seq, evidence_of('kube_object', node, seq), to_ns, true, is_old, false,
    CASE WHEN is_served_by_other THEN 'selects_others' ELSE mismatch END,
    is_served_by_other OR mismatch = 'port_name_missing'
        OR (mismatch = 'protocol_differs' AND NOT is_served_otherwise)
        OR (mismatch = 'port_not_served' AND NOT serves_other AND coalesce(cluster_ip, '') <> 'None'),
    port, workload, target || '/' || protocol, found,
    patch_command('Service', name, 'json', CASE
        WHEN is_served_by_other THEN NULL
        WHEN mismatch = 'protocol_differs'
        THEN '[{"op":"replace","path":"' || place || 'protocol","value":"' || other_protocol || '"}]'
        WHEN offers = 1 THEN '[{"op":"replace","path":"' || place || 'targetPort","value":' || only_offer || '}]'
    END)
FROM misfit
WHERE NOT is_served
UNION ALL
SELECT
    zero_ns, entity_id, node, seq, evidence_of('kube_object', node, seq), end_ns, true,
    is_old AND zero_ns = at_ns, false,
    'scaled_to_zero',
    EXISTS (
        SELECT 1 FROM calls JOIN entity AS caller ON caller.entity_id = calls.source_id
        WHERE calls.target_id = service_id AND NOT caller.is_deleted AND caller.workload_id IS DISTINCT FROM idle.entity_id
    ),
    NULL, 'Service ' || service_name, 'a Pod', 'replicas: 0', 'scale ' || lower(kind) || '/' || name || ' --replicas=1'
FROM idle
