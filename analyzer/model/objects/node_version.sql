-- Health, labels, taints, room and addresses in every version of every Node.
--
-- kind: table
-- reads: object_version
-- columns:
--   entity_id VARCHAR: The Node.
--   name VARCHAR: Its name.
--   at_ns BIGINT: When this version was received, in aligned unix ns.
--   until_ns BIGINT: When the next version was received; the end of the capture for the last one.
--   is_last BOOLEAN: Whether no later version was received and the object was not deleted.
--   is_state BOOLEAN: Whether it was found by listing when a segment began.
--   node VARCHAR: The node that recorded it.
--   seq UBIGINT: `event_seq` of its row.
--   labels MAP: Its labels.
--   is_control_plane BOOLEAN: Whether its labels say that it is one.
--   is_cordoned BOOLEAN: Whether it was marked as unschedulable.
--   cpu_milli BIGINT: CPU that pods may request in all, in thousandths; null if it does not say.
--   memory_bytes BIGINT: Memory that pods may request in all; null if it does not say.
--   taints STRUCT[]: Its taints, named as in the API.
--   addresses STRUCT[]: Its addresses, named as in the API.
--   conditions STRUCT[]: Its conditions, named as in the API.
WITH parsed AS (
    SELECT
        * EXCLUDE (content),
        json_transform(content, '{
            "metadata": {"labels": "MAP(VARCHAR, VARCHAR)"},
            "spec": {
                "unschedulable": "BOOLEAN",
                "taints": [{"key": "VARCHAR", "value": "VARCHAR", "effect": "VARCHAR", "timeAdded": "VARCHAR"}]
            },
            "status": {
                "allocatable": {"cpu": "VARCHAR", "memory": "VARCHAR"},
                "addresses": [{"type": "VARCHAR", "address": "VARCHAR"}],
                "conditions": [{
                    "type": "VARCHAR", "status": "VARCHAR", "reason": "VARCHAR", "message": "VARCHAR",
                    "lastTransitionTime": "VARCHAR"
                }]
            }
        }') AS description
    FROM object_version
    WHERE kind = 'Node' AND content IS NOT NULL
)
SELECT
    entity_id, name, at_ns, until_ns, is_last, is_state, node, seq,
    description.metadata.labels AS labels,
    coalesce(
        map_contains(description.metadata.labels, 'node-role.kubernetes.io/control-plane')
            OR map_contains(description.metadata.labels, 'node-role.kubernetes.io/master')
            OR description.metadata.labels['kubernetes.io/role'] IN ('master', 'control-plane'), false
    ) AS is_control_plane,
    coalesce(description.spec.unschedulable, false) AS is_cordoned,
    quantity_milli(description.status.allocatable.cpu) AS cpu_milli,
    quantity_milli(description.status.allocatable.memory) // 1000 AS memory_bytes,
    description.spec.taints AS taints, description.status.addresses AS addresses, description.status.conditions AS conditions
FROM parsed
