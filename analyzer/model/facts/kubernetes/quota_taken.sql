-- Pods of a workload were created, and took what a ResourceQuota allows, so that Pods of others were refused afterwards.
--
-- kind: moment fact
-- about: the workload whose Pods were created; the Pod if nothing owns it
-- reads: fills, recorded_entity
-- needs:
--   fills: any
-- columns:
--   quota VARCHAR: Name of the ResourceQuota.
SELECT
    min(fills.from_ns) AS at_ns, coalesce(pod.workload_id, pod.entity_id) AS entity_id,
    split_part(min(evidence), ':', 2) AS node, TRY_CAST(split_part(min(evidence), ':', 3) AS UBIGINT) AS seq, min(evidence) AS evidence,
    quota.name AS quota
FROM fills
JOIN recorded_entity AS pod ON pod.entity_id = fills.source_id
JOIN recorded_entity AS quota ON quota.entity_id = fills.target_id
GROUP BY coalesce(pod.workload_id, pod.entity_id), quota.name
