-- A Pod that is being deleted, from the deletion timestamp until it is removed.
--
-- kind: interval fact
-- about: Pod
-- reads: pod_version
-- needs:
--   pod_version: pod.metadata.deletionTimestamp IS NOT NULL
-- columns:
--   grace_seconds BIGINT: Grace period in seconds.
--   reason VARCHAR: Reason of the DisruptionTarget condition (`DeletionByTaintManager`, `EvictionByEvictionAPI`,
--     `PreemptionByScheduler`, `TerminationByKubelet`); null without that condition.
--   message VARCHAR: Message of the DisruptionTarget condition.
--   phase VARCHAR: Phase of the Pod at the end of the interval.
--   finalizer VARCHAR: Its first finalizer at the end of the interval; null if it has none.
WITH told AS (
    SELECT
        entity_id, NULL AS facet, {'is_deleted': pod.metadata.deletionTimestamp IS NOT NULL} AS state,
        {
            'grace_seconds': pod.metadata.deletionGracePeriodSeconds, 'phase': pod.status.phase, 'finalizer': pod.metadata.finalizers[1],
            'disruption': list_filter(
                coalesce(pod.status.conditions, []), lambda condition : condition.type = 'DisruptionTarget' AND condition.status = 'True'
            )[1]
        } AS detail,
        -- The timestamp is when the grace period ends.
        TRY(unix_ns(pod.metadata.deletionTimestamp) - coalesce(pod.metadata.deletionGracePeriodSeconds, 0) * 1000000000) AS since_ns,
        at_ns, until_ns, node, seq, is_state, is_last
    FROM pod_version
)
SELECT at_ns, entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence, to_ns, is_open, is_old, is_past,
    detail.grace_seconds AS grace_seconds, detail.disruption.reason AS reason, detail.disruption.message AS message,
    detail.phase AS phase, detail.finalizer AS finalizer
FROM intervals_of('told')
WHERE state.is_deleted
