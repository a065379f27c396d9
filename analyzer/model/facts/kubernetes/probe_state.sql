-- A probe of the newest pod template that cannot succeed as it is: what it asks, the container does not answer.
--
-- kind: interval fact
-- about: the workload; the Pod if nothing owns it
-- reads: container_template, entity, kubernetes_event, pod_template, pod_version, served_port
-- needs:
--   container_template: any
--   pod_template: any
-- columns:
--   container VARCHAR: Name of the container.
--   probe VARCHAR: `liveness`, `readiness` or `startup`.
--   mismatch VARCHAR: `port` (the container does not serve it), `protocol` (it serves another one there), `path` (answered with
--     401, 403, 404 or 405), or `timing` (the container is killed before it can have started).
--   asked VARCHAR: What the probe asks, for example `grpc 8080` or `httpGet 8080/healthz`; for `timing` how long it waits.
--   served VARCHAR: Ports that the container declares, or the protocol that another probe uses on this port.
--   failures BIGINT: How often the kubelet reported that the probe failed.
--   message VARCHAR: Its last report; null if it reported none.
--   command VARCHAR: What follows `kubectl -n NAMESPACE` to resolve it.
WITH listed AS (
    SELECT
        entity_id, kind, name AS container, container.startupProbe IS NOT NULL AS has_startup,
        list_filter([port.name FOR port IN container.ports], lambda name : name IS NOT NULL) AS port_names,
        [port.containerPort FOR port IN container.ports] AS ports,
        unnest([
            {'probe': 'liveness', 'field': 'livenessProbe', 'spec': container.livenessProbe},
            {'probe': 'readiness', 'field': 'readinessProbe', 'spec': container.readinessProbe},
            {'probe': 'startup', 'field': 'startupProbe', 'spec': container.startupProbe}
        ]) AS one
    FROM container_template
    WHERE NOT is_init
), parsed AS (
    SELECT
        * EXCLUDE (one), one.probe AS probe, one.field AS field,
        json_transform(one.spec, '{
            "httpGet": {"port": "VARCHAR", "path": "VARCHAR"}, "grpc": {"port": "VARCHAR"}, "tcpSocket": {"port": "VARCHAR"},
            "initialDelaySeconds": "BIGINT", "periodSeconds": "BIGINT", "failureThreshold": "BIGINT"
        }') AS spec
    FROM listed
    WHERE one.spec IS NOT NULL
), asked AS (
    SELECT
        *,
        CASE WHEN spec.httpGet IS NOT NULL THEN 'httpGet' WHEN spec.grpc IS NOT NULL THEN 'grpc' ELSE 'tcpSocket' END AS handler,
        coalesce(spec.httpGet.port, spec.grpc.port, spec.tcpSocket.port) AS port,
        -- How long a container has from its start until it is killed. Source: defaults of core/v1 Probe.
        coalesce(spec.initialDelaySeconds, 0) + coalesce(spec.periodSeconds, 10) * coalesce(spec.failureThreshold, 3) AS patience
    FROM parsed
    WHERE coalesce(spec.httpGet.port, spec.grpc.port, spec.tcpSocket.port) IS NOT NULL
), existing AS (
    -- While a Pod is stopped, its containers may answer as they like.
    SELECT entity_id, coalesce(list_contains([c.type FOR c IN pod.status.conditions IF c.status = 'True'], 'Ready'), false) AS is_ready
    FROM pod_version
    WHERE is_last AND pod.metadata.deletionTimestamp IS NULL
), reported AS (
    SELECT
        entity.workload_id AS entity_id,
        coalesce(
            CASE WHEN entity.kind = 'Container' THEN split_part(entity.name, '/', 2) END,
            nullif(regexp_extract(event.note, '^Container (\S+) failed', 1), '')
        ) AS container,
        CASE
            WHEN event.reason = 'Unhealthy' THEN lower(split_part(event.note, ' ', 1))
            WHEN contains(event.note, 'failed liveness probe') THEN 'liveness'
            ELSE 'startup'
        END AS probe,
        event.reason = 'Killing' AS is_kill, event.note,
        -- An Event counts up; how often it happened within the recording does not matter here.
        max(event.count) AS times, max(event.at_ns) AS at_ns
    FROM kubernetes_event AS event
    JOIN entity ON entity.entity_id = event.entity_id
    JOIN existing ON existing.entity_id = entity.pod_id
    WHERE NOT (existing.is_ready AND starts_with(event.note, 'Readiness'))
        AND (event.reason = 'Unhealthy' OR (event.reason = 'Killing' AND regexp_matches(event.note, 'failed (liveness|startup) probe')))
    GROUP BY ALL
), sole AS (
    SELECT entity_id, probe, min(container) AS container FROM asked GROUP BY ALL HAVING count(*) = 1
), failed AS (
    SELECT
        entity_id, coalesce(reported.container, sole.container) AS container, probe, coalesce(sum(times) FILTER (NOT is_kill), 0)::BIGINT AS failures,
        coalesce(sum(times) FILTER (is_kill), 0) AS kills, arg_max(note, (at_ns, note)) FILTER (NOT is_kill) AS message
    FROM reported LEFT JOIN sole USING (entity_id, probe)
    GROUP BY ALL
), judged AS (
    SELECT
        asked.*, failed.failures, failed.message, failed.kills, template.name, template.is_ready, template.at_ns, template.to_ns, template.is_old,
        template.node, template.seq,
        EXISTS (SELECT 1 FROM served_port AS offer WHERE offer.entity_id = asked.entity_id AND offer.port::VARCHAR = asked.port) AS is_served,
        -- Another probe of the container that succeeds on this port with another protocol.
        (SELECT min(other.handler) FROM asked AS other
         WHERE other.entity_id = asked.entity_id AND other.container = asked.container AND other.port = asked.port
            AND other.handler <> asked.handler AND 'tcpSocket' NOT IN (other.handler, asked.handler)) AS other_handler
    FROM asked
    JOIN pod_template AS template ON template.entity_id = asked.entity_id
    LEFT JOIN failed
        ON failed.entity_id = asked.entity_id AND failed.container = asked.container AND failed.probe = asked.probe
), named AS (
    SELECT
        *,
        CASE
            WHEN TRY_CAST(port AS BIGINT) IS NULL AND NOT list_contains(port_names, port) THEN 'port'
            WHEN coalesce(failures, 0) = 0 OR (probe = 'readiness' AND is_ready) THEN NULL
            WHEN regexp_matches(message, 'malformed HTTP|server gave HTTP response to HTTPS|first record does not look like a TLS|reading server preface|frame too large|unknown service grpc\.health|code = Unimplemented')
            THEN 'protocol'
            WHEN regexp_matches(message, 'statuscode: 40[1345]') THEN 'path'
            WHEN TRY_CAST(port AS BIGINT) IS NOT NULL AND len(ports) > 0 AND NOT is_served THEN 'port'
            WHEN other_handler IS NOT NULL AND NOT regexp_matches(message, 'statuscode') AND (probe = 'readiness' OR kills > 0) THEN 'protocol'
            -- Ten seconds: what ordinary programs need to start. A kubelet reports a kill when it has failed that often.
            WHEN probe <> 'readiness' AND patience < 10 AND kills > 1 AND NOT has_startup AND NOT coalesce(is_ready, false)
                AND regexp_matches(message, '(?i)connection refused|deadline exceeded|timeout')
            THEN 'timing'
        END AS mismatch
    FROM judged
), patched AS (
    SELECT
        *,
        CASE mismatch
            WHEN 'port' THEN CASE WHEN len(ports) = 1 THEN '{"' || handler || '":{"port":' || ports[1] || '}}' END
            WHEN 'protocol' THEN '{"' || handler || '":null,"' || CASE handler WHEN 'httpGet' THEN coalesce(other_handler, 'tcpSocket')
                ELSE coalesce(nullif(other_handler, 'httpGet'), 'tcpSocket') END
                || '":{"port":' || TRY_CAST(port AS BIGINT) || '}}'
            WHEN 'timing' THEN '{"initialDelaySeconds":10,"periodSeconds":10,"failureThreshold":3}'
        END AS change
    FROM named
    WHERE mismatch IS NOT NULL
)
SELECT at_ns, entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence, to_ns, true AS is_open, is_old, false AS is_past,
    container, probe, mismatch,
    CASE WHEN mismatch = 'timing' THEN patience || ' s' ELSE handler || ' ' || port || coalesce(spec.httpGet.path, '') END AS asked,
    CASE WHEN mismatch = 'protocol' THEN other_handler ELSE list_aggregate(ports::VARCHAR[], 'string_agg', ', ') END AS served,
    coalesce(failures, 0) AS failures, message,
    patch_command(kind, name, 'strategic', CASE WHEN kind IN ('Deployment', 'StatefulSet', 'DaemonSet') AND regexp_full_match(container, '[a-z0-9-]+')
        THEN '{"spec":{"template":{"spec":{"containers":[{"name":"' || container || '","' || field || '":' || change || '}]}}}}' END) AS command
FROM patched
