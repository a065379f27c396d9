-- A change of a workload's specification that its controller has not looked at.
--
-- A controller writes the generation that it has seen to the status, within a second or so: one that does not is not running, has no
-- leader, or is far behind.
--
-- kind: interval fact
-- about: Deployment, StatefulSet, DaemonSet
-- reads: node_version, recorded_entity, workload_version
-- needs:
--   workload_version: observed_generation < generation
-- columns:
--   workload VARCHAR: Kind and name of the workload, as people write it: `Deployment shop/cache`.
--   generation BIGINT: Generation that was not looked at.
--   controller_id VARCHAR: The controller manager: its Pod where that was recorded, else the only control plane node, else the workload.
WITH told AS (
    SELECT
        entity_id, NULL AS facet,
        {
            'workload': kind || ' ' || namespace || '/' || name,
            'generation': CASE WHEN coalesce(observed_generation, 0) < generation THEN generation END
        } AS state,
        NULL AS detail, NULL AS since_ns, at_ns, until_ns, node, seq, is_state, is_last
    FROM workload_version
    WHERE kind <> 'ReplicaSet'
), controller AS (
    SELECT coalesce(
        (SELECT min(entity_id) FROM recorded_entity
            WHERE kind = 'Pod' AND namespace = 'kube-system' AND name LIKE 'kube-controller-manager%'),
        (SELECT CASE WHEN count(DISTINCT entity_id) = 1 THEN min(entity_id) END FROM node_version WHERE is_control_plane)
    ) AS id
)
SELECT
    told.at_ns, told.entity_id, told.node, told.seq, evidence_of('kube_object', told.node, told.seq) AS evidence,
    told.to_ns, told.is_open, told.is_old, told.is_past, unnest(told.state), coalesce(controller.id, told.entity_id) AS controller_id
FROM intervals_of('told') AS told CROSS JOIN controller
WHERE told.state.generation IS NOT NULL
