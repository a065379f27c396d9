-- What every version of every workload says of its replicas, and a digest of its pod template.
CREATE TABLE workload_version AS
WITH parsed AS (
    SELECT
        * EXCLUDE (content),
        json_transform(content, '{
            "metadata": {"annotations": {"deployment.kubernetes.io/revision": "VARCHAR"}},
            "spec": {"replicas": "BIGINT", "template": "JSON"},
            "status": {
                "replicas": "BIGINT", "readyReplicas": "BIGINT", "availableReplicas": "BIGINT", "updatedReplicas": "BIGINT",
                "observedGeneration": "BIGINT", "updateRevision": "VARCHAR",
                "desiredNumberScheduled": "BIGINT", "currentNumberScheduled": "BIGINT", "numberReady": "BIGINT",
                "numberAvailable": "BIGINT", "updatedNumberScheduled": "BIGINT",
                "conditions": [{
                    "type": "VARCHAR", "status": "VARCHAR", "reason": "VARCHAR", "message": "VARCHAR",
                    "lastTransitionTime": "VARCHAR"
                }]
            }
        }') AS workload
    FROM object_version
    WHERE kind IN ('Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet') AND content IS NOT NULL
)
SELECT
    entity_id, kind, at_ns, until_ns, is_last, is_state, node, seq, generation,
    -- Absent counts are zero to the API; a DaemonSet has names of its own for all of them.
    CASE WHEN kind = 'DaemonSet' THEN coalesce(workload.status.desiredNumberScheduled, 0) ELSE coalesce(workload.spec.replicas, 1) END
        AS desired,
    coalesce(CASE WHEN kind = 'DaemonSet' THEN workload.status.currentNumberScheduled ELSE workload.status.replicas END, 0) AS current,
    coalesce(CASE WHEN kind = 'DaemonSet' THEN workload.status.numberReady ELSE workload.status.readyReplicas END, 0) AS ready,
    coalesce(CASE WHEN kind = 'DaemonSet' THEN workload.status.numberAvailable ELSE workload.status.availableReplicas END, 0)
        AS available,
    CASE
        WHEN kind = 'DaemonSet' THEN coalesce(workload.status.updatedNumberScheduled, 0)
        WHEN kind <> 'ReplicaSet' THEN coalesce(workload.status.updatedReplicas, 0)
    END AS updated,
    workload.status.observedGeneration AS observed_generation,
    coalesce(workload.metadata.annotations."deployment.kubernetes.io/revision", workload.status.updateRevision) AS revision,
    md5(workload.spec.template) AS template,
    workload.status.conditions AS conditions
FROM parsed;
