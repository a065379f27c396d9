-- What does not fit in the newest pod template of a workload: addresses, references, ports and images. One row per mismatch.
--
-- kind: interval fact
-- about: the workload; the Service whose port nobody finds; the Pod if nothing owns it
-- reads: container_template, container_waiting, entity, kubernetes_event, pod_template, pod_version, selects_template,
--   service_version, workload_version
-- columns:
--   mismatch VARCHAR: `address_port` (a Service that has not this port), `address_host` (no such Service), `port_not_offered`
--     (of a Service: several callers ask for a port that it has not), `reference` (something named is not there),
--     `port_twice` (two containers of one Pod), or `image_malformed` (no reference to an image, whatever exists).
--   is_certain BOOLEAN: Whether nothing recorded speaks for an intention: an address that resembles no Service may belong to a
--     feature that is not used, and a workload that is ready does without what is missing.
--   container VARCHAR: The container; null if the whole Pod is concerned.
--   variable VARCHAR: The environment variable; null for arguments and all that is no address.
--   address VARCHAR: The address, `host:port` or `host`; of `port_twice` the port.
--   image VARCHAR: The image of the container; null for all but `image_malformed`.
--   object_kind VARCHAR: Kind of what is missing.
--   object_name VARCHAR: Its name; null if the message does not say.
--   object_key VARCHAR: Key that it lacks; null if it is missing itself.
--   wanted VARCHAR: What is missing, in words: `ConfigMap api-config`, `key LOG_LEVEL of ConfigMap api-config`.
--   expected VARCHAR: Address of the Service that is meant.
--   command VARCHAR: What follows `kubectl -n NAMESPACE` to resolve it, or to see what there is.
--   message VARCHAR: Message that says so; null where the objects say it themselves.
WITH service AS (
    SELECT entity_id, namespace, name, service.spec.type AS type, service.spec.clusterIP AS cluster_ip,
        [port.port FOR port IN service.spec.ports] AS ports, at_ns
    FROM service_version
    WHERE is_last
), template AS (
    SELECT entity_id, kind, name, is_ready, at_ns, to_ns, is_old, node, seq,
        flatten([alias.hostnames FOR alias IN spec.hostAliases]) AS aliases,
        map_from_entries([(volume.name, coalesce(volume.configMap.name, volume.secret.secretName)) FOR volume IN spec.volumes]) AS sources
    FROM pod_template
), said AS (
    SELECT entity_id, namespace, name AS container, unnest(list_concat(
        [{'variable': variable.name, 'text': variable.value} FOR variable IN container.env],
        [{'variable': NULL, 'text': word} FOR word IN container.command],
        [{'variable': NULL, 'text': word} FOR word IN container.args]
    )) AS said
    FROM container_template
), address AS (
    -- `host:port` alone, in a list or in a URL; a host without a port in a URL, or where the variable is named after an address.
    SELECT DISTINCT entity_id, namespace, container, said.variable AS variable, said.text AS text, unnest(list_concat(
        regexp_extract_all(said.text, '(?:://(?:[^/@\s]*@)?|^|[\s,;=@])([a-z][a-z0-9-]*(?:\.[a-z0-9-]+){0,6}:[0-9]{2,5})(?:$|[/,;?\s])', 1),
        regexp_extract_all(said.text, '://(?:[^/@\s]*@)?([a-z][a-z0-9-]*(?:\.[a-z0-9-]+){0,6})(?:$|[/,;?\s])', 1),
        CASE WHEN regexp_matches(upper(said.variable), '(HOST|HOSTNAME|ADDR|ADDRESS|ENDPOINT|SERVER|UPSTREAM|BACKEND|BROKER)S?$')
            THEN regexp_extract_all(said.text, '^([a-z][a-z0-9-]*(?:\.[a-z0-9-]+){0,6})$', 1) END
    )) AS place
    FROM said
    WHERE said.text IS NOT NULL
), split AS (
    SELECT *, split_part(place, ':', 1) AS host, TRY_CAST(split_part(place, ':', 2) AS BIGINT) AS port FROM address
), located AS (
    SELECT
        *, split_part(host, '.', 1) AS name,
        CASE
            WHEN NOT contains(host, '.') THEN namespace
            WHEN split_part(host, '.', 3) = 'svc' THEN split_part(host, '.', 2)
            WHEN split_part(host, '.', 3) = '' AND split_part(host, '.', 2) IN (SELECT namespace FROM service) THEN split_part(host, '.', 2)
        END AS place_namespace
    FROM split
    WHERE host <> 'localhost'
), found AS (
    -- A namespace without any Service was not recorded.
    SELECT located.*, service.entity_id AS service_id, service.ports, service.type, service.cluster_ip, service.at_ns AS service_ns
    FROM located
    LEFT JOIN service ON service.namespace = located.place_namespace AND service.name = located.name
    WHERE place_namespace IN (SELECT namespace FROM service)
        AND (service.entity_id, located.entity_id) NOT IN (SELECT (source_id, target_id) FROM selects_template)
), wrong_port AS (
    SELECT
        *,
        count(DISTINCT entity_id) FILTER (NOT list_contains(ports, port)) OVER (PARTITION BY service_id) > 1
            AND count(*) FILTER (list_contains(ports, port)) OVER (PARTITION BY service_id) = 0 AS is_common
    FROM found
    WHERE service_id IS NOT NULL AND port IS NOT NULL AND coalesce(type, '') <> 'ExternalName' AND coalesce(cluster_ip, '') <> 'None'
), wrong_host AS (
    SELECT found.*, near.name AS near_name, near.ports AS near_ports
    FROM found
    LEFT JOIN service AS near
        ON near.namespace = found.place_namespace AND near.entity_id NOT IN (
            SELECT source_id FROM selects_template WHERE target_id = found.entity_id
        ) AND near.name NOT IN (SELECT name FROM found AS other WHERE other.entity_id = found.entity_id AND other.service_id IS NOT NULL)
        AND (
            levenshtein(near.name, found.name) <= CASE WHEN length(found.name) < 6 THEN 1 ELSE 2 END
            OR replace(near.name, '-', '') = replace(found.name, '-', '')
            OR starts_with(found.name, near.name || '-') OR starts_with(near.name, found.name || '-')
        )
    WHERE found.service_id IS NULL
    QUALIFY row_number() OVER (
        PARTITION BY found.entity_id, found.container, found.variable, found.place ORDER BY levenshtein(near.name, found.name), near.name
    ) = 1
), misaddressed AS (
    SELECT
        CASE WHEN is_common THEN service_id ELSE entity_id END AS about_id,
        CASE WHEN is_common THEN 'port_not_offered' ELSE 'address_port' END AS mismatch,
        entity_id, true AS is_certain, container, variable, text, place, name AS service_name,
        CASE WHEN len(ports) = 1 THEN host || ':' || ports[1] END AS expected
    FROM wrong_port
    WHERE NOT list_contains(ports, port)
    UNION ALL
    SELECT
        entity_id, 'address_host', entity_id, near_name IS NOT NULL, container, variable, text, place, name,
        near_name || substr(host, length(name) + 1) || coalesce(':' || coalesce(
            CASE WHEN list_contains(near_ports, port) THEN port END, near_ports[1]
        ), '')
    FROM wrong_host
), waiting_pod AS (
    SELECT entity_id FROM pod_version WHERE is_last AND pod.status.phase = 'Pending'
), short_owner AS (
    SELECT entity_id FROM workload_version WHERE is_last AND current < desired
), told AS (
    SELECT entity_id, at_ns, to_ns, node, seq, evidence, is_old, message
    FROM container_waiting
    WHERE is_open AND reason = 'CreateContainerConfigError'
    UNION ALL
    SELECT event.entity_id, least(event.at_ns, coalesce(event.first_ns, event.at_ns)), template.to_ns, event.node, event.seq, event.evidence, event.is_old, event.note
    FROM kubernetes_event AS event
    CROSS JOIN (SELECT max(to_ns) AS to_ns FROM template) AS template
    WHERE (event.reason IN ('FailedMount', 'FailedScheduling') AND event.entity_id IN (SELECT entity_id FROM waiting_pod))
        OR (event.reason = 'FailedCreate' AND event.entity_id IN (SELECT entity_id FROM short_owner))
), quoted AS (
    SELECT
        *,
        regexp_extract(message, '(?i)(configmap|secret|service ?account|persistentvolumeclaim|priorityclass|runtimeclass)(?:s|\.[a-z0-9.]+)? "([^"]+)" not found', ['kind', 'name'])
            AS missing,
        regexp_extract(message, 'find key (\S+) in (ConfigMap|Secret) [^\s/]+/([^\s,]+)', ['key', 'kind', 'name']) AS lacking,
        regexp_extract(message, 'references non-existent (config|secret) key: (\S+)', ['kind', 'key']) AS unread,
        regexp_extract(message, 'MountVolume\.SetUp failed for volume "([^"]+)"', 1) AS volume,
        regexp_extract(message, 'no PriorityClass with name (\S+) was found', 1) AS class
    FROM told
), referred AS (
    SELECT
        entity_id, at_ns, to_ns, node, seq, evidence, is_old, message,
        CASE lower(replace(coalesce(nullif(missing.kind, ''), nullif(lacking.kind, ''), nullif(unread.kind, ''), CASE WHEN class <> '' THEN 'priorityclass' END), ' ', ''))
            WHEN 'configmap' THEN 'ConfigMap' WHEN 'config' THEN 'ConfigMap' WHEN 'secret' THEN 'Secret'
            WHEN 'serviceaccount' THEN 'ServiceAccount' WHEN 'persistentvolumeclaim' THEN 'PersistentVolumeClaim'
            WHEN 'priorityclass' THEN 'PriorityClass' WHEN 'runtimeclass' THEN 'RuntimeClass'
        END AS object_kind,
        coalesce(nullif(missing.name, ''), nullif(lacking.name, ''), nullif(class, '')) AS object_name,
        coalesce(nullif(lacking.key, ''), nullif(unread.key, '')) AS object_key, volume
    FROM quoted
), resolved AS (
    SELECT
        referred.* EXCLUDE (entity_id, object_name), coalesce(entity.workload_id, entity.pod_id, entity.entity_id) AS entity_id,
        -- Of a key that is lacking in a volume, only the volume is named.
        coalesce(object_name, template.sources[volume]) AS object_name
    FROM referred JOIN entity USING (entity_id)
    LEFT JOIN template ON template.entity_id = entity.workload_id
    WHERE object_kind IS NOT NULL
), port_used AS (
    SELECT entity_id, name AS container, unnest(container.ports) AS port FROM container_template WHERE NOT is_init
)
SELECT
    template.at_ns, about_id AS entity_id, template.node, template.seq,
    evidence_of('kube_object', template.node, template.seq) AS evidence, template.to_ns, true AS is_open, template.is_old, false AS is_past,
    mismatch, is_certain, container, variable, place AS address, NULL::VARCHAR AS image, 'Service' AS object_kind, service_name AS object_name,
    NULL::VARCHAR AS object_key, NULL::VARCHAR AS wanted, expected,
    CASE
        WHEN mismatch = 'port_not_offered' THEN 'edit service ' || service_name
        WHEN regexp_full_match(variable || text || expected, '[A-Za-z0-9_./:@?=&,-]{0,120}')
        THEN 'set env ' || lower(template.kind) || '/' || template.name || ' -c ' || container || ' ''' || variable || '='
            || replace(text, place, expected) || ''''
        ELSE 'edit ' || lower(template.kind) || ' ' || template.name
    END AS command,
    NULL::VARCHAR AS message
FROM misaddressed JOIN template USING (entity_id)
WHERE NOT list_contains(coalesce(template.aliases, []), split_part(place, ':', 1))
QUALIFY row_number() OVER (PARTITION BY about_id, mismatch, container, variable, place ORDER BY template.at_ns, entity_id) = 1
UNION ALL
SELECT
    min(at_ns), entity_id, arg_min(node, (at_ns, seq)), arg_min(seq, (at_ns, seq)), arg_min(evidence, (at_ns, seq)), max(to_ns), true,
    arg_min(is_old, (at_ns, seq)), false,
    'reference', true, NULL, NULL, NULL, NULL, object_kind, object_name, object_key,
    coalesce('key ' || object_key || ' of ', '') || coalesce(object_kind || ' ' || object_name, 'a ' || object_kind), NULL,
    'get ' || lower(object_kind) || CASE WHEN ends_with(object_kind, 's') THEN 'es' ELSE 's' END, min(message)
FROM resolved
GROUP BY ALL
UNION ALL
SELECT
    any_value(template.at_ns), entity_id, any_value(template.node), any_value(template.seq),
    evidence_of('kube_object', any_value(template.node), any_value(template.seq)), any_value(template.to_ns), true,
    any_value(template.is_old), false,
    'port_twice', NOT coalesce(bool_and(template.is_ready), true), string_agg(DISTINCT container, ', ' ORDER BY container), NULL,
    port.containerPort::VARCHAR, NULL, NULL, NULL, NULL, NULL, NULL,
    'edit ' || lower(any_value(template.kind)) || ' ' || any_value(template.name), NULL
FROM port_used JOIN template USING (entity_id)
WHERE port.containerPort IS NOT NULL
GROUP BY entity_id, port.containerPort, coalesce(port.protocol, 'TCP')
HAVING count(DISTINCT container) > 1
UNION ALL
SELECT
    template.at_ns, entity_id, template.node, template.seq, evidence_of('kube_object', template.node, template.seq), template.to_ns, true,
    template.is_old, false,
    'image_malformed', true, listed.name, NULL, NULL, listed.container.image, NULL, NULL, NULL, NULL, NULL,
    'set image ' || lower(template.kind) || '/' || template.name || ' ' || listed.name || '=IMAGE', NULL
FROM container_template AS listed JOIN template USING (entity_id)
-- A workload that is ready runs an image: what admitted its Pods replaced the reference.
WHERE NOT coalesce(template.is_ready, false)
    AND listed.container.image <> ''  -- which the API allows in a template, to be filled in when Pods are made
    -- Source: the grammar of references in distribution/reference, which the kubelet parses them with.
    AND NOT regexp_full_match(
        listed.container.image,
        '((([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])(\.([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9]))*|\[[A-Fa-f0-9:]+\])(:[0-9]+)?/)?'
        || '[a-z0-9]+(([.]|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+(([.]|_|__|-+)[a-z0-9]+)*)*'
        || '(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@[A-Za-z][A-Za-z0-9]*([-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9A-Fa-f]{32,})?'
    )
