-- The newest pod template of every workload that still exists: what its next Pod will be. A Pod, ReplicaSet or Job that
-- nothing owns is a workload of its own until it has ended.
--
-- kind: table
-- reads: object_version
-- columns:
--   entity_id VARCHAR: The workload.
--   kind VARCHAR: Its kind.
--   namespace VARCHAR: Its namespace.
--   name VARCHAR: Its name.
--   labels MAP: Labels of the template.
--   spec STRUCT: The fields of the template's specification that are read, named as in the API.
--   replicas BIGINT: Replicas that it should have; null for kinds that do not say.
--   is_ready BOOLEAN: Whether it has all the ready replicas that it should have, and no others; null for kinds that do not say.
--   at_ns BIGINT: Since when the template is as it is, in aligned unix ns.
--   to_ns BIGINT: End of the capture, in aligned unix ns.
--   is_old BOOLEAN: Whether it was so already when the recording began.
--   node VARCHAR: The node that recorded the first version with this template.
--   seq UBIGINT: `event_seq` of that version.
WITH told AS (
    SELECT
        entity_id, NULL AS facet,
        {
            'kind': kind, 'namespace': namespace, 'name': name,
            'template': CASE kind
                WHEN 'Pod' THEN '{"metadata":{"labels":' || coalesce(json_extract(content, '$.metadata.labels')::VARCHAR, 'null')
                    || '},"spec":' || coalesce(json_extract(content, '$.spec')::VARCHAR, 'null') || '}'
                WHEN 'CronJob' THEN json_extract(content, '$.spec.jobTemplate.spec.template')::VARCHAR
                ELSE json_extract(content, '$.spec.template')::VARCHAR
            END
        } AS state,
        json_transform(content, '{
            "spec": {"replicas": "BIGINT"},
            "status": {
                "readyReplicas": "BIGINT", "unavailableReplicas": "BIGINT", "desiredNumberScheduled": "BIGINT", "numberReady": "BIGINT",
                "completionTime": "VARCHAR", "phase": "VARCHAR"
            }
        }') AS detail,
        created_ns AS since_ns, at_ns, until_ns, node, seq, is_state, is_last
    FROM object_version
    WHERE content IS NOT NULL AND (
        kind IN ('Deployment', 'StatefulSet', 'DaemonSet', 'CronJob')
        OR (kind IN ('Pod', 'ReplicaSet', 'Job') AND owner_uid IS NULL)
    )
), parsed AS (
    SELECT
        *,
        json_transform(state.template, '{
            "metadata": {"labels": "MAP(VARCHAR, VARCHAR)"},
            "spec": {
                "serviceAccountName": "VARCHAR", "priorityClassName": "VARCHAR", "runtimeClassName": "VARCHAR", "hostNetwork": "BOOLEAN",
                "imagePullSecrets": [{"name": "VARCHAR"}],
                "hostAliases": [{"hostnames": ["VARCHAR"]}],
                "volumes": [{
                    "name": "VARCHAR",
                    "configMap": {"name": "VARCHAR", "optional": "BOOLEAN"},
                    "secret": {"secretName": "VARCHAR", "optional": "BOOLEAN"},
                    "persistentVolumeClaim": {"claimName": "VARCHAR"}
                }],
                "containers": "JSON", "initContainers": "JSON"
            }
        }') AS template
    FROM intervals_of('told')
    WHERE is_open AND detail.status.completionTime IS NULL AND coalesce(detail.status.phase, '') NOT IN ('Succeeded', 'Failed')
)
SELECT
    entity_id, state.kind AS kind, state.namespace AS namespace, state.name AS name,
    template.metadata.labels AS labels, template.spec AS spec,
    CASE
        WHEN state.kind IN ('Deployment', 'StatefulSet', 'ReplicaSet') THEN coalesce(detail.spec.replicas, 1)
        WHEN state.kind = 'DaemonSet' THEN coalesce(detail.status.desiredNumberScheduled, 0)
    END AS replicas,
    CASE
        -- During a rollout, Pods of the template before are ready, too: then some are unavailable beside them.
        WHEN state.kind IN ('Deployment', 'StatefulSet', 'ReplicaSet')
        THEN coalesce(detail.status.readyReplicas, 0) >= coalesce(detail.spec.replicas, 1) AND coalesce(detail.status.unavailableReplicas, 0) = 0
        WHEN state.kind = 'DaemonSet' THEN coalesce(detail.status.numberReady, 0) >= coalesce(detail.status.desiredNumberScheduled, 0)
    END AS is_ready,
    at_ns, to_ns, is_old, node, seq
FROM parsed
