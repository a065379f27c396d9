-- Every container that a Pod's specification names, once per distinct specification of the Pod.
--
-- kind: table
-- reads: pod_version
-- columns:
--   entity_id VARCHAR: The Container.
--   pod_id VARCHAR: The Pod.
--   pod_uid VARCHAR: Uid of the Pod.
--   namespace VARCHAR: Namespace of the Pod.
--   pod_name VARCHAR: Name of the Pod.
--   name VARCHAR: Name of the container within the Pod.
--   is_init BOOLEAN: Whether it is an init container.
--   container STRUCT: The fields of the container that are read, named as in the API.
--   at_ns BIGINT: When the first version of the Pod with this specification was received, in aligned unix ns.
--   until_ns BIGINT: When the last version of the Pod with this specification ended.
--   is_last BOOLEAN: Whether the last version of the Pod has this specification.
--   is_state BOOLEAN: Whether the first of these versions was found by listing when a segment began.
--   node VARCHAR: The node that recorded the first of these versions.
--   seq UBIGINT: `event_seq` of the first of these versions.
WITH listed AS (
    SELECT
        entity_id AS pod_id, uid, namespace, name AS pod_name, at_ns, until_ns, is_last, is_state, node, seq,
        unnest([
            {'containers': pod.spec.containers, 'is_init': false},
            {'containers': pod.spec.initContainers, 'is_init': true},
            {'containers': pod.spec.ephemeralContainers, 'is_init': false}
        ]) AS list
    FROM pod_version
), parsed AS (
    SELECT
        * EXCLUDE (list),
        list.is_init AS is_init,
        unnest(json_transform(list.containers, '[{
            "name": "VARCHAR", "image": "VARCHAR", "command": ["VARCHAR"], "args": ["VARCHAR"],
            "env": [{
                "name": "VARCHAR", "value": "VARCHAR",
                "valueFrom": {"configMapKeyRef": {"name": "VARCHAR"}, "secretKeyRef": {"name": "VARCHAR"}}
            }],
            "envFrom": [{"configMapRef": {"name": "VARCHAR"}, "secretRef": {"name": "VARCHAR"}}],
            "resources": {
                "limits": {"memory": "VARCHAR", "cpu": "VARCHAR", "ephemeral-storage": "VARCHAR"}, "requests": {"memory": "VARCHAR", "cpu": "VARCHAR"}
            },
            "volumeMounts": [{"name": "VARCHAR", "mountPath": "VARCHAR"}],
            "livenessProbe": "JSON", "readinessProbe": "JSON"
        }]')) AS container
    FROM listed
)
SELECT
    container_entity_id(uid, container.name) AS entity_id,
    any_value(pod_id) AS pod_id,
    any_value(uid) AS pod_uid,
    any_value(namespace) AS namespace,
    any_value(pod_name) AS pod_name,
    container.name AS name,
    is_init,
    container,
    min(at_ns) AS at_ns,
    max(until_ns) AS until_ns,
    bool_or(is_last) AS is_last,
    arg_min(is_state, (at_ns, node, seq)) AS is_state,
    arg_min(node, (at_ns, node, seq)) AS node,
    arg_min(seq, (at_ns, node, seq)) AS seq
FROM parsed
WHERE container.name IS NOT NULL
GROUP BY uid, container, is_init
