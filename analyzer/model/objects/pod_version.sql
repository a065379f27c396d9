-- What every version of every Pod says, parsed once. What is missing or of a wrong type is null.
CREATE TABLE pod_version AS
SELECT
    entity_id, uid, namespace, name, at_ns, until_ns, is_last, is_state, node, seq,
    json_transform(content, '{
        "metadata": {
            "deletionTimestamp": "VARCHAR", "deletionGracePeriodSeconds": "BIGINT", "labels": "MAP(VARCHAR, VARCHAR)",
            "annotations": {"kubernetes.io/config.hash": "VARCHAR"}
        },
        "spec": {
            "nodeName": "VARCHAR", "hostNetwork": "BOOLEAN",
            "imagePullSecrets": [{"name": "VARCHAR"}],
            "volumes": [{
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
WHERE kind = 'Pod' AND content IS NOT NULL;
