-- Every entity that is known from recorded state, and the interval in which it existed. Processes and addresses, which only the
-- frequent tables contain, are added in `entity`.
--
-- kind: table
-- reads: capture_window, cgroup, container_declared, log_file, object_version, owner_reference, pod_version, recording_node,
--   runtime_container
-- columns:
--   entity_id VARCHAR: Key: `Kind/uid` of Kubernetes objects, `Container/<pod uid>/<name>`, `Process/<node>/<pid>/<start>`,
--     `Node/<name>`, `Address/<address>`.
--   kind VARCHAR: The part of the key before the first slash.
--   namespace VARCHAR: Its namespace; null for cluster-wide entities.
--   name VARCHAR: Its name; `pod/container` for Containers, `command (pid)` for Processes.
--   uid VARCHAR: Uid of the Kubernetes object; null for others.
--   node VARCHAR: Node that it is or runs on; null if it is on none.
--   from_ns BIGINT: Start of its existence, in unix ns.
--   to_ns BIGINT: End of its existence, in unix ns; the end of the capture if it still existed.
--   pod_id VARCHAR: The Pod of Pods, Containers and Processes; null for others.
--   workload_id VARCHAR: The top of its OWNS chain; itself for a workload; null for others.
--   is_deleted BOOLEAN: Whether it was deleted or ended within the capture.
WITH RECURSIVE pod_node AS (
    SELECT entity_id, arg_max(pod.spec.nodeName, (at_ns, node, seq)) AS node FROM pod_version GROUP BY entity_id
), object AS (
    SELECT
        entity_id, any_value(kind) AS kind, any_value(namespace) AS namespace, any_value(name) AS name, any_value(uid) AS uid,
        least(min(at_ns), coalesce(min(created_ns), min(at_ns))) AS from_ns,
        max(until_ns) AS to_ns,
        bool_or(is_deletion) AS is_deleted
    FROM object_version
    GROUP BY entity_id
), window_ends AS (
    SELECT from_ns, to_ns FROM capture_window
), found AS (
    SELECT
        object.* EXCLUDE (from_ns, to_ns, is_deleted),
        CASE WHEN kind = 'Node' THEN name ELSE pod_node.node END AS node,
        from_ns, to_ns, is_deleted,
        CASE WHEN kind = 'Pod' THEN entity_id END AS pod_id,
        1 AS rank
    FROM object LEFT JOIN pod_node USING (entity_id)
    UNION ALL
    SELECT
        declared.entity_id, 'Container', any_value(declared.namespace),
        any_value(declared.pod_name) || '/' || any_value(declared.name), NULL,
        any_value(pod_node.node), any_value(object.from_ns), any_value(object.to_ns), any_value(object.is_deleted),
        declared.pod_id, 2
    FROM container_declared AS declared
    JOIN object ON object.entity_id = declared.pod_id
    LEFT JOIN pod_node ON pod_node.entity_id = declared.pod_id
    GROUP BY declared.entity_id, declared.pod_id
    UNION ALL
    -- Owners that were not recorded themselves: the recorder of a node may watch only its own pods.
    SELECT
        owner_id, any_value(owner_kind), any_value(namespace), any_value(owner_name), any_value(owner_uid), NULL,
        min(at_ns), max(until_ns), false, NULL, 3
    FROM owner_reference
    GROUP BY owner_id
    UNION ALL
    -- Pods and containers that only the container runtime told of, as in a recording without Kubernetes.
    SELECT
        pod_id, 'Pod', any_value(namespace), any_value(pod_name), substr(pod_id, 5), any_value(node),
        (SELECT from_ns FROM window_ends), (SELECT to_ns FROM window_ends), false, pod_id, 4
    FROM runtime_container
    GROUP BY pod_id
    UNION ALL
    SELECT
        entity_id, 'Container', any_value(namespace), any_value(pod_name) || '/' || any_value(name), NULL, any_value(node),
        (SELECT from_ns FROM window_ends), (SELECT to_ns FROM window_ends), false, pod_id, 4
    FROM runtime_container WHERE name IS NOT NULL
    GROUP BY entity_id, pod_id
    UNION ALL
    -- Those that are known only from their cgroups.
    SELECT
        pod_id, 'Pod', NULL, substr(pod_id, 5), substr(pod_id, 5), any_value(node),
        (SELECT from_ns FROM window_ends), (SELECT to_ns FROM window_ends), false, pod_id, 5
    FROM cgroup WHERE pod_id IS NOT NULL
    GROUP BY pod_id
    UNION ALL
    SELECT
        entity_id, 'Container', NULL, substr(pod_id, 5) || '/' || left(any_value(runtime_id), 12), NULL, any_value(node),
        (SELECT from_ns FROM window_ends), (SELECT to_ns FROM window_ends), false, pod_id, 5
    FROM cgroup WHERE entity_id LIKE 'Container/%'
    GROUP BY entity_id, pod_id
    UNION ALL
    -- Secrets, which most recorders may not read, that a log names a file of.
    SELECT
        'Secret/' || namespace || '/' || name, 'Secret', namespace, name, NULL, NULL,
        (SELECT from_ns FROM window_ends), (SELECT to_ns FROM window_ends), false, NULL, 6
    FROM log_file
    WHERE kind = 'Secret' AND NOT EXISTS (
        SELECT 1 FROM object
        WHERE object.kind = 'Secret' AND object.namespace = log_file.namespace AND object.name = log_file.name
    )
    GROUP BY namespace, name
    UNION ALL
    SELECT
        'Node/' || node, 'Node', NULL, node, NULL, node,
        (SELECT from_ns FROM window_ends), (SELECT to_ns FROM window_ends), false, NULL, 7
    FROM recording_node
), best AS MATERIALIZED (
    SELECT * EXCLUDE (rank) FROM found
    QUALIFY row_number() OVER (PARTITION BY entity_id ORDER BY rank) = 1
), chain(entity_id, top_id, depth) AS (
    SELECT entity_id, entity_id, 0 FROM best
    WHERE kind IN ('Pod', 'Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob', 'ReplicationController')
    UNION ALL
    SELECT chain.entity_id, owner.owner_id, chain.depth + 1
    FROM chain JOIN owner_reference AS owner ON owner.entity_id = chain.top_id
    -- Why a limit: hostile references may form a cycle.
    WHERE chain.depth < 8
), top AS (
    SELECT entity_id, arg_max(top_id, (depth, top_id)) AS workload_id
    FROM chain
    GROUP BY entity_id
)
SELECT
    best.entity_id, best.kind, best.namespace, best.name, best.uid, best.node, best.from_ns, best.to_ns, best.pod_id,
    top.workload_id, best.is_deleted
FROM best
LEFT JOIN top ON top.entity_id = coalesce(best.pod_id, best.entity_id) AND top.workload_id NOT LIKE 'Pod/%'
