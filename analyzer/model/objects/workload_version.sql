-- The replicas and a digest of the pod template in every version of every workload.
--
-- kind: table
-- reads: object_version
-- columns:
--   entity_id VARCHAR: The workload.
--   kind VARCHAR: `Deployment`, `ReplicaSet`, `StatefulSet` or `DaemonSet`.
--   namespace VARCHAR: Its namespace.
--   name VARCHAR: Its name.
--   at_ns BIGINT: When this version was received, in aligned unix ns.
--   until_ns BIGINT: When the next version was received; the end of the capture for the last one.
--   is_last BOOLEAN: Whether no later version was received and the object was not deleted.
--   is_state BOOLEAN: Whether it was found by listing when a segment began.
--   node VARCHAR: The node that recorded it.
--   seq UBIGINT: `event_seq` of its row.
--   generation BIGINT: Generation of the specification.
--   desired BIGINT: Replicas that it should have.
--   current BIGINT: Replicas that it has.
--   ready BIGINT: Replicas that are ready.
--   available BIGINT: Replicas that are available.
--   updated BIGINT: Replicas of the newest pod template; null for ReplicaSets.
--   observed_generation BIGINT: Generation that the controller has seen.
--   revision VARCHAR: Revision that the controller assigned; null if there is none.
--   is_paused BOOLEAN: Whether its rollouts are paused.
--   template VARCHAR: Digest of the pod template; null if there is none.
--   conditions STRUCT[]: Its conditions, named as in the API.
WITH parsed AS (
    SELECT
        * EXCLUDE (content),
        json_transform(content, '{
            "metadata": {"annotations": {"deployment.kubernetes.io/revision": "VARCHAR"}},
            "spec": {"replicas": "BIGINT", "paused": "BOOLEAN", "template": "JSON"},
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
    entity_id, kind, namespace, name, at_ns, until_ns, is_last, is_state, node, seq, generation,
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
    coalesce(workload.spec.paused, false) AS is_paused,
    md5(workload.spec.template) AS template,
    workload.status.conditions AS conditions
FROM parsed
