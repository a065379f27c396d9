-- Somebody deleted a Pod that its ReplicaSet wants: nobody scaled it down, rolled it out, evicted it, drained its node or deleted its
-- namespace. Which user or program did is in the audit log of the API server only.
--
-- kind: moment fact
-- about: the workload; the ReplicaSet if nothing owns it
-- reads: ending_object, node_version, owner_reference, pod_deletion, pod_eviction, recorded_entity, runs_on, workload_version
-- needs:
--   pod_deletion: NOT is_old AND reason IS NULL
-- columns:
--   pod_id VARCHAR: The Pod.
--   pod VARCHAR: Its name.
WITH shrunk AS (
    SELECT entity_id, at_ns
    FROM (SELECT *, lag(desired) OVER (PARTITION BY entity_id ORDER BY at_ns, node, seq) AS before FROM workload_version WHERE kind = 'ReplicaSet')
    WHERE desired < before
), drained AS (
    SELECT runs_on.source_id AS pod_id FROM runs_on JOIN node_version ON node_version.entity_id = runs_on.target_id WHERE node_version.is_cordoned
)
SELECT told.at_ns, pod.workload_id AS entity_id, told.node, told.seq, told.evidence, told.entity_id AS pod_id, pod.name AS pod
FROM pod_deletion AS told
JOIN recorded_entity AS pod ON pod.entity_id = told.entity_id AND pod.workload_id IS NOT NULL
JOIN owner_reference AS owner ON owner.entity_id = told.entity_id AND owner.owner_kind = 'ReplicaSet'
JOIN workload_version AS wanted
    ON wanted.entity_id = owner.owner_id AND wanted.desired > 0 AND told.at_ns BETWEEN wanted.at_ns AND wanted.until_ns
WHERE NOT told.is_old AND told.reason IS NULL AND coalesce(told.phase, 'Running') IN ('Running', 'Pending')
    AND told.entity_id NOT IN (SELECT entity_id FROM pod_eviction)
    AND told.entity_id NOT IN (SELECT pod_id FROM drained)
    AND coalesce(pod.namespace, '') NOT IN (SELECT name FROM ending_object WHERE kind = 'Namespace')
    AND owner.owner_id NOT IN (SELECT entity_id FROM ending_object)
    -- A controller deletes Pods within seconds after it was told to have fewer, as the recorder may hear in another order.
    AND NOT EXISTS (
        SELECT 1 FROM shrunk
        WHERE shrunk.entity_id = owner.owner_id AND shrunk.at_ns BETWEEN told.at_ns - 15000000000 AND told.at_ns + 5000000000
    )
QUALIFY row_number() OVER (PARTITION BY told.entity_id ORDER BY told.at_ns, wanted.at_ns DESC) = 1
