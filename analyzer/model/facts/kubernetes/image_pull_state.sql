-- An image that cannot be pulled now, for the workload whose template asks for it, and why as far as the kubelet's messages say.
--
-- kind: interval fact
-- about: the workload; the Pod if nothing owns it
-- reads: container_declared, container_waiting, entity, kubernetes_event, object_version, pod_version
-- needs:
--   container_waiting: reason IN ('ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull',
--     'ImageInspectError', 'RegistryUnavailable', 'SignatureValidationFailed')
-- columns:
--   container VARCHAR: Name of the container.
--   image VARCHAR: Image that it asks for.
--   registry VARCHAR: Host of the registry.
--   failure VARCHAR: `malformed` (the reference), `unresolved` (name of the registry), `denied`, `not_found`, `throttled`,
--     `untrusted` (certificate), `unreachable`, `absent` (it may not be pulled and is not on the node), or `unknown`.
--   pull_secret VARCHAR: Names of the pull secrets of the Pod, or none; null if the Pod was not recorded.
--   missing_secret VARCHAR: The first of them that does not exist; null if all do, or no Secret of the namespace was recorded.
--   message VARCHAR: Last message that says why.
WITH failing AS (
    SELECT waiting.entity_id, waiting.pod_id, waiting.reason, waiting.message, waiting.at_ns, waiting.to_ns, waiting.is_old,
        waiting.is_open, waiting.node, waiting.seq, waiting.evidence
    FROM container_waiting AS waiting
    WHERE waiting.reason IN (
        'ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull', 'ImageInspectError', 'RegistryUnavailable',
        'SignatureValidationFailed'
    )
), said AS (
    SELECT entity_id, at_ns, reason || ': ' || coalesce(message, '') AS message FROM failing
    UNION ALL
    SELECT container.entity_id, event.at_ns, event.note
    FROM kubernetes_event AS event
    JOIN (SELECT DISTINCT entity_id, pod_id FROM failing) AS container
        ON event.entity_id IN (container.entity_id, container.pod_id)
    WHERE event.reason IN ('Failed', 'InspectFailed', 'ErrImageNeverPull')
), classed AS (
    SELECT
        *,
        CASE
            WHEN regexp_matches(message, '(?i)InvalidImageName|invalid reference format|couldn.t parse image|must be lowercase') THEN 'malformed'
            WHEN regexp_matches(message, '(?i)ErrImageNeverPull|not present with pull policy of Never') THEN 'absent'
            WHEN regexp_matches(message, '(?i)no such host|name resolution|server misbehaving|name or service not known') THEN 'unresolved'
            WHEN regexp_matches(message, '(?i)toomanyrequests|too many requests|rate limit') THEN 'throttled'
            WHEN regexp_matches(message, '(?i)x509|certificate|SignatureValidationFailed') THEN 'untrusted'
            WHEN regexp_matches(message, '(?i)\b40[13]\b|unauthorized|forbidden|insufficient_scope|access denied|authorization failed|no basic auth|failed to authorize')
            THEN 'denied'
            WHEN regexp_matches(message, '(?i)not found|manifest unknown|name unknown|notfound|does not exist|no match for platform') THEN 'not_found'
            WHEN regexp_matches(message, '(?i)timeout|timed out|connection refused|connection reset|unreachable|no route|deadline exceeded|unexpected EOF')
            THEN 'unreachable'
        END AS failure
    FROM said
), reason AS (
    SELECT entity_id, arg_max(failure, (at_ns, message)) AS failure, arg_max(message, (at_ns, message)) AS message
    FROM classed
    WHERE failure IS NOT NULL
    GROUP BY entity_id
), secret AS (
    SELECT namespace, list(name) AS names FROM object_version WHERE kind = 'Secret' AND is_last GROUP BY namespace
), pod AS (
    SELECT version.entity_id, secret.names,
        list_filter([secret.name FOR secret IN pod.spec.imagePullSecrets], lambda name : name IS NOT NULL) AS secrets
    FROM pod_version AS version LEFT JOIN secret USING (namespace)
    WHERE is_last
), asked AS (
    SELECT DISTINCT entity_id, name, container.image AS image FROM container_declared WHERE is_last
)
SELECT
    min(failing.at_ns) AS at_ns,
    coalesce(entity.workload_id, failing.pod_id) AS entity_id,
    arg_min(failing.node, (failing.at_ns, failing.seq)) AS node,
    arg_min(failing.seq, (failing.at_ns, failing.seq)) AS seq,
    arg_min(failing.evidence, (failing.at_ns, failing.seq)) AS evidence,
    max(failing.to_ns) AS to_ns,
    true AS is_open,
    arg_min(failing.is_old, (failing.at_ns, failing.seq)) AS is_old,
    false AS is_past,
    asked.name AS container, asked.image,
    -- The part before the first slash is a host if it could not be the name of a repository. Source: distribution/reference.
    CASE
        WHEN regexp_matches(split_part(asked.image, '/', 1), '[.:]|^localhost$') AND contains(asked.image, '/')
        THEN split_part(asked.image, '/', 1)
        ELSE 'docker.io'
    END AS registry,
    coalesce(arg_max(reason.failure, (failing.at_ns, failing.seq)), 'unknown') AS failure,
    min(CASE WHEN pod.entity_id IS NOT NULL THEN coalesce(nullif(list_aggregate(pod.secrets, 'string_agg', ', '), ''), 'none') END)
        AS pull_secret,
    min(list_filter(pod.secrets, lambda name : NOT list_contains(pod.names, name))[1]) AS missing_secret,
    arg_max(coalesce(reason.message, failing.reason || ': ' || coalesce(failing.message, '')), (failing.at_ns, failing.seq)) AS message
FROM failing
JOIN entity ON entity.entity_id = failing.entity_id
JOIN asked ON asked.entity_id = failing.entity_id
LEFT JOIN reason ON reason.entity_id = failing.entity_id
LEFT JOIN pod ON pod.entity_id = failing.pod_id
-- Containers that wait for an image at the end; what was pulled in the end is no state.
WHERE failing.entity_id IN (SELECT entity_id FROM failing AS last WHERE last.is_open)
GROUP BY coalesce(entity.workload_id, failing.pod_id), asked.name, asked.image
