-- The limits, the current and the desired replicas of a HorizontalPodAutoscaler.
--
-- kind: interval fact
-- about: HorizontalPodAutoscaler
-- reads: autoscaler_version, scales
-- needs:
--   autoscaler_version: any
-- columns:
--   min_replicas BIGINT: Minimum number of replicas that it may set; null if it is not given.
--   max_replicas BIGINT: Maximum number of replicas that it may set.
--   current_replicas BIGINT: Replicas that the workload has.
--   desired_replicas BIGINT: Replicas that it requests.
--   target_id VARCHAR: The workload that it scales; null if that was not recorded.
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
)
SELECT told.at_ns, told.entity_id, told.node, told.seq, evidence_of('kube_object', told.node, told.seq) AS evidence,
    told.to_ns, told.is_open, told.is_old, told.is_past, unnest(told.state),
    (SELECT min(target_id) FROM scales WHERE source_id = told.entity_id) AS target_id,
    told.detail.is_limited AS is_limited
FROM intervals_of('told') AS told
