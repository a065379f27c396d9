-- Every version of every Pod, parsed once. A value that is missing or of a wrong type is null.
--
-- kind: table
-- reads: object_version
-- columns:
--   entity_id VARCHAR: The Pod.
--   uid VARCHAR: Its uid.
--   namespace VARCHAR: Its namespace.
--   name VARCHAR: Its name.
--   created_ns BIGINT: Unix ns of its creation; null if the object does not contain it.
--   at_ns BIGINT: When this version was received, in aligned unix ns.
--   until_ns BIGINT: When the next version was received; the end of the capture for the last one.
--   is_last BOOLEAN: Whether no later version was received and the object was not deleted.
--   is_state BOOLEAN: Whether it was found by listing when a segment began.
--   node VARCHAR: The node that recorded it.
--   seq UBIGINT: `event_seq` of its row.
--   pod STRUCT: The fields of the Pod that are read, named as in the API.
SELECT
    entity_id, uid, namespace, name, created_ns, at_ns, until_ns, is_last, is_state, node, seq,
    json_transform(content, '{
        "metadata": {
            "deletionTimestamp": "VARCHAR", "deletionGracePeriodSeconds": "BIGINT", "finalizers": ["VARCHAR"], "labels": "MAP(VARCHAR, VARCHAR)",
            "annotations": {"kubernetes.io/config.hash": "VARCHAR", "kubernetes.io/limit-ranger": "VARCHAR"}
        },
        "spec": {
            "nodeName": "VARCHAR", "hostNetwork": "BOOLEAN", "schedulerName": "VARCHAR", "serviceAccountName": "VARCHAR",
            "nodeSelector": "MAP(VARCHAR, VARCHAR)",
            "imagePullSecrets": [{"name": "VARCHAR"}],
            "volumes": [{
                "name": "VARCHAR", "emptyDir": {"sizeLimit": "VARCHAR"},
                "configMap": {"name": "VARCHAR"}, "secret": {"secretName": "VARCHAR"},
                "persistentVolumeClaim": {"claimName": "VARCHAR"},
                "projected": {"sources": [{"configMap": {"name": "VARCHAR"}, "secret": {"name": "VARCHAR"}}]}
            }],
            "containers": "JSON", "initContainers": "JSON", "ephemeralContainers": "JSON"
        },
        "status": {
            "phase": "VARCHAR", "reason": "VARCHAR", "message": "VARCHAR", "podIP": "VARCHAR", "podIPs": [{"ip": "VARCHAR"}],
            "conditions": [{
                "type": "VARCHAR", "status": "VARCHAR", "reason": "VARCHAR", "message": "VARCHAR", "lastTransitionTime": "VARCHAR"
            }],
            "containerStatuses": "JSON", "initContainerStatuses": "JSON", "ephemeralContainerStatuses": "JSON"
        }
    }') AS pod
FROM object_version
WHERE kind = 'Pod' AND content IS NOT NULL
