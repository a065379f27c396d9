-- What a HorizontalPodAutoscaler sees and wants.
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
    told.to_ns, told.is_open, told.is_old, unnest(told.state),
    (
        SELECT min(target_id) FROM relation
        WHERE relation.relation = 'SCALES' AND relation.source_id = told.entity_id
    ) AS target_id,
    told.detail.is_limited AS is_limited
FROM intervals_of('told') AS told
