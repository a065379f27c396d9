-- A Deployment whose pod template was changed while its rollouts are paused: its Pods are still those of a template before.
--
-- kind: interval fact
-- about: Deployment
-- reads: workload_version
-- needs:
--   workload_version: is_paused
-- columns:
--   outdated BIGINT: Pods that are not of the newest template.
WITH told AS (
    SELECT entity_id, NULL AS facet,
        {'is_held': is_paused AND current > 0 AND coalesce(observed_generation >= generation, true) AND coalesce(updated, 0) < current,
            'outdated': current - coalesce(updated, 0)} AS state,
        NULL AS detail, NULL AS since_ns, at_ns, until_ns, node, seq, is_state, is_last
    FROM workload_version
    WHERE kind = 'Deployment'
)
SELECT at_ns, entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence, to_ns, is_open, is_old, is_past,
    state.outdated AS outdated
FROM intervals_of('told')
WHERE state.is_held
