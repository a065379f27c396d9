-- The limits, the current and the desired replicas of a HorizontalPodAutoscaler.
--
-- kind: interval fact
-- about: HorizontalPodAutoscaler
-- reads: autoscaler_version, recorded_entity, scales
-- needs:
--   autoscaler_version: any
-- columns:
--   min_replicas BIGINT: Minimum number of replicas that it may set; null if it is not given.
--   max_replicas BIGINT: Maximum number of replicas that it may set.
--   current_replicas BIGINT: Replicas that the workload has.
--   desired_replicas BIGINT: Replicas that it requests.
--   target_id VARCHAR: The workload that it scales; null if that was not recorded.
--   rival VARCHAR: Name of an older autoscaler that scales the same workload; null if there is none.
--   is_limited BOOLEAN: Whether the desired number of replicas is outside of its limits, at the end of the interval.
WITH told AS (
    SELECT
        entity_id, NULL AS facet,
        {
            'min_replicas': spec.minReplicas, 'max_replicas': spec.maxReplicas,
            'current_replicas': status.currentReplicas, 'desired_replicas': status.desiredReplicas
        } AS state,
        {
            'is_limited': len(list_filter(
                coalesce(status.conditions, []), lambda condition : condition.type = 'ScalingLimited' AND condition.status = 'True'
            )) > 0
        } AS detail,
        created_ns AS since_ns, at_ns, until_ns, node, seq, is_state, is_last
    FROM autoscaler_version
), rival AS (
    SELECT one.source_id AS entity_id, min(other.name) AS name
    FROM scales AS one
    JOIN scales AS beside ON beside.target_id = one.target_id
    JOIN recorded_entity AS own ON own.entity_id = one.source_id
    JOIN recorded_entity AS other ON other.entity_id = beside.source_id AND NOT other.is_deleted
    WHERE (other.from_ns, other.name) < (own.from_ns, own.name)
    GROUP BY ALL
)
SELECT told.at_ns, told.entity_id, told.node, told.seq, evidence_of('kube_object', told.node, told.seq) AS evidence,
    told.to_ns, told.is_open, told.is_old, told.is_past, unnest(told.state),
    (SELECT min(target_id) FROM scales WHERE source_id = told.entity_id) AS target_id,
    rival.name AS rival, told.detail.is_limited AS is_limited
FROM intervals_of('told') AS told
LEFT JOIN rival USING (entity_id)
