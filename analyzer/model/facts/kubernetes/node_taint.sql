-- A taint of a Node while it had it.
--
-- kind: interval fact
-- about: Node
-- reads: node_version
-- needs:
--   node_version: len(taints) > 0
-- columns:
--   key VARCHAR: Key of the taint.
--   value VARCHAR: Value of the taint; null if it has none.
--   effect VARCHAR: `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
WITH listed AS (
    SELECT * EXCLUDE (taints), unnest(taints) AS taint FROM node_version
), told AS (
    SELECT DISTINCT
        entity_id, coalesce(taint.key, '') || ':' || coalesce(taint.effect, '') AS facet,
        {'key': taint.key, 'value': taint.value, 'effect': taint.effect} AS state,
        NULL AS detail, unix_ns(taint.timeAdded) AS since_ns, at_ns, until_ns, node, seq, is_state, is_last
    FROM listed
)
SELECT at_ns, entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence, to_ns, is_open, is_old, is_past, unnest(state)
FROM intervals_of('told')
