-- Containers and sandboxes as the container runtime told of them: one row per id.
--
-- kind: table
-- reads: container, pod_version
-- needs:
--   container: any
-- columns:
--   runtime_id VARCHAR: Id at the container runtime.
--   entity_id VARCHAR: The Container; the Pod of a sandbox.
--   pod_id VARCHAR: The Pod.
--   namespace VARCHAR: Its namespace.
--   pod_name VARCHAR: Name of the Pod.
--   name VARCHAR: Name of the container within the Pod; null for a sandbox.
--   node VARCHAR: Node whose runtime has it.
--   seq UBIGINT: `event_seq` of the first row about it.
--   known_ns BIGINT: When the runtime first told of it, in aligned unix ns.
WITH static_pod AS (
    -- As in `path_owner`: the runtime knows a static pod by the uid that the kubelet derived from its file.
    SELECT pod.metadata.annotations."kubernetes.io/config.hash" AS pod_uid, min(uid) AS api_uid
    FROM pod_version
    GROUP BY ALL
    HAVING pod_uid IS NOT NULL
), told AS (
    SELECT
        "container.id" AS runtime_id, "k8s.node.name" AS node,
        arg_min("k8s.pod.uid", (at_ns, event_seq)) AS pod_uid,
        arg_min("k8s.namespace.name", (at_ns, event_seq)) AS namespace,
        arg_min("k8s.pod.name", (at_ns, event_seq)) AS pod_name,
        arg_min("k8s.container.name", (at_ns, event_seq)) AS name,
        arg_min(event_seq, (at_ns, event_seq)) AS seq,
        min(at_ns) AS known_ns
    FROM container
    WHERE "k8s.pod.uid" <> ''
    GROUP BY ALL
), owned AS (
    SELECT told.* EXCLUDE (pod_uid), coalesce(static_pod.api_uid, told.pod_uid) AS pod_uid
    FROM told LEFT JOIN static_pod USING (pod_uid)
)
SELECT
    runtime_id, CASE WHEN name IS NULL THEN 'Pod/' || pod_uid ELSE container_entity_id(pod_uid, name) END AS entity_id,
    'Pod/' || pod_uid AS pod_id, namespace, pod_name, name, node, seq, known_ns
FROM owned
